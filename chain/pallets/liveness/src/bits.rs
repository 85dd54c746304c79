//! Bitmaps and roots. Pure.

use alloc::vec::Vec;

use dbc_primitives::{MachineId, Slot};
use sp_io::hashing::blake2_256;

use crate::{Bitmap, Interval, MAP_BYTES, Opening};

/// Whether a bit is set.
pub fn is_set(map: &Bitmap, bit: u16) -> bool {
    map.get(usize::from(bit / 8)).is_some_and(|byte| byte >> (bit % 8) & 1 == 1)
}

/// Sets or clears a bit of a map of full length.
pub fn set(map: &mut Bitmap, bit: u16, to: bool) {
    if let Some(byte) = map.get_mut(usize::from(bit / 8)) {
        let mask = 1 << (bit % 8);
        *byte = if to { *byte | mask } else { *byte & !mask };
    }
}

/// A map of full length with no bit set.
pub fn none() -> Bitmap {
    Bitmap::truncate_from(alloc::vec![0; MAP_BYTES as usize])
}

/// The bits that both maps have.
pub fn both(one: &Bitmap, other: &Bitmap) -> Bitmap {
    let mut all = none();
    for (byte, (one, other)) in all.iter_mut().zip(one.iter().zip(other)) {
        *byte = one & other;
    }
    all
}

/// Bitwise: whom fewer than two thirds of the maps call silent.
pub fn heard<'a>(maps: impl Iterator<Item = &'a Bitmap>) -> Bitmap {
    let maps: Vec<_> = maps.collect();
    let mut all = none();
    for (place, byte) in all.iter_mut().enumerate() {
        let column: Vec<u8> = maps.iter().map(|m| m.get(place).copied().unwrap_or(0)).collect();
        for bit in 0..8 {
            let silent = column.iter().filter(|byte| **byte >> bit & 1 == 0).count();
            if 3 * silent < 2 * maps.len() {
                *byte |= 1 << bit;
            }
        }
    }
    all
}

/// What a machine signs in each interval. The genesis and the purpose are in it, so that a beat is good
/// on one network and for nothing else.
pub fn beat(
    genesis: &[u8; 32],
    machine: MachineId,
    generation: u32,
    interval: Interval,
    digest: &[u8; 32],
) -> [u8; 32] {
    let mut message = b"dbc/beat/1".to_vec();
    message.extend_from_slice(genesis);
    message.extend_from_slice(&machine.0);
    message.extend_from_slice(&generation.to_le_bytes());
    message.extend_from_slice(&interval.to_le_bytes());
    message.extend_from_slice(digest);
    blake2_256(&message)
}

/// A leaf of a watcher's tree. His account is in it: a copied root cannot be opened by another.
pub fn leaf(watcher: &[u8; 32], signature: &[u8; 64]) -> [u8; 32] {
    let mut bytes = Vec::with_capacity(97);
    bytes.push(0);
    bytes.extend_from_slice(watcher);
    bytes.extend_from_slice(signature);
    blake2_256(&bytes)
}

/// An inner node.
pub fn node(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    let mut bytes = Vec::with_capacity(65);
    bytes.push(1);
    bytes.extend_from_slice(left);
    bytes.extend_from_slice(right);
    blake2_256(&bytes)
}

/// The root that an opening leads to.
pub fn root(watcher: &[u8; 32], bit: u16, opening: &Opening) -> [u8; 32] {
    let mut hash = leaf(watcher, &opening.signature);
    for (level, other) in opening.path.iter().enumerate() {
        hash = if bit >> level & 1 == 0 { node(&hash, other) } else { node(other, &hash) };
    }
    hash
}

/// The bit that a watcher has to open: the first he set from a place on that the seed and he decide.
pub fn asked(seed: &[u8; 32], watcher: &[u8; 32], heard: &Bitmap) -> Option<u16> {
    let hash = blake2_256(&[&seed[..], watcher].concat());
    let bits = MAP_BYTES as u16 * 8;
    let start = u16::from_le_bytes([hash[0], hash[1]]) % bits;
    (0..bits).map(|step| (start + step) % bits).find(|bit| is_set(heard, *bit))
}

/// First slot of an interval.
pub fn slot_of(interval: Interval, length: Slot) -> Slot {
    interval.saturating_mul(length)
}
