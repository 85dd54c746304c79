//! What machines earn together, by the network's age: 400 million DBC a year for three years, 200 for five,
//! then half every five years (predecessor §2.3 and §6.4; its code forgot the halving). Pure.

use dbc_primitives::{Balance, DBC};

use crate::Era;

const YEAR: Era = 365;
const MILLION: Balance = 1_000_000 * DBC;

/// Units of an era at a network's age in eras.
pub fn per_era(age: Era) -> Balance {
    let years = age / YEAR;
    let yearly = match years {
        0..3 => 400 * MILLION,
        3..8 => 200 * MILLION,
        // Below a unit after four centuries: then nothing is left to halve.
        later => (200 * MILLION).checked_shr(((later - 3) / 5) as u32).unwrap_or(0),
    };
    yearly / Balance::from(YEAR)
}

/// Most that all eras before this age can have emitted, without the galaxy bonus.
pub fn total(age: Era) -> Balance {
    (0..age).map(per_era).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_years() {
        for (years, millions) in
            [(0, 400), (2, 400), (3, 200), (7, 200), (8, 100), (13, 50), (18, 25)]
        {
            assert_eq!(per_era(years * YEAR), millions * MILLION / 365, "year {years}");
        }
        assert_eq!(per_era(2_000 * YEAR), 0);
    }

    #[test]
    fn all_that_is_ever_emitted_is_the_predecessors_share() {
        // 3 × 400 + 5 × 200 + 5 × 100 + … < 3,200 million, 32 % of the supply (§6.4).
        let ever = total(300 * YEAR);
        assert!(ever < 3_200 * MILLION && ever > 3_190 * MILLION, "{} DBC", ever / DBC);
    }
}
