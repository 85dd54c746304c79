//! What a machine's record says beside its status: announced maintenance, its tier, and what of its
//! facts nobody has looked at.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use dbc_primitives::Slot;
use scale_info::TypeInfo;

/// A time for which its provider said that a machine may be away.
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
pub struct Maintenance {
    /// Its first slot.
    pub from: Slot,
    /// The first slot after it.
    pub until: Slot,
}

impl Maintenance {
    /// Whether a slot lies in it.
    pub fn covers(&self, slot: Slot) -> bool {
        (self.from..self.until).contains(&slot)
    }
}

/// What a machine's presence was worth until now.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Debug,
    Default,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub enum Tier {
    /// Nothing was asked for.
    #[default]
    Normal,
    /// It was there for as long as the high-stability tier asks, and its provider pledged more.
    Stable,
    /// It was in that tier until an outage or a slash; the pledge stays until its provider leaves the tier.
    Lost,
}

/// Facts that no challenge measures, so that they are its provider's word, one bit each.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Debug,
    Default,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub struct Unproven(pub u8);

impl Unproven {
    /// Everything is proven.
    pub const NOTHING: Self = Self(0);
    /// All that a provider claims of a new machine.
    pub const CLAIMED: Self = Self(Self::DISK.0 | Self::LOCATION.0 | Self::BANDWIDTH.0);
    /// The size of its disk.
    pub const DISK: Self = Self(1);
    /// Where it stands.
    pub const LOCATION: Self = Self(1 << 1);
    /// Its bandwidth.
    pub const BANDWIDTH: Self = Self(1 << 2);

    /// Adds facts if they changed.
    pub fn add(&mut self, facts: Self, changed: bool) {
        if changed {
            self.0 |= facts.0;
        }
    }

    /// Whether some of these are unproven.
    pub fn has(&self, facts: Self) -> bool {
        self.0 & facts.0 != 0
    }
}

/// How long machines were there, as liveness knows it.
pub trait Uptime {
    /// The slot since which the machine at an index is there without an interruption that is blamed on it.
    /// `None` while it is silent, or not counted. When it is not known that far back, a later slot.
    fn since(index: u32) -> Option<Slot>;
}

impl Uptime for () {
    fn since(_: u32) -> Option<Slot> {
        None
    }
}
