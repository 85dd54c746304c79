//! Governed numbers as the runtime tells them: what each is, and the limits that no referendum passes.

use alloc::string::String;

use codec::{Decode, Encode};
use scale_info::TypeInfo;

/// What a governed number counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub enum Unit {
    /// Units of 10⁻¹⁵ DBC.
    Money,
    /// Slots.
    Slots,
    /// Millionths of a whole.
    Share,
    /// Things.
    Count,
}

/// A governed number.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, TypeInfo)]
pub struct Number {
    /// What it belongs to, e.g. `leases`.
    pub group: String,
    /// Its name there as the runtime writes it, e.g. `ProtocolFee`.
    pub name: String,
    /// What it counts.
    pub unit: Unit,
    /// What it is.
    pub value: u128,
    /// What it was before anybody decided.
    pub default: u128,
    /// Never less than this.
    pub least: u128,
    /// Never more than this.
    pub most: u128,
}

impl Number {
    /// What one decision can make of it: between its limits, at most doubled or halved (mechanisms rule 26).
    /// Empty when it lies so far outside that no single step leads back.
    pub fn reach(&self) -> core::ops::RangeInclusive<u128> {
        let (half, double) = (self.value.div_ceil(2), self.value.saturating_mul(2));
        self.least.max(half)..=self.most.min(double)
    }
}
