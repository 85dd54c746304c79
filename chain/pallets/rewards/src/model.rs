//! Points: a pure, versioned function of what was proven of a machine (requirement G3). A version holds the
//! points of each card and every factor that many machines share, so that a change of any of them is a new
//! version with its own era and never a change behind somebody's back (mechanisms rule 26).

use alloc::vec::Vec;

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use dbc_primitives::{BoundedVec, ConstU32, MachineClass, machine::GPUS_MAX};
use scale_info::TypeInfo;
use sp_runtime::Permill;

use crate::{Era, ONE};

/// Cards that a model can name.
pub const CARDS_MAX: u32 = 256;
/// Regions that a model can name.
pub const REGIONS_MAX: u32 = 256;
/// Classes of machines.
pub const CLASSES: usize = 6;
/// Most that a region's factor is away from 1, in parts of [`ONE`] (mechanisms rule 37).
pub const REGION_MOST: u64 = 1_000;
/// Most points of a card.
pub const CARD_MOST: u32 = 1_000_000;

/// A card's name: blake2b of 128 bits over what its driver calls it, in lower case and without blanks.
pub type CardKey = [u8; 16];

/// The key of a card by the name that its driver gives it.
pub fn card_key(name: &[u8]) -> CardKey {
    let plain: Vec<u8> = name
        .iter()
        .filter(|byte| !byte.is_ascii_whitespace())
        .map(u8::to_ascii_lowercase)
        .collect();
    sp_io::hashing::blake2_128(&plain)
}

/// What a card counts.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Debug,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub struct CardPoints {
    /// Which card.
    pub card: CardKey,
    /// Its points.
    pub points: u32,
}

/// What a region counts.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Debug,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub struct RegionFactor {
    /// ISO 3166-1 numeric code.
    pub region: u16,
    /// In parts of [`ONE`], at most [`REGION_MOST`] away from it.
    pub factor: u16,
}

/// A version of the points model.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Model {
    /// The era from which it counts.
    pub era: Era,
    /// Points of cards, rising by key, each card once.
    pub cards: BoundedVec<CardPoints, ConstU32<CARDS_MAX>>,
    /// Points of a card that stands nowhere: the provisional class, until a version names it.
    pub lowest: u32,
    /// MiB of a machine's own memory for a point.
    pub memory_mib: u32,
    /// Most that its own memory adds, of its cards' points.
    pub memory_most: Permill,
    /// Factor of each class, in the order of [`MachineClass`].
    pub classes: [Permill; CLASSES],
    /// Factors of regions, rising by region; whoever is not here counts 1.
    pub regions: BoundedVec<RegionFactor, ConstU32<REGIONS_MAX>>,
}

/// What a model looks at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Facts {
    /// Its cards.
    pub cards: BoundedVec<CardKey, ConstU32<GPUS_MAX>>,
    /// Its own memory in MiB.
    pub memory_mib: u32,
    /// What it is meant for.
    pub class: MachineClass,
    /// Where auditors measured it to stand; what it says itself counts nothing (mechanisms rule 37).
    pub region: Option<u16>,
    /// Live part of the last thirty days as steps make it count, in parts of [`ONE`].
    pub uptime: u32,
}

/// Why a model is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flaw {
    /// Cards or regions are not in order, or one is there twice.
    Order,
    /// Points, a factor or a share is beyond its limits.
    Limit,
    /// A card or class counts more than twice or less than half of what it does now.
    Step,
    /// A card of the version before is missing.
    Missing,
}

impl Model {
    /// Points of a card, the lowest if no version named it yet.
    pub fn card(&self, card: &CardKey) -> u32 {
        self.find(card).unwrap_or(self.lowest)
    }

    fn find(&self, card: &CardKey) -> Option<u32> {
        let at = self.cards.binary_search_by(|entry| entry.card.cmp(card)).ok()?;
        self.cards.get(at).map(|entry| entry.points)
    }

    /// A region's factor in parts of [`ONE`].
    pub fn region(&self, region: Option<u16>) -> u64 {
        let entry = region.and_then(|region| {
            self.regions.binary_search_by(|entry| entry.region.cmp(&region)).ok()
        });
        let factor = entry.and_then(|at| self.regions.get(at)).map(|entry| entry.factor);
        factor.map_or(ONE, u64::from)
    }

    /// A class's factor.
    pub fn class(&self, class: MachineClass) -> Permill {
        let at = match class {
            MachineClass::CloudGame => 0,
            MachineClass::Hpc => 1,
            MachineClass::Inference => 2,
            MachineClass::Training => 3,
            MachineClass::Rendering => 4,
            MachineClass::Cpu => 5,
        };
        self.classes.get(at).copied().unwrap_or_default()
    }

    /// A machine's points: model × region × class × uptime. Bonuses come on top, by its provider.
    pub fn points(&self, facts: &Facts) -> u64 {
        let cards: u64 = facts.cards.iter().map(|card| u64::from(self.card(card))).sum();
        let memory = u64::from(facts.memory_mib / self.memory_mib.max(1));
        let base = cards.saturating_add(memory.min(self.memory_most.mul_floor(cards)));
        let parts = u128::from(base)
            .saturating_mul(u128::from(self.class(facts.class).deconstruct()))
            .saturating_mul(u128::from(self.region(facts.region)))
            .saturating_mul(u128::from(facts.uptime).min(u128::from(ONE)));
        u64::try_from(parts / (1_000_000 * u128::from(ONE) * u128::from(ONE))).unwrap_or(u64::MAX)
    }

    /// Whether it can follow another version: within the limits that no vote passes, each card at most
    /// doubled or halved, and none forgotten.
    ///
    /// # Errors
    /// What is wrong.
    pub fn follows(&self, before: &Self) -> Result<(), Flaw> {
        let cards = self.cards.windows(2).all(|two| two[0].card < two[1].card);
        let regions = self.regions.windows(2).all(|two| two[0].region < two[1].region);
        if !(cards && regions) {
            return Err(Flaw::Order);
        }
        let points = |points: u32| (1..=CARD_MOST).contains(&points);
        let near = |entry: &RegionFactor| u64::from(entry.factor).abs_diff(ONE) <= REGION_MOST;
        let within = points(self.lowest)
            && self.cards.iter().all(|entry| points(entry.points) && entry.points >= self.lowest)
            && self.memory_mib >= 1_024
            && self.memory_most <= Permill::from_percent(50)
            && self.regions.iter().all(near);
        if !within {
            return Err(Flaw::Limit);
        }
        if !step(before.lowest, self.lowest) {
            return Err(Flaw::Step);
        }
        let classes = before.classes.iter().zip(&self.classes);
        if !classes.into_iter().all(|(old, new)| step(old.deconstruct(), new.deconstruct())) {
            return Err(Flaw::Step);
        }
        for old in &before.cards {
            let new = self.find(&old.card).ok_or(Flaw::Missing)?;
            if !step(old.points, new) {
                return Err(Flaw::Step);
            }
        }
        Ok(())
    }
}

/// At most doubled or halved.
fn step(old: u32, new: u32) -> bool {
    (old.div_ceil(2)..=old.saturating_mul(2)).contains(&new)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model() -> Model {
        let cards = [("Slow", 100), ("Fast", 1_000)];
        let mut cards: Vec<_> = cards
            .iter()
            .map(|(name, points)| CardPoints { card: card_key(name.as_bytes()), points: *points })
            .collect();
        cards.sort_unstable_by_key(|entry| entry.card);
        let classes = [90, 100, 95, 100, 95, 0].map(Permill::from_percent);
        let regions = vec![
            RegionFactor { region: 156, factor: 9_500 },
            RegionFactor { region: 276, factor: 10_500 },
        ];
        Model {
            era: 0,
            cards: BoundedVec::truncate_from(cards),
            lowest: 100,
            memory_mib: 10_240,
            memory_most: Permill::from_percent(50),
            classes,
            regions: BoundedVec::truncate_from(regions),
        }
    }

    fn facts(cards: &[&str]) -> Facts {
        let keys = cards.iter().map(|name| card_key(name.as_bytes())).collect::<Vec<_>>();
        Facts {
            cards: BoundedVec::truncate_from(keys),
            memory_mib: 0,
            class: MachineClass::Training,
            region: None,
            uptime: ONE as u32,
        }
    }

    #[test]
    fn d66_every_factor_by_a_table() {
        let two = facts(&["Fast", "FA st"]);
        for (facts, points) in [
            (two.clone(), 2_000),
            (Facts { memory_mib: 102_400, ..two.clone() }, 2_010),
            (Facts { memory_mib: u32::MAX, ..two.clone() }, 3_000),
            (Facts { class: MachineClass::CloudGame, ..two.clone() }, 1_800),
            (Facts { class: MachineClass::Cpu, ..two.clone() }, 0),
            (Facts { region: Some(156), ..two.clone() }, 1_900),
            (Facts { region: Some(276), ..two.clone() }, 2_100),
            (Facts { region: Some(840), ..two.clone() }, 2_000),
            (Facts { uptime: 9_000, ..two.clone() }, 1_800),
            (Facts { uptime: 20_000, ..two.clone() }, 2_000),
            (
                Facts { class: MachineClass::Inference, region: Some(156), uptime: 7_000, ..two },
                // 2,000 × 0.95 × 0.95 × 0.7
                1_263,
            ),
        ] {
            assert_eq!(model().points(&facts), points, "{facts:?}");
        }
    }

    #[test]
    fn g3_a_card_that_stands_nowhere_counts_as_the_lowest() {
        assert_eq!(model().points(&facts(&["Unheard of"])), 100);
        assert_eq!(model().points(&facts(&["Unheard of", "Fast"])), 1_100);
        assert_eq!(model().points(&facts(&[])), 0, "no card, no points");
    }

    #[test]
    fn rule_26_and_37_no_vote_passes_a_models_limits() {
        let base = model();
        assert_eq!(base.follows(&base), Ok(()));
        let with = |change: &dyn Fn(&mut Model)| {
            let mut next = model();
            change(&mut next);
            next.follows(&base)
        };
        assert_eq!(with(&|next| next.regions[0].factor = 8_999), Err(Flaw::Limit));
        assert_eq!(with(&|next| next.regions[1].factor = 11_001), Err(Flaw::Limit));
        assert_eq!(with(&|next| next.regions[1].factor = 11_000), Ok(()));
        assert_eq!(with(&|next| next.regions[1].region = 156), Err(Flaw::Order));
        assert_eq!(with(&|next| next.cards.as_mut().swap(0, 1)), Err(Flaw::Order));
        assert_eq!(with(&|next| next.lowest = 101), Err(Flaw::Limit));
        assert_eq!(with(&|next| next.lowest = 49), Err(Flaw::Step));
        assert_eq!(with(&|next| next.memory_most = Permill::from_percent(51)), Err(Flaw::Limit));
        assert_eq!(with(&|next| next.classes[0] = Permill::from_percent(40)), Err(Flaw::Step));
        assert_eq!(with(&|next| next.cards[0].points *= 2), Ok(()));
        assert_eq!(with(&|next| next.cards[0].points = CARD_MOST + 1), Err(Flaw::Limit));
        let fast = card_key(b"Fast");
        let set = |next: &mut Model, points| {
            next.cards.iter_mut().filter(|e| e.card == fast).for_each(|e| e.points = points);
        };
        assert_eq!(with(&|next| set(next, 2_001)), Err(Flaw::Step));
        assert_eq!(with(&|next| set(next, 499)), Err(Flaw::Step));
        let fewer = |next: &mut Model| assert!(next.cards.pop().is_some());
        assert_eq!(with(&fewer), Err(Flaw::Missing));
    }
}
