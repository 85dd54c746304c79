//! The verifier. Its time and memory are bounded by the challenge, whatever it is given.

use alloc::{collections::BTreeMap, vec::Vec};

use codec::{Decode, Encode};

use crate::{
    Opening, Params,
    field::{P, dot, row},
    prove::{first, next, right},
    tree::{Hash, climb, depth, hash, leaf},
};

/// Most rows that one verification opens.
pub const OPENINGS_MAX: usize = 64;

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

    /// The two rows that its input comes from.
    pub(crate) fn inputs(self, params: &Params) -> Option<[u32; 2]> {
        let before = self.link.checked_sub(1)? * params.edge;
        Some([before + self.row, before + (self.row + 1) % params.edge])
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
        if place.link >= params.links || place.row >= params.edge {
            return Err(Reject::Form(at));
        }
        let inputs = place.inputs(params);
        let formed = opening.row.len() == params.edge as usize
            && opening.row.iter().all(|value| *value < P)
            && opening.path.len() == depth
            && opening.inputs.len() == inputs.map_or(0, |inputs| inputs.len())
            && opening.inputs.iter().all(|(_, path)| path.len() == depth);
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
        let left = match &opening.inputs[..] {
            [(one, _), (other, _)] => next(params, place.link, place.row, one, other),
            _ => first(params, place.row),
        };
        let (vector, image) =
            images.entry(place.link).or_insert_with(|| image(params, place.link, luck));
        if dot(&left, image) != dot(&opening.row, vector) {
            return Err(Reject::Product(at));
        }
    }
    Ok(())
}

/// A vector, and what a link's right factor makes of it.
fn image(params: &Params, link: u32, luck: &Hash) -> (Vec<u32>, Vec<u32>) {
    let key = hash(b"dbc/challenge/vector", &[luck, &link.to_le_bytes()]);
    let vector = row(&key, params.edge);
    let image = (0..params.edge).map(|n| dot(&right(params, link, n), &vector)).collect();
    (vector, image)
}
