//! What machines earn, and who is paid for duties.

use dbc_primitives::{MachineId, MachineStatus};
use frame_support::{
    PalletId, parameter_types,
    traits::{ConstU32, ConstU64, Get, fungible::Mutate as _, tokens::Preservation},
};
use pallet_audits::catalogue;
use pallet_rewards::Rewards as _;
use sp_runtime::{Permill, traits::AccountIdConversion as _};

use super::{market::CurrentSlot, money::TreasuryAccount};
use crate::{AccountId, Balance, Balances, Rewards, Runtime, constants::DAYS};

parameter_types! {
    pub const RewardPot: PalletId = PalletId(*b"dbc/rwrd");
    pub const DutyPotId: PalletId = PalletId(*b"dbc/duty");
    /// Of the emission, to watchers and auditors, whatever they found (mechanisms rule 22).
    pub const DutyShare: Permill = Permill::from_percent(1);
    /// Most of a machine's reward that rent can add.
    pub const RentBonus: Permill = Permill::from_percent(30);
    /// And never more than its rent paid to the treasury (mechanisms rule 2).
    pub const RentReturn: Permill = Permill::from_percent(100);
}

/// The account that duties are paid from.
pub struct DutyPot;

impl Get<AccountId> for DutyPot {
    fn get() -> AccountId {
        DutyPotId::get().into_account_truncating()
    }
}

impl pallet_rewards::Config for Runtime {
    type Currency = Balances;
    type Clock = CurrentSlot;
    type Treasury = TreasuryAccount;
    type PotId = RewardPot;
    type EraSlots = ConstU64<DAYS>;
    type DutyShare = DutyShare;
    type DutyPot = DutyPot;
    type RentBonus = RentBonus;
    type RentReturn = RentReturn;
    type GalaxyGpus = ConstU32<5_000>;
    type GalaxyEras = ConstU64<60>;
    type WeightInfo = pallet_rewards::weights::CountedWeight<Runtime>;
}

/// Pays for a duty out of the pot of duties, and of the treasury while that is empty. A duty that neither
/// can pay is none the less done.
pub fn pay_duty(who: &AccountId, amount: Balance) {
    let from_pot = Balances::transfer(&DutyPot::get(), who, amount, Preservation::Expendable);
    if from_pot.is_err() {
        let _ = Balances::transfer(&TreasuryAccount::get(), who, amount, Preservation::Preserve);
    }
}

/// Gives a machine its points: those of its cards by the catalogue, times its class's factor. A machine
/// with a card that stands in no catalogue, or with none, has no points.
pub fn rate(machine: MachineId) {
    let Some(record) = pallet_machines::Machines::<Runtime>::get(machine) else { return };
    let cards: Option<alloc::vec::Vec<_>> =
        record.facts.gpus.iter().map(|gpu| catalogue::find(&gpu.model)).collect();
    let points = cards.map_or(0, |cards| catalogue::points(&cards, record.facts.memory_mib));
    let points = catalogue::class_factor(record.class).mul_floor(u64::from(points));
    let gpus = u32::try_from(record.facts.gpus.len()).unwrap_or(u32::MAX);
    Rewards::set(machine, &record.provider, points, gpus);
}

/// Whether a machine earns when it is heard.
pub fn earns(machine: MachineId) -> bool {
    let status = pallet_machines::Machines::<Runtime>::get(machine).map(|record| record.status);
    matches!(status, Some(MachineStatus::Verified | MachineStatus::Listed))
}
