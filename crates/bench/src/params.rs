//! What is asked for.

use codec::{Decode, Encode};

use crate::tree::{Hash, hash};

/// Largest edge of a matrix.
pub const EDGE_MAX: u32 = 2_048;
/// Smallest one.
pub const EDGE_MIN: u32 = 16;
/// Most links of all lanes together: 1 TiB at an edge of 1,024.
pub const LINKS_MAX: u32 = 262_144;
/// Most lanes: cards of a machine.
pub const LANES_MAX: u32 = 16;

/// A challenge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Params {
    /// From which everything follows. See [`Params::seed`].
    pub seed: Hash,
    /// Rows and columns of each matrix: a power of two from 16 to 2,048.
    pub edge: u32,
    /// Products of each lane's chain; at most 262,144 of all lanes together.
    pub links: u32,
    /// Chains that stand beside each other, one for each card of a machine; 1 for a processor.
    pub lanes: u32,
}

/// The numbers of a challenge are out of bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadParams {
    /// The edge is no power of two from 16 to 2,048.
    Edge,
    /// There are no links, or more than 262,144 in all lanes together.
    Links,
    /// There are no lanes, or more than 16.
    Lanes,
}

impl Params {
    /// A challenge within bounds.
    ///
    /// # Errors
    /// Which number is out of bounds.
    pub fn new(seed: Hash, edge: u32, links: u32, lanes: u32) -> Result<Self, BadParams> {
        let params = Self { seed, edge, links, lanes };
        params.check().map(|()| params)
    }

    /// Checks what was decoded from outside.
    ///
    /// # Errors
    /// Which number is out of bounds.
    pub fn check(&self) -> Result<(), BadParams> {
        if !self.edge.is_power_of_two() || !(EDGE_MIN..=EDGE_MAX).contains(&self.edge) {
            return Err(BadParams::Edge);
        }
        if !(1..=LANES_MAX).contains(&self.lanes) {
            return Err(BadParams::Lanes);
        }
        if !(1..=LINKS_MAX / self.lanes).contains(&self.links) {
            return Err(BadParams::Links);
        }
        Ok(())
    }

    /// The seed of a machine's answer to an auditor: it names network, purpose, machine and audit, so
    /// that no answer is good for anything else, and holds the auditor's own secret and a block from
    /// after the booking, so that nobody knows it before.
    pub fn seed(genesis: &Hash, machine: &Hash, audit: u64, secret: &Hash, block: &Hash) -> Hash {
        hash(b"dbc/challenge/seed/1", &[genesis, machine, &audit.to_le_bytes(), secret, block])
    }

    /// Bytes of all products, which a prover has to keep.
    pub fn memory_bytes(&self) -> u64 {
        u64::from(self.products()) * u64::from(self.edge) * u64::from(self.edge) * 4
    }

    /// Multiplications of field elements that all chains take.
    pub fn multiplications(&self) -> u64 {
        u64::from(self.products()) * u64::from(self.edge).pow(3)
    }

    /// Products of all lanes; a link's number counts through them, lane after lane.
    pub fn products(&self) -> u32 {
        self.links * self.lanes
    }

    /// Rows of all products together.
    pub fn rows(&self) -> u32 {
        self.products() * self.edge
    }
}
