//! Hashes, with their purpose in each, and the tree over all rows.

use alloc::vec::Vec;

use blake2::{Blake2b, Digest, digest::consts::U32};

/// 32 bytes of blake2b.
pub type Hash = [u8; 32];

/// Hash of parts for a purpose.
pub fn hash(purpose: &[u8], parts: &[&[u8]]) -> Hash {
    let mut hasher = Blake2b::<U32>::new();
    hasher.update([purpose.len() as u8]);
    hasher.update(purpose);
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// Hash of a row of elements.
pub fn leaf(row: &[u32]) -> Hash {
    let bytes: Vec<u8> = row.iter().flat_map(|value| value.to_le_bytes()).collect();
    hash(b"dbc/challenge/row", &[&bytes])
}

fn node(left: &Hash, right: &Hash) -> Hash {
    hash(b"dbc/challenge/node", &[left, right])
}

/// The level above one, by all cores where it is long: a card's rows are tens of millions.
#[cfg(feature = "std")]
fn above(level: &[Hash]) -> Vec<Hash> {
    const LONG: usize = 1 << 14;
    if level.len() < LONG {
        return pairs(level);
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let share = level.len().div_ceil(cores).next_multiple_of(2);
    std::thread::scope(|scope| {
        let parts: Vec<_> =
            level.chunks(share).map(|part| scope.spawn(move || pairs(part))).collect();
        parts.into_iter().flat_map(|part| part.join().expect("hashing does not panic")).collect()
    })
}

#[cfg(not(feature = "std"))]
fn above(level: &[Hash]) -> Vec<Hash> {
    pairs(level)
}

fn pairs(level: &[Hash]) -> Vec<Hash> {
    level.chunks_exact(2).map(|pair| node(&pair[0], &pair[1])).collect()
}

/// All levels of a tree, the leaves first; filled up with zeros to a power of two.
pub struct Tree(Vec<Vec<Hash>>);

impl Tree {
    /// Over these leaves.
    pub fn new(mut level: Vec<Hash>) -> Self {
        level.resize(level.len().next_power_of_two(), [0; 32]);
        let mut levels = Vec::new();
        while level.len() > 1 {
            let next = above(&level);
            levels.push(core::mem::replace(&mut level, next));
        }
        levels.push(level);
        Self(levels)
    }

    /// The root.
    pub fn root(&self) -> Hash {
        self.0.last().and_then(|top| top.first()).copied().unwrap_or_default()
    }

    /// The neighbours on the way from a leaf up.
    pub fn path(&self, leaf: u32) -> Vec<Hash> {
        let below = self.0.len().saturating_sub(1);
        let levels = self.0.iter().take(below).enumerate();
        levels.filter_map(|(n, level)| level.get((leaf as usize >> n) ^ 1).copied()).collect()
    }
}

/// The root that a leaf and its path lead to.
pub fn climb(leaf: Hash, place: u32, path: &[Hash]) -> Hash {
    let mut hash = leaf;
    for (level, other) in path.iter().enumerate() {
        hash = if place >> level & 1 == 0 { node(&hash, other) } else { node(other, &hash) };
    }
    hash
}

/// Length of a path in a tree over so many leaves.
pub fn depth(leaves: u32) -> usize {
    leaves.next_power_of_two().trailing_zeros() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_level_is_the_same_by_all_cores() {
        let level: Vec<Hash> = (0..1u32 << 15).map(|n| hash(b"n", &[&n.to_le_bytes()])).collect();
        assert_eq!(above(&level), pairs(&level));
    }

    #[test]
    fn every_leaf_leads_to_the_root_and_no_other_does() {
        for count in [1u32, 2, 3, 5, 8, 13] {
            let leaves: Vec<Hash> = (0..count).map(|n| [n as u8 + 1; 32]).collect();
            let tree = Tree::new(leaves.clone());
            for (place, leaf) in (0..).zip(&leaves) {
                let path = tree.path(place);
                assert_eq!(path.len(), depth(count));
                assert_eq!(climb(*leaf, place, &path), tree.root());
                assert_ne!(climb([99; 32], place, &path), tree.root());
                if count > 1 {
                    assert_ne!(climb(*leaf, place ^ 1, &path), tree.root());
                }
            }
        }
    }
}
