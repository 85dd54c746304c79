//! Static types of the runtime, generated from the committed metadata (`cargo xtask metadata`). Where a
//! type is one of `dbc-primitives`, that one is used: same bytes, one meaning. A node whose runtime has
//! other shapes is noticed by the hashes that the generated code carries.

#[subxt::subxt(
    runtime_metadata_path = "metadata.scale",
    substitute_type(
        path = "dbc_primitives::machine::MachineId",
        with = "::subxt::utils::Static<::dbc_primitives::MachineId>"
    ),
    substitute_type(
        path = "dbc_primitives::machine::MachineClass",
        with = "::subxt::utils::Static<::dbc_primitives::MachineClass>"
    ),
    substitute_type(
        path = "dbc_primitives::machine::MachineStatus",
        with = "::subxt::utils::Static<::dbc_primitives::MachineStatus>"
    ),
    substitute_type(
        path = "dbc_primitives::machine::DenseIndex",
        with = "::subxt::utils::Static<::dbc_primitives::DenseIndex>"
    ),
    substitute_type(
        path = "dbc_primitives::machine::HardwareFacts",
        with = "::subxt::utils::Static<::dbc_primitives::HardwareFacts>"
    ),
    substitute_type(
        path = "dbc_primitives::machine::Location",
        with = "::subxt::utils::Static<::dbc_primitives::Location>"
    ),
    substitute_type(
        path = "dbc_primitives::machine::NetworkFacts",
        with = "::subxt::utils::Static<::dbc_primitives::NetworkFacts>"
    ),
    substitute_type(
        path = "dbc_primitives::price::Offer",
        with = "::subxt::utils::Static<::dbc_primitives::Offer>"
    ),
    substitute_type(
        path = "dbc_primitives::lease::Profile",
        with = "::subxt::utils::Static<::dbc_primitives::Profile>"
    ),
    substitute_type(
        path = "dbc_primitives::lease::Leg",
        with = "::subxt::utils::Static<::dbc_primitives::Leg>"
    ),
    substitute_type(
        path = "dbc_primitives::discount::Tiers",
        with = "::subxt::utils::Static<::dbc_primitives::discount::Tiers>"
    ),
    substitute_type(
        path = "dbc_primitives::discount::Progress",
        with = "::subxt::utils::Static<::dbc_primitives::discount::Progress>"
    ),
    substitute_type(
        path = "dbc_primitives::lease::LeaseState",
        with = "::subxt::utils::Static<::dbc_primitives::LeaseState>"
    ),
    substitute_type(
        path = "dbc_primitives::lease::CloseReason",
        with = "::subxt::utils::Static<::dbc_primitives::CloseReason>"
    ),
    substitute_type(
        path = "dbc_primitives::liveness::Opening",
        with = "::subxt::utils::Static<::dbc_primitives::liveness::Opening>"
    ),
    substitute_type(
        path = "dbc_primitives::audit::Findings",
        with = "::subxt::utils::Static<::dbc_primitives::audit::Findings>"
    ),
    substitute_type(
        path = "dbc_primitives::audit::Terms",
        with = "::subxt::utils::Static<::dbc_primitives::audit::Terms>"
    ),
    substitute_type(
        path = "dbc_primitives::audit::Verdict",
        with = "::subxt::utils::Static<::dbc_primitives::audit::Verdict>"
    ),
    substitute_type(
        path = "dbc_primitives::lease::Order<A>",
        with = "::subxt::utils::Static<::dbc_primitives::Order<crate::account::AccountId>>"
    )
)]
mod runtime {}

pub(crate) use runtime::*;
