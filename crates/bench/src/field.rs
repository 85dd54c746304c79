//! The field of 2³¹ − 1 elements, and rows of its elements from a hash. Exact on every device.

use alloc::vec::Vec;

use blake2::{Blake2b512, Digest};

use crate::tree::Hash;

/// The prime.
pub const P: u32 = (1 << 31) - 1;

/// Elements that one hash gives.
pub const BLOCK: u32 = 16;

/// A row of elements from a key. Any row can be made alone.
pub fn row(key: &Hash, edge: u32) -> Vec<u32> {
    let blocks = (0..edge.div_ceil(BLOCK)).flat_map(|at| block(key, at));
    blocks.take(edge as usize).collect()
}

/// A block of a row. Any block can be made alone.
pub fn block(key: &Hash, at: u32) -> [u32; BLOCK as usize] {
    let bytes = Blake2b512::new().chain_update(key).chain_update(at.to_le_bytes()).finalize();
    let mut block = [0; BLOCK as usize];
    for (value, bytes) in block.iter_mut().zip(bytes.chunks_exact(4)) {
        let word = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) & P;
        // One value of 2³¹ is P itself.
        *value = if word == P { 0 } else { word };
    }
    block
}

/// Σ aᵢ·bᵢ.
pub fn dot(a: &[u32], b: &[u32]) -> u32 {
    let mut sum = 0u64;
    for (a, b) in a.iter().zip(b) {
        // Below 2⁶² + 2³³: no overflow.
        sum = fold(sum) + u64::from(*a) * u64::from(*b);
    }
    reduce(sum)
}

/// `sums += factor × row`, each sum kept below 2³³.
pub fn add_scaled(sums: &mut [u64], factor: u32, row: &[u32]) {
    for (sum, value) in sums.iter_mut().zip(row) {
        *sum = fold(fold(*sum + u64::from(factor) * u64::from(*value)));
    }
}

/// `row += other`, element by element.
pub fn add(row: &mut [u32], other: &[u32]) {
    for (value, other) in row.iter_mut().zip(other) {
        *value = reduce(u64::from(*value) + u64::from(*other));
    }
}

/// The element that a sum stands for.
pub fn reduce(sum: u64) -> u32 {
    let sum = fold(fold(sum));
    (sum % u64::from(P)) as u32
}

/// The same modulo P, and smaller: 2³¹ is 1.
fn fold(sum: u64) -> u64 {
    (sum & u64::from(P)) + (sum >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_exact_at_the_edges() {
        let most = alloc::vec![P - 1; 2_048];
        let expected = (2_048u128 * u128::from(P - 1).pow(2) % u128::from(P)) as u32;
        assert_eq!(dot(&most, &most), expected);
        let mut sums = alloc::vec![0u64; 3];
        for _ in 0..2_048 {
            add_scaled(&mut sums, P - 1, &[P - 1, 0, 1]);
        }
        let minus = (2_048u128 * u128::from(P - 1) % u128::from(P)) as u32;
        assert_eq!(sums.iter().map(|sum| reduce(*sum)).collect::<Vec<_>>(), [expected, 0, minus]);
        assert_eq!(reduce(u64::from(P)), 0);
    }

    #[test]
    fn rows_are_in_the_field_and_differ() {
        let (one, other) = (row(&[1; 32], 64), row(&[2; 32], 64));
        assert!(one.iter().all(|value| *value < P) && one != other);
        assert_eq!(row(&[1; 32], 16), one[..16]);
    }
}
