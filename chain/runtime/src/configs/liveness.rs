//! Who is there: watchers, and what of their word goes to machines and leases.

use dbc_primitives::{Balance, MachineId, Slot};
use frame_support::{
    parameter_types,
    traits::{ConstU32, ConstU64, Get},
    weights::Weight,
};
use pallet_liveness::Liveness as _;
use pallet_rewards::Rewards as _;
use sp_runtime::{Perbill, Permill};
use sp_statement_store::StatementAllowance;

use super::{
    disputes::Outages, market::CurrentSlot, money::TreasuryAccount,
    parameters::dynamic_params::liveness as numbers, rewards, system::BlockWeights,
};
use crate::{
    AccountId, Audits, Babe, Balances, Disputes, Liveness, Rewards, Runtime, RuntimeHoldReason,
    constants::{DAYS, MINUTES},
};

parameter_types! {
    /// More than so much of a cohort silent at once, and nobody is blamed (mechanisms rule 11).
    pub const MassShare: Permill = Permill::from_percent(5);
    /// A twentieth of a block; what does not fit is closed in the next, and dated back.
    pub CloseWeight: Weight = Perbill::from_percent(5) * BlockWeights::get().max_block;
    /// What a machine may keep in the statement store: its beat, and where it can be reached.
    pub const MachineAllowance: StatementAllowance =
        StatementAllowance { max_count: 4, max_size: 4_096 };
}

impl pallet_liveness::Config for Runtime {
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Clock = CurrentSlot;
    type Randomness = AuthorVrf;
    type Machines = Indexes;
    type Outages = Outages;
    type Pay = Pay;
    type Treasury = TreasuryAccount;
    type Bond = numbers::WatcherBond;
    type WatchersMax = ConstU32<512>;
    type WatchersPerCohort = ConstU32<5>;
    type IntervalSlots = ConstU64<10>;
    type EpochIntervals = ConstU64<20>;
    type LeaveDelay = ConstU64<{ 10 * DAYS }>;
    type StrikesMax = ConstU32<20>;
    type UnknownGrace = ConstU64<{ 10 * MINUTES }>;
    type MassMin = ConstU32<10>;
    type MassShare = MassShare;
    type RegionMin = ConstU32<100>;
    type CloseWeight = CloseWeight;
    type WeightInfo = pallet_liveness::weights::CountedWeight<Runtime>;
}

/// The VRF output of the block before: its author could only withhold it, with his block.
pub struct AuthorVrf;

impl Get<[u8; 32]> for AuthorVrf {
    fn get() -> [u8; 32] {
        Babe::author_vrf_randomness().unwrap_or_default()
    }
}

/// The machines by their dense indexes.
pub struct Indexes;

impl pallet_liveness::MachineIndexes for Indexes {
    fn count() -> u32 {
        pallet_machines::NextIndex::<Runtime>::get()
    }

    fn at(index: u32) -> Option<(MachineId, u32)> {
        let machine = pallet_machines::MachineAt::<Runtime>::get(index)?;
        let record = pallet_machines::Machines::<Runtime>::get(machine)?;
        Some((machine, record.index.generation))
    }

    fn region(machine: MachineId) -> u16 {
        // What a provider says himself excuses nobody (mechanisms rule 37).
        rewards::seen_region(machine).unwrap_or_default()
    }
}

/// Pays for each duty.
pub struct Pay;

impl pallet_liveness::DutyPay<AccountId> for Pay {
    fn pay(watcher: &AccountId) {
        let _ = rewards::pay_duty(watcher, numbers::WatcherPay::get());
    }
}

/// Machines' comings and goings, as liveness and the statement store follow them.
pub struct Followers;

impl pallet_machines::Presence<AccountId> for Followers {
    fn bonded(machine: MachineId) {
        sp_statement_store::increase_allowance_by(machine.0, MachineAllowance::get());
    }

    fn verified(index: u32, machine: MachineId) {
        // Whoever lost a proof and has one again was listened to all the time.
        if !pallet_liveness::Presences::<Runtime>::contains_key(index) {
            Liveness::admit(index, machine);
        }
        rewards::rate(machine);
        Rewards::count(machine, Liveness::is_live(index));
    }

    fn retired(machine: MachineId) {
        Rewards::count(machine, false);
        Audits::drop_request(machine);
        Disputes::end(machine, CurrentSlot::get(), |_| true);
    }

    fn left(index: u32, machine: MachineId) {
        Liveness::remove(index);
        Disputes::forget(machine);
        Audits::forget(machine);
        Rewards::remove(machine);
        sp_statement_store::decrease_allowance_by(machine.0, MachineAllowance::get());
    }

    fn rented(machine: MachineId, parts: u32) -> Weight {
        let mut beyond = Rewards::rented(machine, parts);
        // Of a machine with cards, shares of the processor alone are no part.
        let record = pallet_machines::Machines::<Runtime>::get(machine);
        if record.is_some_and(|record| !record.is_leased()) {
            if !rewards::earns(machine) {
                // Its proof ended while it was leased; its provider's sums and all change with it.
                Rewards::count(machine, false);
                beyond.saturating_accrue(
                    <Runtime as frame_system::Config>::DbWeight::get().writes(2),
                );
            }
            beyond.saturating_accrue(Audits::given_back(machine));
        }
        beyond
    }

    fn fee_paid(machine: MachineId, amount: Balance) {
        Rewards::fee_paid(machine, amount);
    }

    fn is_clear(machine: MachineId) -> bool {
        Disputes::is_clear(machine)
    }

    fn is_audited(machine: MachineId) -> bool {
        Audits::is_open(machine)
    }

    fn changed(machine: MachineId, void: bool) {
        if void {
            Audits::void(machine);
            Rewards::count(machine, false);
        } else {
            rewards::rate(machine);
        }
        if let Some(record) = pallet_machines::Machines::<Runtime>::get(machine) {
            Liveness::moved(record.index.index);
        }
    }

    fn handed_over(machine: MachineId, _: &AccountId, to: &AccountId) {
        Rewards::handed_over(machine, to);
        Audits::handed_over(machine, to);
    }

    fn is_held_back(machine: MachineId) -> bool {
        Audits::is_held_back(machine)
    }

    fn tier_changed(machine: MachineId) {
        rewards::rate(machine);
    }
}

/// What leases' meters ask.
pub struct Meters;

impl pallet_leases::Meter for Meters {
    fn horizon() -> Slot {
        Liveness::horizon()
    }

    fn live_by(index: u32, slot: Slot) -> Slot {
        Liveness::live_by(index, slot)
    }

    fn blamed_by(index: u32, slot: Slot) -> Slot {
        Liveness::blamed_by(index, slot)
    }

    fn is_live(index: u32) -> bool {
        Liveness::is_live(index)
    }

    fn silent_since(index: u32) -> Option<Slot> {
        let presence = pallet_liveness::Presences::<Runtime>::get(index)?;
        presence.silent.map(|silence| silence.since)
    }
}
