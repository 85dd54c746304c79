//! What offences cost, and what they are made of.

use dbc_primitives::{Balance, LeaseId, LeaseState, MachineId, MachineStatus, Slot};
use frame_support::{
    parameter_types,
    traits::{ConstU32, ConstU64, EitherOfDiverse},
};
use frame_system::EnsureRoot;
use pallet_audits::Purpose;
use pallet_disputes::{Kind, OffenceId};
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
    AccountId, Audits, Balances, Disputes, Machines, Rewards, Runtime, RuntimeHoldReason,
    constants::HOURS,
};

/// Leases of a machine that are looked at for one that runs.
const LEASES_MAX: usize = 32;

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
    type Treasury = TreasuryAccount;
    type CancelOrigin =
        EitherOfDiverse<EitherOfDiverse<EnsureRoot<AccountId>, SlashCanceller>, TwoThirdsOfCouncil>;
    type ReportBond = numbers::ReportBond;
    type AppealBond = numbers::AppealBond;
    type AppealSlots = ConstU64<{ 48 * HOURS }>;
    type DecideSlots = ConstU64<{ 168 * HOURS }>;
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
}

impl pallet_disputes::Checks for Accused {
    fn book(machine: MachineId, offence: OffenceId) -> DispatchResult {
        Audits::book(machine, Purpose::Check(offence))
    }
}

/// A lease that runs on a machine.
fn running_lease(machine: MachineId) -> Option<LeaseId> {
    pallet_leases::ByMachine::<Runtime>::iter_key_prefix(machine).take(LEASES_MAX).find(|lease| {
        let record = pallet_leases::Leases::<Runtime>::get(lease);
        record.is_some_and(|record| record.state == LeaseState::Running)
    })
}

/// What watchers say of machines: the silent earn nothing, and who is to blame answers for it.
pub struct Outages;

impl pallet_liveness::OutageSink for Outages {
    fn silent(machine: MachineId, since: Slot, blamed: bool) {
        Rewards::count(machine, false);
        let Some(record) = pallet_machines::Machines::<Runtime>::get(machine) else { return };
        let on_offer = matches!(record.status, MachineStatus::Verified | MachineStatus::Listed);
        if blamed && (on_offer || record.is_leased()) {
            let kind = Kind::Unreachable { rented: record.is_leased() };
            Disputes::begin(machine, kind, since, running_lease(machine));
        }
    }

    fn back(machine: MachineId, slot: Slot) {
        if rewards::earns(machine) {
            Rewards::count(machine, true);
        }
        Disputes::end(machine, slot, |kind| matches!(kind, Kind::Unreachable { .. }));
    }
}
