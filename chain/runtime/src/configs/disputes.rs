//! What offences cost, and what they are made of.

use dbc_primitives::{Balance, LeaseId, MachineId, MachineStatus, Slot};
use frame_support::{
    parameter_types,
    traits::{ConstU32, ConstU64, EitherOfDiverse, Get as _},
};
use frame_system::EnsureRoot;
use pallet_audits::{Phase, Purpose};
use pallet_disputes::{Drawn, Kind, OffenceId};
use pallet_liveness::Liveness as _;
use pallet_rewards::Rewards as _;
use sp_runtime::{DispatchResult, Permill};

use super::{
    governance::{TwoThirdsOfCouncil, origins::SlashCanceller},
    market::CurrentSlot,
    money::TreasuryAccount,
    parameters::dynamic_params::disputes as numbers,
    rewards,
};
use crate::{
    AccountId, Audits, Balances, Disputes, Leases, Liveness, Machines, Rewards, Runtime,
    RuntimeHoldReason,
    constants::{DAYS, HOURS},
};

parameter_types! {
    pub const RenterShare: Permill = Permill::from_percent(10);
    pub const ReporterShare: Permill = Permill::from_percent(20);
}

impl pallet_disputes::Config for Runtime {
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Clock = CurrentSlot;
    type Stakes = Accused;
    type Rewards = Accused;
    type Leases = Accused;
    type Checks = Accused;
    type History = Accused;
    type Treasury = TreasuryAccount;
    type CancelOrigin =
        EitherOfDiverse<EitherOfDiverse<EnsureRoot<AccountId>, SlashCanceller>, TwoThirdsOfCouncil>;
    type ReportBond = numbers::ReportBond;
    type AppealBond = numbers::AppealBond;
    type AppealSlots = ConstU64<{ 48 * HOURS }>;
    type DecideSlots = ConstU64<{ 168 * HOURS }>;
    type CheckSlots = ConstU64<{ 24 * HOURS }>;
    type LiveLeast = ConstU32<9_950>;
    type ChargeEvery = ConstU64<{ 30 * DAYS }>;
    type RenterShare = RenterShare;
    type ReporterShare = ReporterShare;
    type StepsPerBlock = ConstU32<16>;
    type WeightInfo = pallet_disputes::weights::CountedWeight<Runtime>;
}

/// Machines, stakes, rewards and leases, as disputes see them.
pub struct Accused;

impl pallet_disputes::Stakes<AccountId> for Accused {
    fn of(machine: MachineId) -> Option<(AccountId, Balance)> {
        let record = pallet_machines::Machines::<Runtime>::get(machine)?;
        Some((record.provider, record.stake))
    }

    fn is_expected(machine: MachineId) -> bool {
        let record = pallet_machines::Machines::<Runtime>::get(machine);
        let expected = record.is_some_and(|record| is_on_offer(&record) || record.is_leased());
        expected && !Machines::in_maintenance(machine, CurrentSlot::get())
    }

    fn slash(machine: MachineId, most: Balance, to: &AccountId) -> Balance {
        Machines::slash(machine, most, to)
    }
}

impl pallet_disputes::Unreleased<AccountId> for Accused {
    fn forfeit(provider: &AccountId, most: Balance) -> Balance {
        Rewards::forfeit(provider, most)
    }
}

impl pallet_disputes::Leased<AccountId> for Accused {
    fn renter(machine: MachineId, lease: LeaseId) -> Option<(AccountId, Balance)> {
        let record = pallet_leases::Leases::<Runtime>::get(lease)?;
        (record.machine == machine).then_some((record.renter, record.paid))
    }

    fn ran(machine: MachineId, lease: LeaseId, at: Slot) -> bool {
        let record = pallet_leases::Leases::<Runtime>::get(lease);
        record.is_some_and(|record| record.machine == machine && record.ran(at))
    }

    fn hold_back(lease: LeaseId, since: Slot) {
        Leases::hold_back(lease, since);
    }

    fn let_go(lease: LeaseId) {
        Leases::let_go(lease);
    }

    fn end_for_fault(lease: LeaseId) {
        Leases::end_for_fault(lease);
    }
}

impl pallet_disputes::Checks<AccountId> for Accused {
    fn book(machine: MachineId, offence: OffenceId) -> DispatchResult {
        Audits::book(machine, Purpose::Check(offence))
    }

    fn drawn(machine: MachineId, offence: OffenceId) -> Drawn<AccountId> {
        let open = pallet_audits::OpenOf::<Runtime>::get(machine);
        let audit = open.and_then(pallet_audits::Audits::<Runtime>::get);
        let audit = audit.filter(|audit| audit.purpose == Purpose::Check(offence));
        audit.map_or_else(Drawn::default, |audit| Drawn {
            open: audit.phase == Phase::Commit && CurrentSlot::get() < audit.next,
            auditors: audit
                .duties
                .into_iter()
                .filter(|duty| duty.key.is_some())
                .map(|duty| duty.auditor)
                .collect(),
        })
    }
}

impl pallet_disputes::History for Accused {
    fn is_excused(machine: MachineId, since: Slot) -> bool {
        index_of(machine).is_some_and(|index| Liveness::is_excused(index, since))
    }

    fn live_share(machine: MachineId) -> u32 {
        index_of(machine).map_or(pallet_disputes::WHOLE, Liveness::live_share)
    }
}

fn index_of(machine: MachineId) -> Option<u32> {
    Some(pallet_machines::Machines::<Runtime>::get(machine)?.index.index)
}

/// Whether a machine is proven and does not leave: it counts as there.
fn is_on_offer(record: &pallet_machines::MachineOf<Runtime>) -> bool {
    matches!(record.status, MachineStatus::Verified | MachineStatus::Listed)
}

/// A lease that runs on a machine.
fn running_lease(machine: MachineId) -> Option<LeaseId> {
    pallet_leases::Running::<Runtime>::iter_key_prefix(machine).next()
}

/// A silence that began in a maintenance and went on after its end counts from there on (mechanisms rule 23).
fn blame_late_return(machine: MachineId, slot: Slot) {
    let Some(index) = index_of(machine) else { return };
    let outage = pallet_liveness::Outages::<Runtime>::get(index).last().copied();
    let Some(since) = outage.filter(|outage| !outage.blamed).map(|outage| outage.since) else {
        return;
    };
    let Some(end) = Machines::maintenance_end(machine, since).filter(|end| *end < slot) else {
        return;
    };
    if Liveness::is_excused(index, since) {
        return;
    }
    pallet_liveness::Downtimes::<Runtime>::mutate(index, |downtime| downtime.add(end, slot));
    pallet_liveness::Outages::<Runtime>::mutate(index, |all| {
        if let Some(outage) = all.last_mut() {
            outage.blamed = true;
        }
    });
    Machines::lose_tier(machine);
}

/// What watchers say of machines: the silent earn nothing, and who is to blame answers for it.
pub struct Outages;

impl pallet_liveness::OutageSink for Outages {
    fn silent(machine: MachineId, since: Slot, blamed: bool) -> bool {
        Rewards::count(machine, false);
        let Some(record) = pallet_machines::Machines::<Runtime>::get(machine) else { return false };
        // Silence that began in a maintenance is blamed from its end on (mechanisms rule 23).
        let excused = Machines::maintenance_end(machine, since);
        if blamed && excused.is_none() {
            Machines::lose_tier(machine);
        }
        let since = excused.unwrap_or(since);
        let counts = blamed && (is_on_offer(&record) || record.is_leased());
        if counts {
            let kind = Kind::Unreachable { rented: record.is_leased() };
            Disputes::begin(machine, kind, since, running_lease(machine));
        }
        counts && excused.is_none()
    }

    fn back(machine: MachineId, slot: Slot) {
        blame_late_return(machine, slot);
        // How it was heard in thirty days is another by now.
        rewards::rate(machine);
        if rewards::earns(machine) {
            Rewards::count(machine, true);
        }
        Disputes::back(machine, slot);
    }

    fn closed(from: Slot, to: Slot, told: bool) {
        Rewards::closed(from, to, told);
    }

    fn unknown(cohort: u32, unknown: bool) {
        Rewards::pause(cohort, unknown);
    }
}
