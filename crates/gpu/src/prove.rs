//! The prover: a lane on each card, all at once, each filling its card's memory with the products of its chain.

use std::{sync::Arc, thread};

use cudarc::driver::{CudaSlice, CudaStream, DevicePtr as _};
use dbc_bench::{Params, Place, Prover, Rows, keys};

use crate::{
    card::{Card, CardError, asked},
    kernels::{Address, EDGE_MIN, Kernels, Message},
};

/// Links that are under way on a card at most, so that a stop is heard within a second.
const AHEAD: u32 = 256;

/// Products in the memory of cards.
pub struct Kept {
    params: Params,
    lanes: Vec<Lane>,
}

impl Rows for Kept {
    fn row(&self, place: Place) -> Option<Vec<u32>> {
        if place.row >= self.params.edge {
            return None;
        }
        let lane = self.lanes.get((place.link / self.params.links) as usize)?;
        lane.row(place.link % self.params.links, place.row, self.params.edge).ok()
    }
}

/// Computes a challenge on the first `params.lanes` of the cards.
///
/// # Errors
/// What a card refused; that there are too few cards, or that the edge is too small for them, is said as the
/// refusal of a value.
pub fn run(cards: &[Card], params: Params) -> Result<Prover<Kept>, CardError> {
    let enough = cards.len() >= params.lanes as usize && params.edge >= EDGE_MIN;
    if !enough || params.check().is_err() {
        let source = cudarc::driver::DriverError(
            cudarc::driver::sys::cudaError_enum::CUDA_ERROR_INVALID_VALUE,
        );
        return Err(CardError { action: "take a challenge of this size", source });
    }
    let done: Result<Vec<_>, CardError> = thread::scope(|scope| {
        let start = |(lane, card)| scope.spawn(move || Lane::run(card, &params, lane));
        let running: Vec<_> = (0..params.lanes).zip(cards).map(start).collect();
        running.into_iter().map(|lane| lane.join().expect("lanes do not panic")).collect()
    });
    let (mut lanes, mut leaves) = (Vec::new(), Vec::new());
    for (lane, hashes) in done? {
        lanes.push(lane);
        leaves.extend(hashes);
    }
    Ok(Prover::of(params, Kept { params, lanes }, leaves))
}

/// A chain on a card.
struct Lane {
    stream: Arc<CudaStream>,
    products: CudaSlice<u32>,
}

impl Lane {
    /// Computes the chain; gives the hashes of its rows as well.
    fn run(card: &Card, params: &Params, lane: u32) -> Result<(Self, Vec<[u8; 32]>), CardError> {
        let stream = asked("make a stream", card.context.new_stream())?;
        let kernels = Kernels::load(&card.context)?;
        let edge = u64::from(params.edge);
        let words = |count: u64| take::<u32>(&stream, count);
        let hashes = |count: u64| take::<u64>(&stream, 4 * count);
        let products = words(edge * edge * u64::from(params.links))?;
        let (left, right) = (words(edge * edge)?, words(edge * edge)?);
        let (keys, leaves) = (hashes(edge)?, hashes(edge * u64::from(params.links))?);
        let messages = Messages::new(&stream, params)?;
        let at = |slice: &CudaSlice<u32>| slice.device_ptr(&stream).0;
        let of = |slice: &CudaSlice<u64>| slice.device_ptr(&stream).0;
        let (kept, hashed, keys) = (at(&products), of(&leaves), of(&keys));
        let (left, right) = (at(&left), at(&right));
        for step in 0..params.links {
            let link = lane * params.links + step;
            let size = (link, params.edge);
            let product: Address = kept + edge * edge * 4 * u64::from(step);
            let own: Address = hashed + edge * 32 * u64::from(step);
            kernels.keys(&stream, &messages.right, size, 0, keys)?;
            kernels.expand(&stream, keys, (params.edge, 1), (0, 0), right)?;
            if step == 0 {
                kernels.keys(&stream, &messages.first, size, 0, keys)?;
                kernels.expand(&stream, keys, (params.edge, 1), (0, 0), left)?;
            } else {
                let before = own - edge * 32;
                kernels.keys(&stream, &messages.next, size, before, keys)?;
                kernels.expand(&stream, keys, (params.edge, step), (before, kept), left)?;
            }
            kernels.multiply(&stream, (left, right), params.edge, product)?;
            kernels.leaves(&stream, product, params.edge, own)?;
            if step % AHEAD == AHEAD - 1 {
                asked("compute a chain", stream.synchronize())?;
            }
        }
        let words = asked("give its hashes", stream.clone_dtoh(&leaves))?;
        let leaves = words.chunks_exact(4).map(hash).collect();
        Ok((Self { stream, products }, leaves))
    }

    fn row(&self, step: u32, row: u32, edge: u32) -> Result<Vec<u32>, CardError> {
        let from = (step as usize * edge as usize + row as usize) * edge as usize;
        let view = self.products.slice(from..from + edge as usize);
        asked("give a row", self.stream.clone_dtoh(&view))
    }
}

/// The messages of a challenge on a card.
struct Messages {
    right: Message,
    first: Message,
    next: Message,
    _held: CudaSlice<u8>,
}

impl Messages {
    fn new(stream: &Arc<CudaStream>, params: &Params) -> Result<Self, CardError> {
        let all = [keys::right(params), keys::first(params), keys::next(params)];
        let mut bytes = Vec::new();
        for (message, _) in &all {
            bytes.extend_from_slice(message);
            bytes.resize(bytes.len().next_multiple_of(128), 0);
        }
        let held = asked("take messages", stream.clone_htod(&bytes))?;
        let start = held.device_ptr(stream).0;
        let [right, first, next] = [0, 1, 2].map(|n: usize| Message {
            address: start + 128 * n as u64,
            bytes: all[n].0.len() as u32,
            at: all[n].1 as u32,
        });
        Ok(Self { right, first, next, _held: held })
    }
}

fn take<T: cudarc::driver::DeviceRepr>(
    stream: &Arc<CudaStream>,
    count: u64,
) -> Result<CudaSlice<T>, CardError> {
    // SAFETY: every element is written by a kernel before one reads it.
    asked("give memory", unsafe { stream.alloc::<T>(count as usize) })
}

fn hash(words: &[u64]) -> [u8; 32] {
    let mut hash = [0; 32];
    for (bytes, word) in hash.chunks_exact_mut(8).zip(words) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    hash
}
