//! Heads of the chain with their slot and time, read from the header alone: BABE's pre-runtime digest
//! names the slot, and a slot is a fixed stretch of time.

use codec::Decode;
use subxt::config::{
    Hasher,
    substrate::{BlakeTwo256, DigestItem, SubstrateHeader},
};
use subxt::utils::H256;

/// A block that the client knows of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Head {
    /// Height.
    pub number: u64,
    /// Hash of its header.
    pub hash: [u8; 32],
    /// BABE slot in which it was made; 0 for the genesis block.
    pub slot: u64,
    /// Start of that slot in milliseconds since 1970; 0 for the genesis block.
    pub unix_ms: u64,
}

impl Head {
    pub(crate) fn new(hash: H256, header: &SubstrateHeader<H256>, slot_ms: u64) -> Self {
        let slot = babe_slot(&header.digest.logs).unwrap_or(0);
        Self { number: header.number, hash: hash.0, slot, unix_ms: slot.saturating_mul(slot_ms) }
    }

    /// The block of an encoded header; `None` when the bytes are none.
    pub fn of_encoded(header: &[u8], slot_ms: u64) -> Option<Self> {
        let decoded = SubstrateHeader::<H256>::decode(&mut &header[..]).ok()?;
        Some(Self::new(BlakeTwo256.hash(header), &decoded, slot_ms))
    }

    /// Start of the block's slot in seconds since 1970.
    pub fn unix_s(&self) -> u64 {
        self.unix_ms / 1000
    }
}

/// The slot in BABE's pre-runtime digest. Its three forms all begin with the authority's index and
/// the slot.
fn babe_slot(logs: &[DigestItem]) -> Option<u64> {
    logs.iter().find_map(|item| match item {
        DigestItem::PreRuntime([b'B', b'A', b'B', b'E'], data) => {
            <(u8, u32, u64)>::decode(&mut &data[..]).ok().map(|(_, _, slot)| slot)
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use codec::Encode;

    use super::*;

    #[test]
    fn the_slot_is_read_from_each_form_of_the_digest() {
        for form in 1u8..=3 {
            let mut data = (form, 7u32, 123_456_789u64).encode();
            data.extend([0; 96]);
            let logs = [
                DigestItem::Other(vec![1]),
                DigestItem::PreRuntime(*b"aura", vec![0; 8]),
                DigestItem::PreRuntime(*b"BABE", data),
            ];
            assert_eq!(babe_slot(&logs), Some(123_456_789));
        }
        assert_eq!(babe_slot(&[]), None);
        assert_eq!(babe_slot(&[DigestItem::PreRuntime(*b"BABE", vec![1, 2])]), None);
    }
}
