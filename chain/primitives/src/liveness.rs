//! Beats, and what watchers make of them: bitmaps, trees, draws. Pure, and the same on both sides of
//! the chain's border.

use alloc::{vec, vec::Vec};

use blake2::{Blake2b, Digest as _, digest::consts::U32};
use bounded_collections::{BoundedVec, ConstU32};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

use crate::{MachineId, Slot};

/// Machines of a cohort: consecutive dense indexes (mechanisms rule 10).
pub const COHORT: u32 = 4_096;
/// Bytes of a cohort's bitmap.
pub const MAP_BYTES: u32 = COHORT / 8;
/// Most watchers that one cohort can have.
pub const DUTIES_MAX: u32 = 7;
/// Levels of the tree over a cohort's beats.
pub const TREE_DEPTH: u32 = 12;

/// Number of an interval since slot 0.
pub type Interval = u64;
/// Number of a duty epoch since slot 0.
pub type Epoch = u64;
/// One bit per machine of a cohort, the first in the lowest bit of the first byte. Shorter ones end in
/// zeros.
pub type Bitmap = BoundedVec<u8, ConstU32<MAP_BYTES>>;

/// What shows that a machine was heard: its signed beat, and the way to the root.
#[derive(
    Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Opening {
    /// The beat's digest of the machine's leases.
    pub digest: [u8; 32],
    /// The machine's ed25519 signature over the beat.
    pub signature: [u8; 64],
    /// Neighbours on the way up, the lowest first.
    pub path: [[u8; 32]; TREE_DEPTH as usize],
}

/// What a machine sends in each interval, as a statement and not as a transaction.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Beat {
    /// Its place.
    pub index: u32,
    /// How often the place was given out before.
    pub generation: u32,
    /// Which interval it is for.
    pub interval: Interval,
    /// Digest of the leases that it runs.
    pub digest: [u8; 32],
    /// The machine's ed25519 signature over [`beat`].
    pub signature: [u8; 64],
}

/// Where machines of a cohort are heard on a network: the statements' topic.
pub fn topic(genesis: &[u8; 32], cohort: u32) -> [u8; 32] {
    hash(&[&b"dbc/beats/1"[..], genesis, &cohort.to_le_bytes()].concat())
}

/// The channel on which a machine's newest beat replaces the one before.
pub fn channel() -> [u8; 32] {
    hash(b"dbc/beat/1")
}

/// Blake2b of 256 bits.
pub(crate) fn hash(bytes: &[u8]) -> [u8; 32] {
    Blake2b::<U32>::digest(bytes).into()
}

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
    hash(&message)
}

/// A leaf of a watcher's tree. His account is in it: a copied root cannot be opened by another.
pub fn leaf(watcher: &[u8; 32], signature: &[u8; 64]) -> [u8; 32] {
    let mut bytes = Vec::with_capacity(97);
    bytes.push(0);
    bytes.extend_from_slice(watcher);
    bytes.extend_from_slice(signature);
    hash(&bytes)
}

/// An inner node.
pub fn node(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    let mut bytes = Vec::with_capacity(65);
    bytes.push(1);
    bytes.extend_from_slice(left);
    bytes.extend_from_slice(right);
    hash(&bytes)
}

/// The root that an opening leads to.
pub fn root(watcher: &[u8; 32], bit: u16, opening: &Opening) -> [u8; 32] {
    let mut top = leaf(watcher, &opening.signature);
    for (level, other) in opening.path.iter().enumerate() {
        top = if bit >> level & 1 == 0 { node(&top, other) } else { node(other, &top) };
    }
    top
}

/// The bit that a watcher has to open: the first he set from a place on that the seed and he decide.
pub fn asked(seed: &[u8; 32], watcher: &[u8; 32], heard: &Bitmap) -> Option<u16> {
    let drawn = hash(&[&seed[..], watcher].concat());
    let bits = MAP_BYTES as u16 * 8;
    let start = u16::from_le_bytes([drawn[0], drawn[1]]) % bits;
    (0..bits).map(|step| (start + step) % bits).find(|bit| is_set(heard, *bit))
}

/// First slot of an interval.
pub fn slot_of(interval: Interval, length: Slot) -> Slot {
    interval.saturating_mul(length)
}

/// Places of those drawn among so many, nobody twice; the same for whoever asks.
pub fn draw(seed: &[u8; 32], cohort: u32, members: usize, wanted: u32) -> Vec<usize> {
    let mut left: Vec<usize> = (0..members).collect();
    let mut drawn = Vec::new();
    let mut number = hash(&[&seed[..], &cohort.to_le_bytes()].concat());
    while !left.is_empty() && drawn.len() < wanted as usize {
        number = hash(&number);
        let mut low = [0; 8];
        low.copy_from_slice(&number[..8]);
        let at = u64::from_le_bytes(low) % left.len() as u64;
        drawn.push(left.swap_remove(at as usize));
    }
    drawn
}

/// A watcher's tree over the beats of a cohort that he heard.
pub struct Tree(Vec<Vec<[u8; 32]>>);

impl Tree {
    /// Over the signatures at these bits; what was not heard is 32 zero bytes.
    pub fn new<'a>(
        watcher: &[u8; 32],
        heard: impl IntoIterator<Item = (u16, &'a [u8; 64])>,
    ) -> Self {
        let mut level = vec![[0; 32]; COHORT as usize];
        for (bit, signature) in heard {
            if let Some(place) = level.get_mut(usize::from(bit)) {
                *place = leaf(watcher, signature);
            }
        }
        let mut levels = Vec::new();
        while level.len() > 1 {
            let next = level.chunks(2).map(|pair| node(&pair[0], &pair[1])).collect();
            levels.push(core::mem::replace(&mut level, next));
        }
        levels.push(level);
        Self(levels)
    }

    /// What it comes down to.
    pub fn root(&self) -> [u8; 32] {
        self.0.last().and_then(|top| top.first()).copied().unwrap_or_default()
    }

    /// Neighbours on the way up from a bit.
    pub fn path(&self, bit: u16) -> [[u8; 32]; TREE_DEPTH as usize] {
        let mut path = [[0; 32]; TREE_DEPTH as usize];
        for ((level, place), nodes) in path.iter_mut().enumerate().zip(&self.0) {
            if let Some(node) = nodes.get((usize::from(bit) >> level) ^ 1) {
                *place = *node;
            }
        }
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_to_the_root() {
        let watcher = [9; 32];
        let beats: Vec<(u16, [u8; 64])> = vec![(0, [1; 64]), (77, [2; 64]), (4_095, [3; 64])];
        let tree = Tree::new(&watcher, beats.iter().map(|(bit, signature)| (*bit, signature)));
        for (bit, signature) in beats {
            let opening = Opening { digest: [0; 32], signature, path: tree.path(bit) };
            assert_eq!(root(&watcher, bit, &opening), tree.root());
            assert_ne!(root(&[8; 32], bit, &opening), tree.root(), "of somebody else");
            assert_ne!(root(&watcher, bit ^ 1, &opening), tree.root(), "at another place");
        }
    }

    #[test]
    fn a_draw_takes_nobody_twice_and_depends_on_the_cohort() {
        let drawn = draw(&[1; 32], 0, 20, 7);
        let unique: alloc::collections::BTreeSet<_> = drawn.iter().collect();
        assert_eq!((drawn.len(), unique.len()), (7, 7));
        assert_ne!(drawn, draw(&[1; 32], 1, 20, 7));
        assert_eq!(draw(&[1; 32], 0, 2, 7).len(), 2, "as many as there are");
    }
}
