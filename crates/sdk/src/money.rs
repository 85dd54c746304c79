//! Amounts of DBC with their text form. Here so that every client shows and reads money alike;
//! floating point is never used.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Smallest units in one DBC.
pub const UNITS_PER_DBC: u128 = 1_000_000_000_000_000;
/// Digits after the point.
const DECIMALS: usize = 15;
/// Longest text that is read as an amount, in bytes.
const TEXT_BYTES_MAX: usize = 64;

/// An amount in the smallest unit; 10^15 units are one DBC. Displayed as `12.5 DBC`; in JSON a string
/// of units, because JSON numbers lose digits above 2^53.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Money(pub u128);

/// The text is no amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no amount (e.g. 12.5 or 0.003, at most {DECIMALS} digits after the point)")]
pub struct MoneyParseError {
    text: String,
}

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// Whole DBC; saturates.
    pub fn dbc(whole: u64) -> Self {
        Self(u128::from(whole).saturating_mul(UNITS_PER_DBC))
    }

    /// The amount in smallest units.
    pub fn units(self) -> u128 {
        self.0
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / UNITS_PER_DBC, self.0 % UNITS_PER_DBC);
        if rest == 0 {
            return write!(f, "{whole} DBC");
        }
        let digits = format!("{rest:0DECIMALS$}");
        write!(f, "{whole}.{} DBC", digits.trim_end_matches('0'))
    }
}

impl FromStr for Money {
    type Err = MoneyParseError;

    /// Reads DBC with an optional fraction and an optional ` DBC` behind it.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).ok_or_else(|| MoneyParseError { text: text.chars().take(32).collect() })
    }
}

fn parse(text: &str) -> Option<Money> {
    if text.len() > TEXT_BYTES_MAX {
        return None;
    }
    let text = text.trim();
    let text = text.strip_suffix("DBC").unwrap_or(text).trim_end();
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || fraction.len() > DECIMALS {
        return None;
    }
    let whole: u128 = whole.parse().ok()?;
    let fraction: u128 = format!("{fraction:0<DECIMALS$}").parse().ok()?;
    whole.checked_mul(UNITS_PER_DBC)?.checked_add(fraction).map(Money)
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(serde::de::Error::custom)
    }
}

/// Millionths of a US dollar. Displayed as `$1.2`; in JSON a string of millionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Dollars(pub u128);

/// Digits after the point of a dollar.
const CENTS: usize = 6;

impl Dollars {
    /// What it is in DBC, rounded up, when one costs so many millionths of a dollar.
    pub fn in_dbc(self, average: u128) -> Option<Money> {
        if average == 0 {
            return None;
        }
        Some(Money(self.0.checked_mul(UNITS_PER_DBC)?.div_ceil(average)))
    }
}

impl fmt::Display for Dollars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / 1_000_000, self.0 % 1_000_000);
        let digits = format!("{rest:0CENTS$}");
        match rest {
            0 => write!(f, "${whole}"),
            _ => write!(f, "${whole}.{}", digits.trim_end_matches('0')),
        }
    }
}

impl FromStr for Dollars {
    type Err = MoneyParseError;

    /// Reads dollars behind a `$`, with at most six digits after the point.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = || MoneyParseError { text: text.chars().take(32).collect() };
        let number = text.trim().strip_prefix('$').ok_or_else(refused)?;
        // As an amount of DBC it has more digits after the point than a dollar has.
        let units = parse(number).filter(|_| !number.ends_with("DBC")).ok_or_else(refused)?.0;
        let micro = UNITS_PER_DBC / 1_000_000;
        if units % micro != 0 {
            return Err(refused());
        }
        Ok(Self(units / micro))
    }
}

impl Serialize for Dollars {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Dollars {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_read_back_from_their_text() {
        for (text, units) in [
            ("0 DBC", 0),
            ("1 DBC", UNITS_PER_DBC),
            ("12.5 DBC", 12_500_000_000_000_000),
            ("0.000000000000001 DBC", 1),
        ] {
            assert_eq!(Money(units).to_string(), text);
            assert_eq!(text.parse(), Ok(Money(units)));
        }
        assert_eq!("7".parse(), Ok(Money::dbc(7)));
    }

    #[test]
    fn bad_amounts_are_refused() {
        for text in ["", "-1", "1e3", ".5", "5.", "1,5", "0.0000000000000001", &"9".repeat(40)] {
            assert!(text.parse::<Money>().is_err(), "{text}");
        }
    }

    #[test]
    fn dollars_read_back_and_become_dbc() {
        for (text, micro) in [("$0", 0), ("$1.2", 1_200_000), ("$0.000001", 1), ("$12", 12_000_000)]
        {
            assert_eq!(Dollars(micro).to_string(), text);
            assert_eq!(text.parse(), Ok(Dollars(micro)));
        }
        for text in ["1.2", "$", "$0.0000001", "$1 DBC", "$-1"] {
            assert!(text.parse::<Dollars>().is_err(), "{text}");
        }
        // At two cents a DBC.
        assert_eq!(Dollars(1_200_000).in_dbc(20_000), Some(Money::dbc(60)));
        assert_eq!(Dollars(1).in_dbc(0), None);
        assert_eq!(Dollars(1).in_dbc(3), Some(Money(UNITS_PER_DBC / 3 + 1)), "rounded up");
    }

    #[test]
    fn json_keeps_every_digit() {
        let money = Money(u128::MAX);
        let json = serde_json::to_string(&money).unwrap();
        assert_eq!(serde_json::from_str::<Money>(&json).unwrap(), money);
    }
}
