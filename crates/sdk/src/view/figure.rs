//! Governed numbers and shares as people read and type them. Floating point is never used.

use std::fmt;

use dbc_primitives::parameter::Unit;
use serde::{Serialize, Serializer, ser::SerializeStruct as _};

use crate::{convert::Calendar, error::MarketError, money::Money};

/// A share in parts of a thousand million. Displayed as `6.25 %`; in JSON the same text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Share(pub u64);

/// Parts of a hundredth.
const PARTS_PER_PERCENT: u64 = 10_000_000;
/// Digits behind the point of a hundredth.
const PERCENT_DECIMALS: usize = 7;

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / PARTS_PER_PERCENT, self.0 % PARTS_PER_PERCENT);
        if rest == 0 {
            return write!(f, "{whole} %");
        }
        let digits = format!("{rest:0PERCENT_DECIMALS$}");
        write!(f, "{whole}.{} %", digits.trim_end_matches('0'))
    }
}

impl std::str::FromStr for Share {
    type Err = String;

    /// Reads `5%`, `5 %`, `1.5%`.
    fn from_str(text: &str) -> Result<Self, String> {
        let refused = || {
            let shown: String = text.chars().take(32).collect();
            format!("{shown:?} is no share; write 5% or 1.5%, at most 100%")
        };
        let digits = text.trim().strip_suffix('%').ok_or_else(refused)?.trim_end();
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let numeric = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !numeric(whole)
            || !numeric(fraction)
            || fraction.len() > PERCENT_DECIMALS
            || whole.len() > 3
        {
            return Err(refused());
        }
        let whole: u64 = whole.parse().map_err(|_| refused())?;
        let fraction: u64 =
            format!("{fraction:0<PERCENT_DECIMALS$}").parse().map_err(|_| refused())?;
        let parts = whole * PARTS_PER_PERCENT + fraction;
        if parts > 100 * PARTS_PER_PERCENT { Err(refused()) } else { Ok(Self(parts)) }
    }
}

impl Serialize for Share {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A value of a governed number. Displayed as it can be typed: `10000 DBC`, `15m`, `5%`, `5`. In JSON the
/// number as the chain has it, and the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figure {
    unit: Unit,
    raw: u128,
    slot_ms: u64,
}

impl Figure {
    pub(crate) fn new(unit: Unit, raw: u128, calendar: Calendar) -> Self {
        Self { unit, raw, slot_ms: calendar.slot_ms.max(1) }
    }

    /// As the chain has it: units of DBC, slots, millionths, things.
    pub fn raw(self) -> u128 {
        self.raw
    }

    /// Reads a value of the same kind as this one.
    ///
    /// Errors: `invalid_input` with what would be right.
    pub fn read(self, text: &str) -> Result<Self, MarketError> {
        let refused = |why: String| MarketError::Input { field: "set", why };
        let raw = match self.unit {
            Unit::Money => text.parse::<Money>().map_err(|error| refused(error.to_string()))?.0,
            Unit::Share => {
                let parts = text.parse::<Share>().map_err(refused)?.0;
                if !parts.is_multiple_of(1_000) {
                    return Err(refused(format!("{text:?} is finer than 0.0001%")));
                }
                u128::from(parts / 1_000)
            }
            Unit::Count => {
                text.parse().map_err(|_| refused(format!("{:?} is no number", cut(text))))?
            }
            Unit::Slots => self.slots(text).map_err(refused)?,
        };
        Ok(Self { raw, ..self })
    }

    fn slots(self, text: &str) -> Result<u128, String> {
        let refused = || format!("{:?} is no time; write 90s, 15m, 2h or 3d", cut(text));
        let unit = text.char_indices().next_back().ok_or_else(refused)?;
        let (_, seconds) =
            UNITS.into_iter().find(|(name, _)| *name == unit.1).ok_or_else(refused)?;
        let count: u64 = text[..unit.0].parse().map_err(|_| refused())?;
        let ms = count.checked_mul(seconds * 1_000).ok_or_else(refused)?;
        if !ms.is_multiple_of(self.slot_ms) {
            return Err(format!(
                "{:?} is no whole number of slots of {} ms",
                cut(text),
                self.slot_ms
            ));
        }
        Ok(u128::from(ms / self.slot_ms))
    }
}

/// Units of time, largest first.
const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

fn cut(text: &str) -> String {
    text.chars().take(32).collect()
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.unit {
            Unit::Money => Money(self.raw).fmt(f),
            Unit::Count => self.raw.fmt(f),
            Unit::Share => {
                let parts = self.raw.saturating_mul(1_000);
                let text = Share(u64::try_from(parts).unwrap_or(u64::MAX)).to_string();
                f.write_str(&text.replace(' ', ""))
            }
            Unit::Slots => {
                let ms = self.raw.saturating_mul(self.slot_ms.into());
                let fits = |(_, seconds): &(char, u64)| ms % u128::from(seconds * 1_000) == 0;
                match UNITS.into_iter().find(fits) {
                    Some((unit, seconds)) => {
                        write!(f, "{}{unit}", ms / u128::from(seconds * 1_000))
                    }
                    None => write!(f, "{} slots", self.raw),
                }
            }
        }
    }
}

impl Serialize for Figure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut pair = serializer.serialize_struct("Figure", 2)?;
        pair.serialize_field("raw", &self.raw.to_string())?;
        pair.serialize_field("text", &self.to_string())?;
        pair.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(unit: Unit, raw: u128) -> Figure {
        Figure::new(unit, raw, Calendar { slot_ms: 3_000 })
    }

    #[test]
    fn figures_read_back_from_their_text() {
        for (unit, raw, text) in [
            (Unit::Money, 12_500_000_000_000_000, "12.5 DBC"),
            (Unit::Slots, 300, "15m"),
            (Unit::Slots, 28_800, "1d"),
            (Unit::Slots, 1, "3s"),
            (Unit::Share, 50_000, "5%"),
            (Unit::Share, 15_000, "1.5%"),
            (Unit::Count, 5, "5"),
        ] {
            let it = figure(unit, raw);
            assert_eq!(it.to_string(), text);
            assert_eq!(figure(unit, 0).read(text).unwrap(), it);
        }
    }

    #[test]
    fn what_is_of_another_kind_is_refused() {
        for (unit, texts) in [
            (Unit::Money, &["5%", "15m", "", "-1"][..]),
            (Unit::Slots, &["15", "1s", "m", "", "99999999999999999999d", "5%", "1é"]),
            (Unit::Share, &["5", "101%", "0.00001%", "%", "1,5%", "1.%"]),
            (Unit::Count, &["5%", "x", "", "1.5"]),
        ] {
            for text in texts {
                assert!(figure(unit, 0).read(text).is_err(), "{unit:?} {text}");
            }
        }
    }
}
