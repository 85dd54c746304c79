//! The honest prover: what he keeps, and how he opens it. This one computes on a processor; whoever computes
//! elsewhere keeps his rows there and the hashes here.

use alloc::vec::Vec;

use codec::{Decode, Encode};

use crate::{
    Params, Place,
    field::{add, add_scaled, reduce, row},
    keys,
    tree::{Hash, Tree, leaf},
};

/// A row with all that is needed to check it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Opening {
    /// The row of the product.
    pub row: Vec<u32>,
    /// Its way to the root.
    pub path: Vec<Hash>,
    /// Hash and way of the two rows of the product before that this row's input comes from; empty at the
    /// first link of a lane.
    pub inputs: Vec<(Hash, Vec<Hash>)>,
    /// The earlier row that is a part of its input, and its way; none at the first link of a lane.
    pub early: Option<(Vec<u32>, Vec<Hash>)>,
}

/// Where a prover keeps the rows of his products.
pub trait Rows {
    /// A row; `None` when it lies outside of the chains, or is lost.
    fn row(&self, place: Place) -> Option<Vec<u32>>;
}

/// Rows in main memory, link after link.
impl Rows for Vec<Vec<Vec<u32>>> {
    fn row(&self, place: Place) -> Option<Vec<u32>> {
        self.get(place.link as usize)?.get(place.row as usize).cloned()
    }
}

/// Somebody who committed to a challenge's rows and opens them.
pub trait Answers: Send {
    /// What he commits to.
    fn root(&self) -> Hash;

    /// Opens a row; `None` outside of the chains, or when it is lost.
    fn open(&self, place: Place) -> Option<Opening>;
}

impl<R: Rows + Send> Answers for Prover<R> {
    fn root(&self) -> Hash {
        self.root()
    }

    fn open(&self, place: Place) -> Option<Opening> {
        self.open(place)
    }
}

/// A prover who keeps all products.
pub struct Prover<R = Vec<Vec<Vec<u32>>>> {
    params: Params,
    rows: R,
    leaves: Vec<Hash>,
    tree: Tree,
}

impl<R: Rows> Prover<R> {
    /// Of rows that were computed, with the hash of each, link after link.
    pub fn of(params: Params, rows: R, leaves: Vec<Hash>) -> Self {
        let tree = Tree::new(leaves.clone());
        Self { params, rows, leaves, tree }
    }

    /// What he commits to.
    pub fn root(&self) -> Hash {
        self.tree.root()
    }

    /// Opens a row; `None` outside of the chains.
    pub fn open(&self, place: Place) -> Option<Opening> {
        let row = self.rows.row(place)?;
        let mut opening = Opening {
            row,
            path: self.tree.path(place.leaf(&self.params)),
            inputs: Vec::new(),
            early: None,
        };
        if let Some(inputs) = place.inputs(&self.params) {
            let hash = |at: u32| self.leaves.get(at as usize).copied();
            let early = place.early(&self.params, &hash(inputs[0])?);
            for at in inputs {
                opening.inputs.push((hash(at)?, self.tree.path(at)));
            }
            let path = self.tree.path(early.leaf(&self.params));
            opening.early = Some((self.rows.row(early)?, path));
        }
        Some(opening)
    }
}

impl Prover {
    /// Computes the chains. Takes `params.memory_bytes()` of memory and a little.
    pub fn run(params: Params) -> Self {
        Self::run_but(params, |_| false)
    }

    /// Computes the chains but for the rows that `skips` names, which are made up: a cheat, to try the
    /// verifier with.
    pub fn run_but(params: Params, skips: impl Fn(Place) -> bool) -> Self {
        let (mut rows, mut leaves) = (Vec::<Vec<Vec<u32>>>::new(), Vec::new());
        for link in 0..params.products() {
            let right: Vec<_> = (0..params.edge).map(|n| right(&params, link, n)).collect();
            let product: Vec<_> = (0..params.edge)
                .map(|n| {
                    let place = Place { link, row: n };
                    let left = left(&params, place, &rows, &leaves);
                    if skips(place) { left } else { product(&left, &right) }
                })
                .collect();
            leaves.extend(product.iter().map(|row| leaf(row)));
            rows.push(product);
        }
        Self::of(params, rows, leaves)
    }
}

/// A row of a link's left factor, from all that was computed before.
fn left(params: &Params, place: Place, rows: &[Vec<Vec<u32>>], leaves: &[Hash]) -> Vec<u32> {
    let Some([one, other]) = place.inputs(params) else { return first(params, place) };
    let (one, other) = (&leaves[one as usize], &leaves[other as usize]);
    let early = place.early(params, one);
    next(params, place, one, other, &rows[early.link as usize][early.row as usize])
}

/// The key of a row of a link's right factor.
pub fn right_key(params: &Params, link: u32, n: u32) -> Hash {
    keys::of(keys::RIGHT, params, Place { link, row: n }, &[])
}

/// A row of a link's right factor.
fn right(params: &Params, link: u32, n: u32) -> Vec<u32> {
    row(&right_key(params, link, n), params.edge)
}

/// A row of a lane's first left factor.
pub fn first(params: &Params, place: Place) -> Vec<u32> {
    row(&keys::of(keys::FIRST, params, place, &[]), params.edge)
}

/// A row of a later left factor, from the hashes of two rows of the product before, and an earlier row itself: a
/// hash of it would not do, because hashes take little memory to keep.
pub fn next(params: &Params, place: Place, one: &Hash, other: &Hash, early: &[u32]) -> Vec<u32> {
    let mut row = row(&keys::of(keys::NEXT, params, place, &[one, other]), params.edge);
    add(&mut row, early);
    row
}

fn product(left: &[u32], right: &[Vec<u32>]) -> Vec<u32> {
    let mut sums = alloc::vec![0u64; left.len()];
    for (factor, row) in left.iter().zip(right) {
        add_scaled(&mut sums, *factor, row);
    }
    sums.into_iter().map(reduce).collect()
}
