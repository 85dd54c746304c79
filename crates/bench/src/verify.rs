//! The verifier. Its time and memory are bounded by the challenge, whatever it is given.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};

use codec::{Decode, Encode};

use crate::{
    Opening, Params,
    field::{BLOCK, P, block, dot, reduce, row},
    prove::{first, next, right_key},
    tree::{Hash, climb, depth, hash, leaf},
};

/// Most rows that one verification opens.
pub const OPENINGS_MAX: usize = 64;

/// Blocks of a row that Freivalds' vector reaches: all of them up to an edge of 256.
const BLOCKS_CHECKED: u32 = 16;

/// A row of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub struct Place {
    /// Which product.
    pub link: u32,
    /// Which row of it.
    pub row: u32,
}

impl Place {
    /// Its place among all rows.
    pub(crate) fn leaf(self, params: &Params) -> u32 {
        self.link * params.edge + self.row
    }

    /// Places among all rows of the two of the product before that its input comes from; none at the first
    /// link of a lane.
    pub(crate) fn inputs(self, params: &Params) -> Option<[u32; 2]> {
        if self.link.is_multiple_of(params.links) {
            return None;
        }
        let before = (self.link - 1) * params.edge;
        Some([before + self.row, before + (self.row + 1) % params.edge])
    }

    /// The earlier row of its lane that is a part of its input: that of the product which the first input's
    /// hash names. Of a link that is not its lane's first.
    pub(crate) fn early(self, params: &Params, one: &Hash) -> Self {
        let step = self.link % params.links;
        let mut number = [0; 8];
        number.copy_from_slice(&one[..8]);
        let back = (u64::from_le_bytes(number) % u64::from(step.max(1))) as u32;
        Self { link: self.link - step + back, row: self.row }
    }
}

/// Why an answer is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reject {
    /// The challenge is out of bounds.
    Params,
    /// There are not as many openings as questions, or more than 64.
    Count,
    /// Opening `.0` has another form than the challenge says: lengths, or elements beyond the field.
    Form(usize),
    /// The row of opening `.0` is not what was committed to.
    Row(usize),
    /// The inputs of opening `.0` are not what was committed to.
    Inputs(usize),
    /// The earlier row of opening `.0` is not what was committed to.
    Early(usize),
    /// The row of opening `.0` is no product.
    Product(usize),
}

/// The rows that have to be opened: drawn from the root, the auditor's secret and a block from after the
/// root was committed, so that neither side alone can choose them.
pub fn questions(
    params: &Params,
    root: &Hash,
    secret: &Hash,
    block: &Hash,
    count: usize,
) -> Vec<Place> {
    let ask = |n: usize| {
        let n = (n as u32).to_le_bytes();
        let hash = hash(b"dbc/challenge/ask", &[&params.seed, root, secret, block, &n]);
        let mut number = [0; 8];
        number.copy_from_slice(&hash[..8]);
        let at = (u64::from_le_bytes(number) % u64::from(params.rows().max(1))) as u32;
        Place { link: at / params.edge.max(1), row: at % params.edge.max(1) }
    };
    (0..count.min(OPENINGS_MAX)).map(ask).collect()
}

/// Checks the answers to questions. `luck` must not be known to the prover before he opened; it is the
/// source of Freivalds' vectors.
///
/// # Errors
/// The first thing that is wrong.
pub fn verify(
    params: &Params,
    root: &Hash,
    asked: &[Place],
    openings: &[Opening],
    luck: &Hash,
) -> Result<(), Reject> {
    params.check().map_err(|_| Reject::Params)?;
    if asked.len() != openings.len() || asked.len() > OPENINGS_MAX {
        return Err(Reject::Count);
    }
    let depth = depth(params.rows());
    let mut images: BTreeMap<u32, (Vec<u32>, Vec<u32>)> = BTreeMap::new();
    for (at, (place, opening)) in asked.iter().zip(openings).enumerate() {
        if place.link >= params.products() || place.row >= params.edge {
            return Err(Reject::Form(at));
        }
        let inputs = place.inputs(params);
        let whole = |row: &[u32], path: &[Hash]| {
            row.len() == params.edge as usize
                && row.iter().all(|value| *value < P)
                && path.len() == depth
        };
        let formed = whole(&opening.row, &opening.path)
            && opening.inputs.len() == inputs.map_or(0, |inputs| inputs.len())
            && opening.inputs.iter().all(|(_, path)| path.len() == depth)
            && opening.early.is_some() == inputs.is_some()
            && opening.early.iter().all(|(row, path)| whole(row, path));
        if !formed {
            return Err(Reject::Form(at));
        }
        if climb(leaf(&opening.row), place.leaf(params), &opening.path) != *root {
            return Err(Reject::Row(at));
        }
        for (input, (hash, path)) in inputs.into_iter().flatten().zip(&opening.inputs) {
            if climb(*hash, input, path) != *root {
                return Err(Reject::Inputs(at));
            }
        }
        let left = match (&opening.inputs[..], &opening.early) {
            ([(one, _), (other, _)], Some((early, path))) => {
                let from = place.early(params, one).leaf(params);
                if climb(leaf(early), from, path) != *root {
                    return Err(Reject::Early(at));
                }
                next(params, *place, one, other, early)
            }
            _ => first(params, *place),
        };
        let (vector, image) =
            images.entry(place.link).or_insert_with(|| image(params, place.link, luck));
        if dot(&left, image) != dot(&opening.row, vector) {
            return Err(Reject::Product(at));
        }
    }
    Ok(())
}

/// A vector, and what a link's right factor makes of it. The vector is zero but in [`BLOCKS_CHECKED`] blocks of a
/// row's stream, so that of a large factor a part is made: a row of which a share `f` is wrong, at best in whole
/// blocks, passes with (1 − f)¹⁶. Leaving out less than that shows saves less than it costs.
fn image(params: &Params, link: u32, luck: &Hash) -> (Vec<u32>, Vec<u32>) {
    let key = hash(b"dbc/challenge/vector", &[luck, &link.to_le_bytes()]);
    let blocks = drawn(&key, params.edge / BLOCK);
    let mut vector = row(&key, params.edge);
    for (at, part) in (0..).zip(vector.chunks_mut(BLOCK as usize)) {
        if !blocks.contains(&at) {
            part.fill(0);
        }
    }
    let of = |n: u32| {
        let key = right_key(params, link, n);
        let parts = blocks.iter().map(|at| {
            let from = (at * BLOCK) as usize;
            u64::from(dot(&block(&key, *at), &vector[from..from + BLOCK as usize]))
        });
        reduce(parts.sum())
    };
    let image = (0..params.edge).map(of).collect();
    (vector, image)
}

/// [`BLOCKS_CHECKED`] of so many blocks, or all of them when there are no more, the first first.
fn drawn(key: &Hash, of: u32) -> Vec<u32> {
    if of <= BLOCKS_CHECKED {
        return (0..of).collect();
    }
    let mut blocks = BTreeSet::new();
    let mut number = *key;
    while (blocks.len() as u32) < BLOCKS_CHECKED {
        number = hash(b"dbc/challenge/block", &[&number]);
        blocks.insert(u32::from_le_bytes([number[0], number[1], number[2], number[3]]) % of);
    }
    blocks.into_iter().collect()
}
