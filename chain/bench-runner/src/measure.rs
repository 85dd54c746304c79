//! Runs calls and blocks over a state: as WebAssembly in the executor that nodes have, or natively.

use std::{collections::HashSet, time::Duration};

use anyhow::{Result, anyhow, bail, ensure};
use codec::{Compact, Decode as _};
use nix::time::{ClockId, clock_gettime};
use sp_core::{Blake2Hasher, H256, storage::StateVersion};
use sp_externalities::Externalities;
use sp_runtime::ApplyExtrinsicResult;
use sp_state_machine::{Ext, OverlayedChanges, TrieBackend, TrieBackendBuilder};
use sp_trie::{
    cache::{CacheSize, LocalTrieCache, SharedTrieCache},
    recorder::Recorder,
};

use crate::{
    Counted, Touched,
    state::{BlockCase, Seed, Store},
};

/// Bytes of the cache of trie nodes, as a node's by default.
const CACHE_BYTES: usize = 64 << 20;

/// What runs the runtime.
pub trait Runs {
    /// Calls one of its functions.
    ///
    /// # Errors
    /// When the runtime traps.
    fn call(&self, ext: &mut dyn Externalities, method: &str, data: &[u8]) -> Result<Vec<u8>>;
}

#[cfg(feature = "runtime")]
/// Natively. Its times mean nothing: what a node runs is WebAssembly.
pub struct Native;

#[cfg(feature = "runtime")]
impl Runs for Native {
    fn call(&self, ext: &mut dyn Externalities, method: &str, data: &[u8]) -> Result<Vec<u8>> {
        sp_externalities::set_and_run_with_externalities(ext, || {
            dbc_runtime::apis::api::dispatch(method, data)
        })
        .ok_or_else(|| anyhow!("there is no {method}"))
    }
}

/// As nodes do.
#[cfg(feature = "node")]
pub struct Node {
    executor: sc_executor::WasmExecutor<HostFunctions>,
    code: Vec<u8>,
    hash: Vec<u8>,
}

#[cfg(feature = "node")]
type HostFunctions =
    (sp_io::SubstrateHostFunctions, sp_statement_store::runtime_api::HostFunctions);

#[cfg(feature = "node")]
impl Node {
    /// With a runtime as `cargo xtask wasm` leaves it.
    pub fn new(code: Vec<u8>) -> Self {
        let hash = sp_io::hashing::blake2_256(&code).to_vec();
        Self { executor: sc_executor::WasmExecutor::builder().build(), code, hash }
    }
}

#[cfg(feature = "node")]
impl Runs for Node {
    fn call(&self, ext: &mut dyn Externalities, method: &str, data: &[u8]) -> Result<Vec<u8>> {
        use sp_core::traits::{CallContext, CodeExecutor as _, RuntimeCode, WrappedRuntimeCode};
        let fetcher = WrappedRuntimeCode(self.code.as_slice().into());
        let code =
            RuntimeCode { code_fetcher: &fetcher, heap_pages: None, hash: self.hash.clone() };
        let context = CallContext::Onchain { import: false };
        let (result, _) = self.executor.call(ext, &code, method, data, context);
        result.map_err(|error| anyhow!("{method}: {error}"))
    }
}

/// What one thing costs, once for each try.
#[derive(Debug, Clone, Default)]
pub struct Cost {
    /// Microseconds of a processor for execution, what it reads of the database included.
    pub run: Vec<f64>,
    /// Likewise for the new root over everything that the block has written so far.
    pub root: Vec<f64>,
    /// Entries that it touches.
    pub touched: Vec<Touched>,
    /// Picoseconds of the block's weight that it took in the end; what it declared beyond that was given back.
    pub taken: Vec<u64>,
    /// Bytes of the trie's nodes that it reads.
    pub proof: Vec<usize>,
    /// Why the runtime does not take it; then nothing else was measured.
    pub refused: Option<String>,
}

/// What a block costs.
#[derive(Debug, Clone, Default)]
pub struct BlockCost {
    /// Its beginning.
    pub begin: Cost,
    /// Its clock, its queues, its end and its root.
    pub rest: Cost,
}

type Cached<'a> = TrieBackend<&'a Store, Blake2Hasher, LocalTrieCache<Blake2Hasher>>;
type Overlay = OverlayedChanges<Blake2Hasher>;

/// A state with what runs on it.
pub struct Bench<'a, R> {
    store: &'a Store,
    root: H256,
    runs: &'a R,
}

impl<'a, R: Runs> Bench<'a, R> {
    /// Over a seeded state.
    pub fn new(store: &'a Store, seed: &Seed, runs: &'a R) -> Self {
        Self { store, root: seed.root, runs }
    }

    /// Tries every call of a seed, also those that are refused; times are taken as often as there are passes,
    /// each with an empty cache that the block before has warmed as far as it goes.
    ///
    /// # Errors
    /// When the runtime traps before any call.
    pub fn calls(&self, seed: &Seed, passes: usize) -> Result<Vec<Cost>> {
        let mut costs = vec![Cost::default(); seed.cases.len()];
        for pass in 0..=passes {
            let cache = cache();
            let overlay = self.begun(&seed.blocks[0], &seed.first, &cache)?;
            for (case, cost) in seed.cases.iter().zip(&mut costs) {
                for transaction in &case.tries {
                    let tried = match pass {
                        0 => self.count(&overlay, transaction, cost),
                        _ => self.time(&overlay, transaction, &cache, cost),
                    };
                    if let Err(error) = tried {
                        cost.refused = Some(format!("{error:#}"));
                    }
                }
            }
        }
        Ok(costs)
    }

    /// Tries every block of a seed.
    ///
    /// # Errors
    /// When the runtime traps.
    pub fn blocks(&self, seed: &Seed, passes: usize) -> Result<Vec<BlockCost>> {
        let mut costs = vec![BlockCost::default(); seed.blocks.len()];
        for pass in 0..=passes {
            for (case, cost) in seed.blocks.iter().zip(&mut costs) {
                let cache = cache();
                // The block before has read what every block reads.
                self.begun(&seed.blocks[0], &seed.first, &cache)?;
                self.block(case, pass == 0, &cache, cost)?;
            }
        }
        Ok(costs)
    }

    /// A block that has begun and whose queues were looked at.
    fn begun(
        &self,
        case: &BlockCase,
        first: &[u8],
        cache: &SharedTrieCache<Blake2Hasher>,
    ) -> Result<Overlay> {
        let backend = self.cached(cache);
        let mut overlay = Overlay::default();
        let mut ext = Ext::new(&mut overlay, &backend, None);
        change(&mut ext, case);
        self.runs.call(&mut ext, "Core_initialize_block", &case.header)?;
        self.apply(&mut ext, &case.time)?;
        self.apply(&mut ext, first)?;
        Ok(overlay)
    }

    fn count(&self, overlay: &Overlay, transaction: &[u8], cost: &mut Cost) -> Result<()> {
        let mut overlay = overlay.clone();
        let known: HashSet<_> = overlay.changes().map(|(key, _)| key.clone()).collect();
        let recorder = Recorder::<Blake2Hasher>::default();
        let backend =
            TrieBackendBuilder::new(self.store, self.root).with_recorder(recorder.clone()).build();
        let mut ext = Ext::new(&mut overlay, &backend, None);
        let before = weight(&mut ext)?;
        let mut counted = Counted::new(&mut ext, known);
        self.apply(&mut counted, transaction)?;
        cost.touched.push(counted.touched());
        cost.taken.push(weight(&mut ext)?.saturating_sub(before));
        cost.proof.push(recorder.estimate_encoded_size());
        Ok(())
    }

    fn time(
        &self,
        overlay: &Overlay,
        transaction: &[u8],
        cache: &SharedTrieCache<Blake2Hasher>,
        cost: &mut Cost,
    ) -> Result<()> {
        let mut overlay = overlay.clone();
        let backend = self.cached(cache);
        let mut ext = Ext::new(&mut overlay, &backend, None);
        let began = clock()?;
        self.apply(&mut ext, transaction)?;
        cost.run.push(micros(began)?);
        let began = clock()?;
        ext.storage_root(StateVersion::V1);
        cost.root.push(micros(began)?);
        Ok(())
    }

    fn block(
        &self,
        case: &BlockCase,
        count: bool,
        cache: &SharedTrieCache<Blake2Hasher>,
        cost: &mut BlockCost,
    ) -> Result<()> {
        let mut overlay = Overlay::default();
        if count {
            let recorder = Recorder::<Blake2Hasher>::default();
            let backend = TrieBackendBuilder::new(self.store, self.root)
                .with_recorder(recorder.clone())
                .build();
            let mut ext = Ext::new(&mut overlay, &backend, None);
            change(&mut ext, case);
            let mut counted = Counted::new(&mut ext, HashSet::new());
            self.runs.call(&mut counted, "Core_initialize_block", &case.header)?;
            let begin = counted.touched();
            cost.begin.touched.push(begin);
            cost.begin.proof.push(recorder.estimate_encoded_size());
            self.rest(&mut counted, case)?;
            let all = counted.touched();
            let (reads, writes) = (all.reads - begin.reads, all.writes - begin.writes);
            cost.rest.touched.push(Touched { reads, writes });
            return Ok(());
        }
        let backend = self.cached(cache);
        let mut ext = Ext::new(&mut overlay, &backend, None);
        change(&mut ext, case);
        let began = clock()?;
        self.runs.call(&mut ext, "Core_initialize_block", &case.header)?;
        cost.begin.run.push(micros(began)?);
        let began = clock()?;
        self.rest(&mut ext, case)?;
        cost.rest.run.push(micros(began)?);
        Ok(())
    }

    fn rest(&self, ext: &mut dyn Externalities, case: &BlockCase) -> Result<()> {
        self.apply(ext, &case.time)?;
        self.runs.call(ext, "BlockBuilder_finalize_block", &[]).map(drop)
    }

    fn apply(&self, ext: &mut dyn Externalities, transaction: &[u8]) -> Result<()> {
        let result = self.runs.call(ext, "BlockBuilder_apply_extrinsic", transaction)?;
        match ApplyExtrinsicResult::decode(&mut &result[..])? {
            Ok(Ok(())) => Ok(()),
            other => bail!("refused: {other:?}"),
        }
    }

    fn cached(&self, cache: &SharedTrieCache<Blake2Hasher>) -> Cached<'a> {
        TrieBackendBuilder::new(self.store, self.root)
            .with_cache(cache.local_cache_trusted())
            .build()
    }
}

fn cache() -> SharedTrieCache<Blake2Hasher> {
    SharedTrieCache::new(CacheSize::new(CACHE_BYTES), None)
}

fn change(ext: &mut dyn Externalities, case: &BlockCase) {
    for (key, value) in &case.changes {
        ext.set_storage(key.clone(), value.clone());
    }
}

/// Picoseconds of weight that the block has taken so far: the first part of each class of `System::BlockWeight`.
fn weight(ext: &mut dyn Externalities) -> Result<u64> {
    let key = [sp_io::hashing::twox_128(b"System"), sp_io::hashing::twox_128(b"BlockWeight")];
    let classes = ext.storage(&key.concat()).unwrap_or_default();
    let classes = <[(Compact<u64>, Compact<u64>); 3]>::decode(&mut &classes[..])?;
    Ok(classes.iter().map(|(time, _)| time.0).sum())
}

/// Time that this thread has had a processor: what others do on the machine does not count.
fn clock() -> Result<Duration> {
    Ok(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)?.into())
}

fn micros(began: Duration) -> Result<f64> {
    Ok(clock()?.saturating_sub(began).as_secs_f64() * 1e6)
}

/// The middle one; 0 of none.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len().saturating_sub(1) / 2).copied().unwrap_or_default()
}

/// Fails unless two states have the same calls and blocks, in the same order.
///
/// # Errors
/// When they have not.
pub fn comparable(one: &Seed, other: &Seed) -> Result<()> {
    let names = |seed: &Seed| {
        let calls = seed.cases.iter().map(|case| case.name.clone());
        calls.chain(seed.blocks.iter().map(|case| case.name.clone())).collect::<Vec<_>>()
    };
    ensure!(names(one) == names(other), "the states were made by different versions");
    Ok(())
}
