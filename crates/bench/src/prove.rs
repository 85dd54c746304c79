//! The honest prover on a processor.

use alloc::vec::Vec;

use codec::{Decode, Encode};

use crate::{
    Params, Place,
    field::{add_scaled, reduce, row},
    tree::{Hash, Tree, hash, leaf},
};

/// A row with all that is needed to check it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Opening {
    /// The row of the product.
    pub row: Vec<u32>,
    /// Its way to the root.
    pub path: Vec<Hash>,
    /// Hash and way of the two rows of the product before that this row's input comes from; empty at the
    /// first link.
    pub inputs: Vec<(Hash, Vec<Hash>)>,
}

/// A prover who keeps all products.
pub struct Prover {
    params: Params,
    /// Link after link, row after row.
    rows: Vec<Vec<u32>>,
    leaves: Vec<Hash>,
    tree: Tree,
}

impl Prover {
    /// Computes the whole chain. Takes `params.memory_bytes()` of memory and a little.
    pub fn run(params: Params) -> Self {
        Self::run_but(params, |_| false)
    }

    /// Computes the chain but for the rows that `skips` names, which are made up: a cheat, to try the
    /// verifier with.
    pub fn run_but(params: Params, skips: impl Fn(Place) -> bool) -> Self {
        let (mut rows, mut leaves) = (Vec::new(), Vec::new());
        for link in 0..params.links {
            let right: Vec<_> = (0..params.edge).map(|n| right(&params, link, n)).collect();
            let done = rows.len();
            for n in 0..params.edge {
                let left = match link.checked_sub(1) {
                    None => first(&params, n),
                    Some(_) => {
                        let before = done - params.edge as usize;
                        let at = |n: u32| leaves[before + (n % params.edge) as usize];
                        next(&params, link, n, &at(n), &at(n + 1))
                    }
                };
                let made_up = skips(Place { link, row: n });
                rows.push(if made_up { left } else { product(&left, &right) });
            }
            leaves.extend(rows[done..].iter().map(|row| leaf(row)));
        }
        let tree = Tree::new(leaves.clone());
        Self { params, rows, leaves, tree }
    }

    /// What he commits to.
    pub fn root(&self) -> Hash {
        self.tree.root()
    }

    /// Opens a row; `None` outside of the chain.
    pub fn open(&self, place: Place) -> Option<Opening> {
        let at = place.leaf(&self.params);
        let row = self.rows.get(at as usize)?.clone();
        let inputs = place.inputs(&self.params).into_iter().flatten();
        let inputs = inputs.map(|at| (self.leaves[at as usize], self.tree.path(at))).collect();
        Some(Opening { row, path: self.tree.path(at), inputs })
    }
}

/// A row of a link's right factor.
pub fn right(params: &Params, link: u32, n: u32) -> Vec<u32> {
    let (link, n) = (link.to_le_bytes(), n.to_le_bytes());
    row(&hash(b"dbc/challenge/right", &[&params.seed, &link, &n]), params.edge)
}

/// A row of the first left factor.
pub fn first(params: &Params, n: u32) -> Vec<u32> {
    row(&hash(b"dbc/challenge/first", &[&params.seed, &n.to_le_bytes()]), params.edge)
}

/// A row of a later left factor, from the hashes of two rows of the product before.
pub fn next(params: &Params, link: u32, n: u32, one: &Hash, other: &Hash) -> Vec<u32> {
    let (link, n) = (link.to_le_bytes(), n.to_le_bytes());
    row(&hash(b"dbc/challenge/next", &[&params.seed, &link, &n, one, other]), params.edge)
}

fn product(left: &[u32], right: &[Vec<u32>]) -> Vec<u32> {
    let mut sums = alloc::vec![0u64; left.len()];
    for (factor, row) in left.iter().zip(right) {
        add_scaled(&mut sums, *factor, row);
    }
    sums.into_iter().map(reduce).collect()
}
