//! What machines earn, and who is paid for duties.

use alloc::vec::Vec;

use dbc_primitives::{BoundedVec, MachineClass, MachineId, MachineStatus};
use frame_support::{
    PalletId, parameter_types,
    traits::{
        ConstU32, ConstU64, EitherOfDiverse, Get, fungible::Mutate as _, tokens::Preservation,
    },
};
use frame_system::EnsureRoot;
use pallet_audits::catalogue;
use pallet_liveness::Liveness as _;
use pallet_machines::Tier;
use pallet_rewards::{CardPoints, Facts, Model, ONE, Rating, Rewards as _, card_key};
use sp_runtime::{Permill, traits::AccountIdConversion as _};

use super::{
    governance::origins, market::CurrentSlot, money::TreasuryAccount,
    parameters::dynamic_params::rewards as numbers,
};
use crate::{AccountId, Balance, Balances, Liveness, Rewards, Runtime, constants::DAYS};

parameter_types! {
    pub const RewardPot: PalletId = PalletId(*b"dbc/rwrd");
    pub const DutyPotId: PalletId = PalletId(*b"dbc/duty");
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
    type DutyShare = numbers::DutyShare;
    type DutyPot = DutyPot;
    type RentBonus = numbers::RentBonus;
    type RentReturn = numbers::RentReturn;
    type GalaxyGpus = ConstU32<5_000>;
    type GalaxyEras = ConstU64<60>;
    type Machines = Points;
    type FirstModel = FirstModel;
    type ModelOrigin = EitherOfDiverse<EnsureRoot<AccountId>, origins::Operations>;
    type ModelNotice = ConstU64<7>;
    type SweepPerBlock = ConstU32<50>;
    type WeightInfo = pallet_rewards::weights::CountedWeight<Runtime>;
}

/// Pays for a duty out of the pot of duties, and of the treasury while that is empty. A duty that neither
/// can pay is none the less done. Gives whether one could.
pub fn pay_duty(who: &AccountId, amount: Balance) -> bool {
    let from_pot = Balances::transfer(&DutyPot::get(), who, amount, Preservation::Expendable);
    let from_treasury =
        || Balances::transfer(&TreasuryAccount::get(), who, amount, Preservation::Preserve);
    from_pot.or_else(|_| from_treasury()).is_ok()
}

/// The points model of genesis: the catalogue's cards, a tenth of a point for each GiB of a machine's own
/// memory, no region better than another.
pub struct FirstModel;

impl Get<Model> for FirstModel {
    fn get() -> Model {
        let mut cards: Vec<_> = catalogue::CARDS
            .iter()
            .map(|card| CardPoints {
                card: card_key(card.name.as_bytes()),
                points: catalogue::card_points(card),
            })
            .collect();
        cards.sort_unstable_by_key(|entry| entry.card);
        let classes = [
            MachineClass::CloudGame,
            MachineClass::Hpc,
            MachineClass::Inference,
            MachineClass::Training,
            MachineClass::Rendering,
            MachineClass::Cpu,
        ];
        Model {
            era: 0,
            cards: BoundedVec::truncate_from(cards),
            lowest: catalogue::lowest_points(),
            memory_mib: 10_240,
            memory_most: Permill::from_percent(50),
            classes: classes.map(catalogue::class_factor),
            regions: BoundedVec::default(),
        }
    }
}

/// Machines, as points see them.
pub struct Points;

impl pallet_rewards::Rated<AccountId> for Points {
    fn count() -> u32 {
        pallet_machines::NextIndex::<Runtime>::get()
    }

    fn at(index: u32) -> Option<MachineId> {
        pallet_machines::MachineAt::<Runtime>::get(index)
    }

    fn rating(machine: MachineId) -> Option<Rating<AccountId>> {
        let record = pallet_machines::Machines::<Runtime>::get(machine)?;
        let cards = record.facts.gpus.iter().map(|gpu| card_key(&gpu.model)).collect();
        let index = record.index.index;
        let measured = Measured::of(machine);
        let facts = Facts {
            cards: BoundedVec::truncate_from(cards),
            memory_mib: record.facts.memory_mib,
            class: record.class,
            region: measured.region,
            uptime: uptime_factor(Liveness::live_share(index)),
        };
        let stable = (record.tier == Tier::Stable).then(numbers::Stability::get);
        let address = measured.fixed_address.then(numbers::FixedAddress::get);
        let bonus = [stable, address].into_iter().flatten().map(parts).sum();
        Some(Rating {
            provider: record.provider,
            facts,
            bonus,
            cohort: index / pallet_liveness::COHORT,
        })
    }
}

/// What auditors measured of a machine's place and address. What a provider says himself counts nothing
/// (mechanisms rule 37): a region counts if auditors of it saw the machine there. The chain has no addresses
/// that could be measured: every machine counts 1 for that.
struct Measured {
    region: Option<u16>,
    fixed_address: bool,
}

impl Measured {
    fn of(machine: MachineId) -> Self {
        Self { region: seen_region(machine), fixed_address: false }
    }
}

/// The region in which auditors saw a machine, if it still says that it stands there.
pub fn seen_region(machine: MachineId) -> Option<u16> {
    let seen = pallet_audits::Proofs::<Runtime>::get(machine)?.region?;
    let record = pallet_machines::Machines::<Runtime>::get(machine)?;
    (record.location.region == seen).then_some(seen)
}

/// What points count by a machine's live part of thirty days, both in parts of [`ONE`]: all, or less in two
/// steps.
pub fn uptime_factor(live: u32) -> u32 {
    if live < parts(numbers::PoorBelow::get()) {
        // Whatever the numbers are set to: the longer it was away, the less it counts.
        parts(numbers::PoorFactor::get().min(numbers::FairFactor::get()))
    } else if live < parts(numbers::FairBelow::get()) {
        parts(numbers::FairFactor::get())
    } else {
        ONE as u32
    }
}

/// A share in parts of [`ONE`].
fn parts(share: Permill) -> u32 {
    share.deconstruct() / (1_000_000 / ONE as u32)
}

/// Brings a machine's points up to what is known of it.
pub fn rate(machine: MachineId) {
    Rewards::rate(machine);
}

/// Whether a machine earns when it is heard.
pub fn earns(machine: MachineId) -> bool {
    let status = pallet_machines::Machines::<Runtime>::get(machine).map(|record| record.status);
    matches!(status, Some(MachineStatus::Verified | MachineStatus::Listed))
}
