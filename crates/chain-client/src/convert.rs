//! From generated records to ours. The parts of both are the types of `dbc-primitives`; only the
//! frames differ, because those belong to pallets.

use dbc_primitives::{LeaseId, MachineId};

use crate::{
    account::AccountId,
    generated::runtime_types::{dbc_runtime::RuntimeHoldReason, pallet_leases, pallet_machines},
    record::{Lease, Machine},
};

type GeneratedMachine = pallet_machines::types::Machine<subxt::utils::AccountId32>;
type GeneratedLease = pallet_leases::types::Lease<subxt::utils::AccountId32>;

pub(crate) fn machine(id: MachineId, from: GeneratedMachine) -> Machine {
    Machine {
        id,
        provider: AccountId(from.provider.0),
        index: from.index.0,
        status: from.status.0,
        class: from.class.0,
        facts: from.facts.0,
        location: from.location.0,
        network: from.network.0,
        stake: from.stake,
        offer: from.offer.map(|offer| offer.0),
        offer_version: from.offer_version,
        gpus_leased: (0..16).filter(|gpu| from.gpus_leased & (1 << gpu) != 0).collect(),
        cpu_leased: from.cpu_leased,
        strikes: from.strikes,
        registered_at: from.registered_at,
    }
}

pub(crate) fn lease(id: LeaseId, from: GeneratedLease) -> Lease {
    Lease {
        id,
        renter: AccountId(from.renter.0),
        provider: AccountId(from.provider.0),
        machine: from.machine.0,
        machine_index: from.machine_index.0,
        gpus: from.gpus.0,
        profile: from.profile.0,
        created_at: from.created_at,
        started_at: from.started_at,
        term: from.term,
        ends_at: from.ends_at,
        leg: from.leg.0,
        deposit: from.deposit,
        due: from.due,
        due_fees: from.due_fees,
        paid: from.paid,
        fees: from.fees,
        refunded: from.refunded,
        settled_to: from.settled_to,
        charged: from.charged,
        tail_until: from.tail.map(|tail| tail.until),
        max_rate: from.max_rate,
        cap: from.cap,
        access_key: from.access_key,
        grant_epoch: from.grant_epoch,
        generation: from.generation,
        platform: from.platform,
        receiver: from.receiver.map(|account| AccountId(account.0)),
        spec_hash: from.spec_hash,
        tag: from.tag,
        state: from.state.0,
        retain_until: from.retain_until,
    }
}

/// A hold's reason as `Pallet.Reason`.
pub(crate) fn hold_reason(reason: &RuntimeHoldReason) -> String {
    let text = format!("{reason:?}");
    text.trim_end_matches(')').replace('(', ".")
}
