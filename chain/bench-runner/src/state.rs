//! A state as a trie: built in one pass from sorted entries, so that a million machines take minutes and little
//! memory; kept in memory, or in the database that nodes have. With it goes what is tried on it. Knows nothing of
//! the runtime.

use std::collections::HashMap;
#[cfg(feature = "disk")]
use std::path::Path;

use anyhow::{Result, ensure};
use codec::{Decode, Encode};
use sp_core::{Blake2Hasher, H256};
use sp_io::hashing::blake2_256;
use sp_state_machine::TrieBackendStorage;
use sp_trie::LayoutV1;
use trie_db::{ChildReference, DBValue, ProcessEncodedNode, trie_visit};

/// Key and value.
pub type Entry = (Vec<u8>, Vec<u8>);

/// Where the nodes of a trie are, by their hashes.
pub enum Store {
    /// In memory.
    Memory(HashMap<H256, Vec<u8>>),
    /// On disk, in the form in which nodes keep theirs.
    #[cfg(feature = "disk")]
    Disk(parity_db::Db),
}

impl Store {
    /// In memory, empty.
    pub fn memory() -> Self {
        Self::Memory(HashMap::new())
    }

    /// On disk, in a folder.
    ///
    /// # Errors
    /// When the database cannot be opened or made.
    #[cfg(feature = "disk")]
    pub fn disk(folder: &Path) -> Result<Self> {
        let mut options = parity_db::Options::with_columns(folder, 1);
        // As `sc-client-db` keeps states, but for the counts of references: nothing is ever removed here.
        options.columns[0].uniform = true;
        options.columns[0].preimage = true;
        options.columns[0].compression = parity_db::CompressionType::Lz4;
        Ok(Self::Disk(parity_db::Db::open_or_create(&options)?))
    }

    fn put(&mut self, nodes: Vec<(H256, Vec<u8>)>) -> Result<()> {
        match self {
            Self::Memory(map) => map.extend(nodes),
            #[cfg(feature = "disk")]
            Self::Disk(db) => {
                let changes = nodes.into_iter().map(|(hash, bytes)| (0, hash.0, Some(bytes)));
                db.commit(changes)?;
            }
        }
        Ok(())
    }
}

impl TrieBackendStorage<Blake2Hasher> for Store {
    fn get(
        &self,
        key: &H256,
        _: (&[u8], Option<u8>),
    ) -> core::result::Result<Option<DBValue>, String> {
        match self {
            Self::Memory(map) => Ok(map.get(key).cloned()),
            #[cfg(feature = "disk")]
            Self::Disk(db) => db.get(0, key.as_bytes()).map_err(|error| error.to_string()),
        }
    }
}

/// What is known of a state beside its nodes.
#[derive(Encode, Decode)]
pub struct Seed {
    /// Root of the trie.
    pub root: H256,
    /// Machines of the crowd.
    pub machines: u32,
    /// Leases of the crowd.
    pub leases: u32,
    /// Entries of the whole state.
    pub entries: u64,
    /// A transaction that comes first in a block, so that queues are behind it.
    pub first: Vec<u8>,
    /// Calls to try.
    pub cases: Vec<Case>,
    /// Blocks to try.
    pub blocks: Vec<BlockCase>,
    /// Calls that nobody tries.
    pub not_measured: Vec<String>,
    /// The runtime's own figures.
    pub figures: Figures,
}

/// What a call's cost is taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum Base {
    /// What any signed transaction costs.
    Signed,
    /// What it costs through the key of the `dev` preset, which stands for governance.
    Sudo,
}

/// A call that is measured.
#[derive(Debug, Clone, Encode, Decode)]
pub struct Case {
    /// Pallet and call.
    pub name: String,
    /// What it is compared with.
    pub base: Base,
    /// Weight that the pallet declares, in picoseconds.
    pub declared: u64,
    /// Transactions, encoded; each by somebody else, of something else.
    pub tries: Vec<Vec<u8>>,
}

/// A block that is measured.
#[derive(Debug, Clone, Encode, Decode)]
pub struct BlockCase {
    /// What it does.
    pub name: String,
    /// Its header, encoded.
    pub header: Vec<u8>,
    /// Its author's clock, encoded.
    pub time: Vec<u8>,
    /// What is otherwise than in the state.
    pub changes: Vec<Entry>,
}

/// What the runtime declares, in picoseconds, and how it watches.
#[derive(Debug, Clone, Copy, Encode, Decode)]
pub struct Figures {
    /// A read of the database.
    pub read: u64,
    /// A write.
    pub write: u64,
    /// All that a block may take.
    pub block: u64,
    /// A watcher's report with its signature.
    pub report: u64,
    /// What each block does for watching.
    pub tick: u64,
    /// What a cohort's watchers say together.
    pub tally: u64,
    /// A machine that falls silent, or is heard again.
    pub transition: u64,
    /// The end of an interval.
    pub close: u64,
    /// What closing may take of a block.
    pub close_limit: u64,
    /// Slots of an interval.
    pub interval: u64,
    /// Milliseconds of a slot.
    pub slot_ms: u64,
    /// Watchers of a cohort.
    pub watchers: u32,
    /// Machines of a cohort.
    pub cohort: u32,
}

/// Puts entries into a store as a trie of the layout that the runtime has; gives its root.
///
/// # Errors
/// When a key comes twice, or the store refuses.
pub fn build(entries: &mut Vec<Entry>, store: &mut Store) -> Result<H256> {
    entries.sort_unstable();
    ensure!(entries.windows(2).all(|pair| pair[0].0 != pair[1].0), "a key comes twice");
    let mut visit = Visit { store, nodes: Vec::new(), root: H256::default(), failed: None };
    let pairs = entries.iter().map(|(key, value)| (key.as_slice(), value.as_slice()));
    trie_visit::<LayoutV1<Blake2Hasher>, _, _, _, _>(pairs, &mut visit);
    visit.flush();
    visit.failed.map_or(Ok(visit.root), Err)
}

/// Nodes that wait until a write pays.
const WAITING_MAX: usize = 20_000;

struct Visit<'a> {
    store: &'a mut Store,
    nodes: Vec<(H256, Vec<u8>)>,
    root: H256,
    failed: Option<anyhow::Error>,
}

impl Visit<'_> {
    fn keep(&mut self, bytes: Vec<u8>) -> H256 {
        let hash = H256(blake2_256(&bytes));
        self.nodes.push((hash, bytes));
        if self.nodes.len() >= WAITING_MAX {
            self.flush();
        }
        hash
    }

    fn flush(&mut self) {
        if let Err(error) = self.store.put(core::mem::take(&mut self.nodes)) {
            self.failed.get_or_insert(error);
        }
    }
}

impl ProcessEncodedNode<H256> for Visit<'_> {
    fn process(
        &mut self,
        _: (&[u8], Option<u8>),
        node: Vec<u8>,
        is_root: bool,
    ) -> ChildReference<H256> {
        // Short nodes stand in their parents.
        if !is_root && node.len() < H256::len_bytes() {
            let mut inline = H256::default();
            inline.0[..node.len()].copy_from_slice(&node);
            return ChildReference::Inline(inline, node.len());
        }
        let hash = self.keep(node);
        if is_root {
            self.root = hash;
        }
        ChildReference::Hash(hash)
    }

    fn process_inner_hashed_value(&mut self, _: (&[u8], Option<u8>), value: &[u8]) -> H256 {
        self.keep(value.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use sp_core::storage::StateVersion;
    use sp_state_machine::{Backend as _, TrieBackendBuilder, new_in_mem};

    use super::*;

    #[test]
    fn the_root_is_that_of_the_same_entries_put_one_by_one() {
        let mut entries: Vec<Entry> = (0u32..500)
            .map(|n| (blake2_256(&n.encode()).to_vec(), vec![n as u8; n as usize % 90]))
            .collect();
        let mut store = Store::memory();
        let root = build(&mut entries, &mut store).unwrap();
        let mut other = new_in_mem::<Blake2Hasher>();
        for (key, value) in &entries {
            other.insert([(None, vec![(key.clone(), Some(value.clone()))])], StateVersion::V1);
        }
        assert_eq!(root, *other.root());
        let backend = TrieBackendBuilder::new(store, root).build();
        for (key, value) in &entries {
            assert_eq!(backend.storage(key).unwrap().as_ref(), Some(value));
        }
    }
}
