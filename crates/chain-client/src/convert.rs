//! From generated records to ours. The parts of both are the types of `dbc-primitives`; only the
//! frames differ, because those belong to pallets.

use dbc_primitives::{LeaseId, MachineId};

use crate::{
    account::AccountId,
    generated::runtime_types::{dbc_runtime::RuntimeHoldReason, pallet_leases, pallet_machines},
    machine::{Fact, Tier},
    record::{HeldBack, Lease, Machine, Suspended},
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
        maintenance: from.maintenance.map(|announced| (announced.from, announced.until)),
        tier: match from.tier {
            pallet_machines::state::Tier::Normal => Tier::Normal,
            pallet_machines::state::Tier::Stable => Tier::Stable,
            pallet_machines::state::Tier::Lost => Tier::Lost,
        },
        pledge: from.extra,
        unproven: Fact::of_bits(from.unproven.0),
        offered_to: from.handover.map(|account| AccountId(account.0)),
    }
}

pub(crate) fn lease(id: LeaseId, from: GeneratedLease) -> Lease {
    Lease {
        id,
        renter: AccountId(from.renter.0),
        payer: AccountId(from.payer.0),
        provider: AccountId(from.provider.0),
        machine: from.machine.0,
        machine_index: from.machine_index.0,
        gpus: from.gpus.0,
        profile: from.profile.0,
        cpu_shares: from.cpu_shares,
        created_at: from.created_at,
        started_at: from.started_at,
        term: from.term,
        ends_at: from.ends_at,
        leg: from.leg.0,
        next: from.next.map(|leg| leg.0),
        tiers: from.tiers.0,
        counted: from.progress.0.counted,
        deposited: from.deposited,
        deposit: from.deposit,
        due: from.due,
        due_fees: from.due_fees,
        due_platform: from.due_platform,
        paid: from.paid,
        fees: from.fees,
        platform_fees: from.platform_fees,
        burned: from.burned,
        refunded: from.refunded,
        settled_to: from.settled_to,
        charged: from.charged,
        held_back: from.held_back.map(|held| HeldBack { since: held.since, until: held.until }),
        suspended: from.suspended.map(|found| Suspended {
            since: found.since,
            gpus: found.gpus.0,
            pledged: found.pledged,
        }),
        down_since: from.down.map(|down| down.since),
        moving: from.moving,
        standby: from.standby.map(|machine| machine.0),
        tail_until: from.tail.map(|tail| tail.until),
        max_rate: from.max_rate,
        cap: from.cap,
        access_key: from.access_key,
        grant_epoch: from.grant_epoch,
        generation: from.generation,
        platform: from.platform,
        voucher: from.voucher,
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
