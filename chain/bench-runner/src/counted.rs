//! Storage that counts: which entries are read from the database and which are written, each once, as weights
//! count them. What the block touched before costs nothing: it is in memory.

use std::{
    any::{Any, TypeId},
    collections::HashSet,
};

use sp_externalities::{Error, Extension, ExtensionStore, Externalities, MultiRemovalResults};
use sp_storage::{ChildInfo, StateVersion, TrackedStorageKey};

/// Entries that were touched.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Touched {
    /// Entries read from the database, each once; asking for one that is not there is reading.
    pub reads: u32,
    /// Entries written, each once.
    pub writes: u32,
}

/// Counts what goes through to the storage inside.
pub struct Counted<'a> {
    inside: &'a mut dyn Externalities,
    /// In memory already.
    known: HashSet<Vec<u8>>,
    written: HashSet<Vec<u8>>,
    touched: Touched,
}

impl<'a> Counted<'a> {
    /// Over a storage in which these entries are in memory.
    pub fn new(inside: &'a mut dyn Externalities, known: HashSet<Vec<u8>>) -> Self {
        let written = known.clone();
        Self { inside, known, written, touched: Touched::default() }
    }

    /// What was counted so far.
    pub fn touched(&self) -> Touched {
        self.touched
    }

    fn read(&mut self, key: &[u8]) {
        if self.known.insert(key.to_vec()) {
            self.touched.reads += 1;
        }
    }

    fn wrote(&mut self, key: &[u8]) {
        // What was written is read from memory from then on.
        self.known.insert(key.to_vec());
        if self.written.insert(key.to_vec()) {
            self.touched.writes += 1;
        }
    }

    /// Removed entries were read and written.
    fn removed(&mut self, result: &MultiRemovalResults) {
        self.touched.reads += result.loops;
        self.touched.writes += result.backend;
    }
}

impl Externalities for Counted<'_> {
    fn set_offchain_storage(&mut self, key: &[u8], value: Option<&[u8]>) {
        self.inside.set_offchain_storage(key, value);
    }

    fn storage(&mut self, key: &[u8]) -> Option<Vec<u8>> {
        self.read(key);
        self.inside.storage(key)
    }

    fn storage_hash(&mut self, key: &[u8]) -> Option<Vec<u8>> {
        self.read(key);
        self.inside.storage_hash(key)
    }

    fn child_storage_hash(&mut self, child: &ChildInfo, key: &[u8]) -> Option<Vec<u8>> {
        self.read(&[child.storage_key(), key].concat());
        self.inside.child_storage_hash(child, key)
    }

    fn child_storage(&mut self, child: &ChildInfo, key: &[u8]) -> Option<Vec<u8>> {
        self.read(&[child.storage_key(), key].concat());
        self.inside.child_storage(child, key)
    }

    fn next_storage_key(&mut self, key: &[u8]) -> Option<Vec<u8>> {
        // A look for a neighbour is a walk of its own, whatever is known of the neighbour.
        self.touched.reads += 1;
        self.inside.next_storage_key(key)
    }

    fn next_child_storage_key(&mut self, child: &ChildInfo, key: &[u8]) -> Option<Vec<u8>> {
        self.touched.reads += 1;
        self.inside.next_child_storage_key(child, key)
    }

    fn kill_child_storage(
        &mut self,
        child: &ChildInfo,
        most: Option<u32>,
        from: Option<&[u8]>,
    ) -> MultiRemovalResults {
        let result = self.inside.kill_child_storage(child, most, from);
        self.removed(&result);
        result
    }

    fn clear_prefix(
        &mut self,
        prefix: &[u8],
        most: Option<u32>,
        from: Option<&[u8]>,
    ) -> MultiRemovalResults {
        let result = self.inside.clear_prefix(prefix, most, from);
        self.removed(&result);
        result
    }

    fn clear_child_prefix(
        &mut self,
        child: &ChildInfo,
        prefix: &[u8],
        most: Option<u32>,
        from: Option<&[u8]>,
    ) -> MultiRemovalResults {
        let result = self.inside.clear_child_prefix(child, prefix, most, from);
        self.removed(&result);
        result
    }

    fn place_storage(&mut self, key: Vec<u8>, value: Option<Vec<u8>>) {
        self.wrote(&key);
        self.inside.place_storage(key, value);
    }

    fn place_child_storage(&mut self, child: &ChildInfo, key: Vec<u8>, value: Option<Vec<u8>>) {
        self.wrote(&[child.storage_key(), &key].concat());
        self.inside.place_child_storage(child, key, value);
    }

    fn storage_root(&mut self, version: StateVersion) -> Vec<u8> {
        self.inside.storage_root(version)
    }

    fn child_storage_root(&mut self, child: &ChildInfo, version: StateVersion) -> Vec<u8> {
        self.inside.child_storage_root(child, version)
    }

    fn storage_append(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.read(&key);
        self.wrote(&key);
        self.inside.storage_append(key, value);
    }

    fn storage_start_transaction(&mut self) {
        self.inside.storage_start_transaction();
    }

    fn storage_rollback_transaction(&mut self) -> Result<(), ()> {
        self.inside.storage_rollback_transaction()
    }

    fn storage_commit_transaction(&mut self) -> Result<(), ()> {
        self.inside.storage_commit_transaction()
    }

    fn wipe(&mut self) {
        self.inside.wipe();
    }

    fn commit(&mut self) {
        self.inside.commit();
    }

    fn read_write_count(&self) -> (u32, u32, u32, u32) {
        self.inside.read_write_count()
    }

    fn reset_read_write_count(&mut self) {
        self.inside.reset_read_write_count();
    }

    fn get_whitelist(&self) -> Vec<TrackedStorageKey> {
        self.inside.get_whitelist()
    }

    fn set_whitelist(&mut self, new: Vec<TrackedStorageKey>) {
        self.inside.set_whitelist(new);
    }

    fn get_read_and_written_keys(&self) -> Vec<(Vec<u8>, u32, u32, bool)> {
        self.inside.get_read_and_written_keys()
    }
}

impl ExtensionStore for Counted<'_> {
    fn extension_by_type_id(&mut self, id: TypeId) -> Option<&mut dyn Any> {
        self.inside.extension_by_type_id(id)
    }

    fn register_extension_with_type_id(
        &mut self,
        id: TypeId,
        extension: Box<dyn Extension>,
    ) -> Result<(), Error> {
        self.inside.register_extension_with_type_id(id, extension)
    }

    fn deregister_extension_by_type_id(&mut self, id: TypeId) -> Result<(), Error> {
        self.inside.deregister_extension_by_type_id(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_counts_once_and_what_is_in_memory_not_at_all() {
        let mut storage = sp_state_machine::BasicExternalities::new_empty();
        storage.insert(b"there".to_vec(), vec![1]);
        let mut counted = Counted::new(&mut storage, [b"known".to_vec()].into());
        for _ in 0..2 {
            assert_eq!(counted.storage(b"there"), Some(vec![1]));
            assert_eq!(counted.storage(b"missing"), None);
            counted.storage(b"known");
            counted.set_storage(b"new".to_vec(), vec![2]);
            assert_eq!(counted.storage(b"new"), Some(vec![2]));
        }
        assert_eq!(counted.touched(), Touched { reads: 2, writes: 1 });
    }
}
