//! What an offence costs, by its kind and length, of the machine's stake: the predecessor's table (its §4.5)
//! with the first band where a flap ends (mechanisms rule 11), and without what whoever says himself that he left
//! paid less (rule 23): nobody can leave while something is leased. Pure.

use dbc_primitives::{SLOTS_PER_HOUR, Slot};
use sp_runtime::Percent;

use crate::Kind;

/// Slots of a minute.
const MINUTE: Slot = SLOTS_PER_HOUR / 60;

/// From which length on, and how much.
pub type Band = (Slot, Percent);

const fn band(slots: Slot, percent: u8) -> Band {
    (slots, Percent::from_percent(percent))
}

const HOUR: Slot = SLOTS_PER_HOUR;

/// Silent while rented, as watchers or a check found.
const SILENT_RENTED: &[Band] = &[band(7 * MINUTE, 8), band(48 * HOUR, 60), band(120 * HOUR, 100)];
/// Silent while idle.
const SILENT_IDLE: &[Band] = &[band(7 * MINUTE, 4), band(48 * HOUR, 30), band(240 * HOUR, 80)];
/// Hardware out of order.
const MALFUNCTION: &[Band] = &[
    band(0, 6),
    band(4 * HOUR, 12),
    band(24 * HOUR, 16),
    band(48 * HOUR, 60),
    band(120 * HOUR, 100),
];
/// Hardware other than it says.
const COUNTERFEIT: &[Band] = &[
    band(0, 12),
    band(4 * HOUR, 24),
    band(24 * HOUR, 32),
    band(48 * HOUR, 60),
    band(120 * HOUR, 100),
];

/// The bands of a kind, rising.
pub fn bands(kind: Kind) -> &'static [Band] {
    match kind {
        Kind::Unreachable { rented: true } => SILENT_RENTED,
        Kind::Unreachable { rented: false } => SILENT_IDLE,
        Kind::Malfunction | Kind::NotRentable => MALFUNCTION,
        Kind::Counterfeit => COUNTERFEIT,
    }
}

/// Whether a kind costs more than another, all in all.
pub fn is_dearer(kind: Kind, than: Kind) -> bool {
    let place = |kind| match kind {
        Kind::Unreachable { rented: false } => 0,
        Kind::Unreachable { rented: true } => 1,
        Kind::Malfunction | Kind::NotRentable => 2,
        Kind::Counterfeit => 3,
    };
    place(kind) > place(than)
}

/// How many bands an offence of this length has reached.
pub fn reached(kind: Kind, length: Slot) -> usize {
    bands(kind).iter().take_while(|(from, _)| *from <= length).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_rise_in_length_and_cost() {
        let kinds = [
            Kind::Unreachable { rented: true },
            Kind::Unreachable { rented: false },
            Kind::Malfunction,
            Kind::Counterfeit,
            Kind::NotRentable,
        ];
        for kind in kinds {
            let found = bands(kind);
            assert!(found.windows(2).all(|two| two[0].0 < two[1].0 && two[0].1 < two[1].1));
        }
    }

    /// Predecessor §10.5: a malfunction of 50 hours costs 60 %.
    #[test]
    fn the_predecessors_figures() {
        let cost = |kind, length| match reached(kind, length) {
            0 => Percent::zero(),
            band => bands(kind)[band - 1].1,
        };
        let percent = Percent::from_percent;
        assert_eq!(cost(Kind::Malfunction, 50 * HOUR), percent(60));
        assert_eq!(cost(Kind::Counterfeit, HOUR), percent(12));
        let rented = Kind::Unreachable { rented: true };
        assert_eq!(cost(rented, 7 * MINUTE - 1), percent(0), "rule 11: a flap costs its time");
        assert_eq!(cost(rented, 7 * MINUTE), percent(8));
        assert_eq!(cost(rented, 120 * HOUR), percent(100));
        assert_eq!(cost(Kind::Unreachable { rented: false }, 239 * HOUR), percent(30));
    }
}
