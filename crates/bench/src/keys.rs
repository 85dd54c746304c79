//! Keys of rows: each is the hash of a message that names its purpose, the seed, the link and the row. Whoever
//! hashes elsewhere than on this processor takes the messages from here.

use alloc::vec::Vec;

use crate::{
    Params, Place,
    tree::{Hash, hash},
};

pub(crate) const RIGHT: &[u8] = b"dbc/challenge/right";
pub(crate) const FIRST: &[u8] = b"dbc/challenge/first";
pub(crate) const NEXT: &[u8] = b"dbc/challenge/next";

/// The key of a row.
pub(crate) fn of(purpose: &[u8], params: &Params, place: Place, before: &[&Hash]) -> Hash {
    let (link, row) = (place.link.to_le_bytes(), place.row.to_le_bytes());
    let mut parts: Vec<&[u8]> = alloc::vec![&params.seed, &link, &row];
    parts.extend(before.iter().map(|hash| &hash[..]));
    hash(purpose, &parts)
}

/// The message of a right factor's rows, with zeros for link and row, and the place of the link in it; the row
/// stands behind the link, each in four bytes, the lowest first.
pub fn right(params: &Params) -> (Vec<u8>, usize) {
    message(RIGHT, params, 0)
}

/// That of a lane's first left factor.
pub fn first(params: &Params) -> (Vec<u8>, usize) {
    message(FIRST, params, 0)
}

/// That of a later left factor: behind the row stand the two hashes.
pub fn next(params: &Params) -> (Vec<u8>, usize) {
    message(NEXT, params, 64)
}

fn message(purpose: &[u8], params: &Params, tail: usize) -> (Vec<u8>, usize) {
    let mut bytes = alloc::vec![purpose.len() as u8];
    bytes.extend_from_slice(purpose);
    bytes.extend_from_slice(&params.seed);
    let at = bytes.len();
    bytes.resize(at + 8 + tail, 0);
    (bytes, at)
}

#[cfg(test)]
mod tests {
    use blake2::{Blake2b, Digest as _, digest::consts::U32};

    use super::*;

    #[test]
    fn a_message_filled_in_hashes_to_its_key_and_fits_into_a_block() {
        let params = Params::new([7; 32], 16, 2, 1).unwrap();
        let (mut message, at) = next(&params);
        message[at..at + 4].copy_from_slice(&5u32.to_le_bytes());
        message[at + 4..at + 8].copy_from_slice(&6u32.to_le_bytes());
        message[at + 8..at + 40].fill(1);
        message[at + 40..].fill(2);
        let key = of(NEXT, &params, Place { link: 5, row: 6 }, &[&[1; 32], &[2; 32]]);
        assert_eq!(key[..], Blake2b::<U32>::digest(&message)[..]);
        assert!(message.len() <= 128);
    }
}
