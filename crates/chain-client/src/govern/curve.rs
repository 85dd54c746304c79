//! What a referendum needs as time goes by: the pallet's curves in whole parts of a thousand million, so that a
//! client can say before the chain does what is missing.

use crate::generated::runtime_types::pallet_referenda::types::Curve as Generated;

/// Parts of a whole.
pub const PARTS: u64 = 1_000_000_000;

/// A share that falls as time goes by. All figures are parts of [`PARTS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Curve {
    /// Falls evenly from `ceil` to `floor` within `length`.
    Linear {
        /// Share of the time in which it falls.
        length: u64,
        /// Where it ends.
        floor: u64,
        /// Where it begins.
        ceil: u64,
    },
    /// Falls by `step` in each `period`, from `begin` to `end`.
    Stepped {
        /// Where it begins.
        begin: u64,
        /// Where it ends.
        end: u64,
        /// How far it falls at once.
        step: u64,
        /// Share of the time between two falls.
        period: u64,
    },
    /// `factor / (time + x) + y`.
    Reciprocal {
        /// The factor.
        factor: i64,
        /// Added to the time.
        x: i64,
        /// Added to the share.
        y: i64,
    },
}

pub(super) fn of(from: &Generated) -> Curve {
    match from {
        Generated::LinearDecreasing { length, floor, ceil } => {
            Curve::Linear { length: length.0.into(), floor: floor.0.into(), ceil: ceil.0.into() }
        }
        Generated::SteppedDecreasing { begin, end, step, period } => Curve::Stepped {
            begin: begin.0.into(),
            end: end.0.into(),
            step: step.0.into(),
            period: period.0.into(),
        },
        Generated::Reciprocal { factor, x_offset, y_offset } => {
            Curve::Reciprocal { factor: factor.0, x: x_offset.0, y: y_offset.0 }
        }
    }
}

impl Curve {
    /// The share that is needed when so much of the time is over, both in parts of [`PARTS`].
    pub fn needed(&self, time: u64) -> u64 {
        let time = time.min(PARTS);
        match *self {
            Self::Linear { length, floor, ceil } => {
                let fall = ceil.saturating_sub(floor);
                match length {
                    0 => floor,
                    _ => ceil.saturating_sub(share(fall, time.min(length), length)),
                }
            }
            Self::Stepped { begin, end, step, period } => {
                let steps = time.checked_div(period).unwrap_or(0);
                begin.saturating_sub(step.saturating_mul(steps)).max(end)
            }
            Self::Reciprocal { factor, x, y } => {
                let whole = i128::from(PARTS);
                let below = i128::from(time) + i128::from(x);
                let found = (i128::from(factor) * whole).checked_div(below);
                let found = found.map_or(whole, |found| found + i128::from(y)).clamp(0, whole);
                u64::try_from(found).unwrap_or(PARTS)
            }
        }
    }
}

/// `of × part / whole`, without a number too large in between.
fn share(of: u64, part: u64, whole: u64) -> u64 {
    let share = u128::from(of) * u128::from(part) / u128::from(whole.max(1));
    u64::try_from(share).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_falls_from_its_ceiling_to_its_floor() {
        let line = Curve::Linear { length: PARTS, floor: PARTS / 2, ceil: PARTS };
        assert_eq!(
            [0, PARTS / 2, PARTS].map(|at| line.needed(at)),
            [PARTS, 750_000_000, PARTS / 2]
        );
        let short = Curve::Linear { length: PARTS / 2, floor: 0, ceil: PARTS };
        assert_eq!(short.needed(PARTS / 2), 0);
        assert_eq!(Curve::Linear { length: 0, floor: 3, ceil: 9 }.needed(0), 3);
    }

    #[test]
    fn steps_stop_at_their_end() {
        let steps = Curve::Stepped {
            begin: PARTS,
            end: 600_000_000,
            step: 100_000_000,
            period: PARTS / 10,
        };
        assert_eq!(steps.needed(PARTS / 10 - 1), PARTS);
        assert_eq!(steps.needed(PARTS / 10), 900_000_000);
        assert_eq!(steps.needed(u64::MAX), 600_000_000);
    }

    /// The curve of questions that are asked often: a quarter at once, five per cent after a quarter of the time,
    /// nothing in the end.
    #[test]
    fn a_reciprocal_goes_through_the_points_that_it_was_made_of() {
        let easy = Curve::Reciprocal { factor: 24_793_388, x: 90_909_091, y: -22_727_273 };
        for (at, wanted) in [(0, 250_000_000), (PARTS / 4, 50_000_000), (PARTS, 0)] {
            let needed = easy.needed(at);
            assert!(needed.abs_diff(wanted) < 1_000, "{needed} at {at}");
        }
        assert_eq!(Curve::Reciprocal { factor: 1, x: 0, y: 0 }.needed(0), PARTS);
    }
}
