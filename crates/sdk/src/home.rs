//! The client's own folder: keys, orders on their way, contact cards of leases, what they run, grants. Every file is
//! 0600 and replaced whole, so that a crash leaves the old or the new one. Here because the facade must
//! find its way again after a crash; wallets are the caller's.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{ErrorKind, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use dbc_agent_api::WorkloadSpec;
use dbc_grants::{AccessKey, HolderKey, KeyError};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    error::MarketError,
    grant::GrantView,
    id::{Genesis, HolderId, MachineId},
    order::StoredOrder,
};

/// Largest file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 1024 * 1024;
/// Most files of one folder that are looked at.
const FILES_MAX: usize = 10_000;
const FOLDERS: [&str; 5] = ["access", "orders", "leases", "grants", "specs"];

/// The folder.
#[derive(Debug, Clone)]
pub(crate) struct Home {
    root: PathBuf,
}

/// What reaches the machine of a lease when the chain cannot be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Card {
    pub genesis: Genesis,
    pub lease: u64,
    pub machine: MachineId,
    pub endpoint: HolderId,
    pub relays: Vec<String>,
    pub grant_epoch: u32,
}

impl Home {
    /// Makes what is missing of the folder.
    pub(crate) fn open(root: &Path) -> Result<Self, MarketError> {
        for path in [root.to_owned()].into_iter().chain(FOLDERS.map(|name| root.join(name))) {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&path)
                .map_err(|source| MarketError::Home { action: "create", path, source })?;
        }
        Ok(Self { root: root.to_owned() })
    }

    /// The device's key, made at first use.
    pub(crate) fn holder_key(&self) -> Result<HolderKey, MarketError> {
        HolderKey::load_or_create(&self.root.join("holder.key")).map_err(key_error)
    }

    /// The key of an order that has no lease yet, made at first use.
    pub(crate) fn order_key(&self, genesis: &Genesis, tag: u64) -> Result<AccessKey, MarketError> {
        AccessKey::load_or_create(&self.order_key_path(genesis, tag)).map_err(key_error)
    }

    /// Files the order's key under its lease. Done again after a crash, it changes nothing.
    pub(crate) fn adopt_order_key(
        &self,
        genesis: &Genesis,
        tag: u64,
        lease: u64,
    ) -> Result<(), MarketError> {
        self.put_lease_key(genesis, lease, &self.order_key(genesis, tag)?)
    }

    /// The access key of a lease, if this device has it.
    pub(crate) fn lease_key(
        &self,
        genesis: &Genesis,
        lease: u64,
    ) -> Result<Option<AccessKey>, MarketError> {
        match AccessKey::load(&self.lease_key_path(genesis, lease)) {
            Ok(key) => Ok(Some(key)),
            Err(KeyError::Read { source, .. }) if source.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(key_error(error)),
        }
    }

    /// Stores the key as the lease's; another one that was there is kept beside it.
    pub(crate) fn put_lease_key(
        &self,
        genesis: &Genesis,
        lease: u64,
        key: &AccessKey,
    ) -> Result<(), MarketError> {
        let path = self.lease_key_path(genesis, lease);
        if let Some(old) = self.lease_key(genesis, lease)? {
            if old.public() == key.public() {
                return Ok(());
            }
            let aside = path.with_extension(format!("{}.old", hex::encode(&old.public()[..8])));
            fs::rename(&path, &aside).map_err(|source| MarketError::Home {
                action: "write",
                path: aside,
                source,
            })?;
        }
        key.save(&path).map_err(key_error)
    }

    /// A key that may become the lease's; stored before the chain is told.
    pub(crate) fn next_lease_key(
        &self,
        genesis: &Genesis,
        lease: u64,
    ) -> Result<(AccessKey, PathBuf), MarketError> {
        let path = self.lease_key_path(genesis, lease).with_extension("next.key");
        Ok((AccessKey::load_or_create(&path).map_err(key_error)?, path))
    }

    /// Removes a file that is no longer needed.
    pub(crate) fn remove(&self, path: &Path) -> Result<(), MarketError> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(MarketError::Home { action: "remove", path: path.to_owned(), source: error })
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn order(
        &self,
        genesis: &Genesis,
        tag: u64,
    ) -> Result<Option<StoredOrder>, MarketError> {
        read_json(&self.order_path(genesis, tag))
    }

    pub(crate) fn put_order(
        &self,
        genesis: &Genesis,
        order: &StoredOrder,
    ) -> Result<(), MarketError> {
        write_json(&self.order_path(genesis, order.tag), order)
    }

    /// Forgets an order that needs no going on; its key stays.
    pub(crate) fn remove_order(&self, genesis: &Genesis, tag: u64) -> Result<(), MarketError> {
        self.remove(&self.order_path(genesis, tag))
    }

    /// All stored orders of the network.
    pub(crate) fn orders(&self, genesis: &Genesis) -> Result<Vec<StoredOrder>, MarketError> {
        self.all("orders", genesis)
    }

    pub(crate) fn card(&self, genesis: &Genesis, lease: u64) -> Result<Option<Card>, MarketError> {
        read_json(&self.lease_path("leases", genesis, lease))
    }

    pub(crate) fn put_card(&self, card: &Card) -> Result<(), MarketError> {
        let path = self.lease_path("leases", &card.genesis, card.lease);
        if read_json::<Card>(&path).ok().flatten().as_ref() == Some(card) {
            return Ok(());
        }
        write_json(&path, card)
    }

    /// What a lease runs, if this device sent it.
    pub(crate) fn spec(
        &self,
        genesis: &Genesis,
        lease: u64,
    ) -> Result<Option<WorkloadSpec>, MarketError> {
        read_json(&self.lease_path("specs", genesis, lease))
    }

    /// Keeps what a lease runs until it ends: another machine may have to be told.
    pub(crate) fn put_spec(
        &self,
        genesis: &Genesis,
        lease: u64,
        spec: &WorkloadSpec,
    ) -> Result<(), MarketError> {
        let path = self.lease_path("specs", genesis, lease);
        if read_json::<WorkloadSpec>(&path).ok().flatten().as_ref() == Some(spec) {
            return Ok(());
        }
        write_json(&path, spec)
    }

    pub(crate) fn remove_spec(&self, genesis: &Genesis, lease: u64) -> Result<(), MarketError> {
        self.remove(&self.lease_path("specs", genesis, lease))
    }

    /// The network of a lease number when nobody says which: the only one on a card with it.
    pub(crate) fn genesis_of(&self, lease: u64) -> Result<Option<Genesis>, MarketError> {
        let suffix = format!("-{lease}.json");
        let mut found = None;
        for path in self.files("leases", |name| name.ends_with(&suffix))? {
            let Some(card) = read_json::<Card>(&path)? else { continue };
            if found.is_some_and(|genesis| genesis != card.genesis) {
                return Ok(None);
            }
            found = Some(card.genesis);
        }
        Ok(found)
    }

    pub(crate) fn grants(
        &self,
        genesis: &Genesis,
        lease: u64,
    ) -> Result<Vec<GrantView>, MarketError> {
        Ok(read_json(&self.lease_path("grants", genesis, lease))?.unwrap_or_default())
    }

    pub(crate) fn put_grants(
        &self,
        genesis: &Genesis,
        lease: u64,
        grants: &[GrantView],
    ) -> Result<(), MarketError> {
        write_json(&self.lease_path("grants", genesis, lease), &grants)
    }

    /// The grants of all leases and networks.
    pub(crate) fn all_grants(&self) -> Result<Vec<GrantView>, MarketError> {
        let mut grants = Vec::new();
        for path in self.files("grants", |name| name.ends_with(".json"))? {
            grants.extend(read_json::<Vec<GrantView>>(&path)?.unwrap_or_default());
        }
        Ok(grants)
    }

    fn order_path(&self, genesis: &Genesis, tag: u64) -> PathBuf {
        self.root.join("orders").join(format!("{}-{tag:016x}.json", genesis.short()))
    }

    fn order_key_path(&self, genesis: &Genesis, tag: u64) -> PathBuf {
        self.root.join("access").join(format!("{}-tag-{tag:016x}.key", genesis.short()))
    }

    fn lease_key_path(&self, genesis: &Genesis, lease: u64) -> PathBuf {
        self.root.join("access").join(format!("{}-{lease}.key", genesis.short()))
    }

    fn lease_path(&self, folder: &str, genesis: &Genesis, lease: u64) -> PathBuf {
        self.root.join(folder).join(format!("{}-{lease}.json", genesis.short()))
    }

    fn all<T: DeserializeOwned>(
        &self,
        folder: &str,
        genesis: &Genesis,
    ) -> Result<Vec<T>, MarketError> {
        let prefix = format!("{}-", genesis.short());
        let mut all = Vec::new();
        for path in
            self.files(folder, |name| name.starts_with(&prefix) && name.ends_with(".json"))?
        {
            all.extend(read_json(&path)?);
        }
        Ok(all)
    }

    fn files(
        &self,
        folder: &str,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Vec<PathBuf>, MarketError> {
        let folder = self.root.join(folder);
        let entries = fs::read_dir(&folder).map_err(|source| MarketError::Home {
            action: "read",
            path: folder.clone(),
            source,
        })?;
        let mut paths: Vec<_> = entries
            .filter_map(Result::ok)
            .take(FILES_MAX)
            .filter(|entry| entry.file_name().to_str().is_some_and(&wanted))
            .map(|entry| entry.path())
            .collect();
        paths.sort();
        Ok(paths)
    }
}

fn key_error(error: KeyError) -> MarketError {
    match error {
        KeyError::Read { path, source } => MarketError::Home { action: "read", path, source },
        KeyError::Write { path, source } => MarketError::Home { action: "write", path, source },
        KeyError::Mode { path, mode } => MarketError::HomeDamaged {
            path,
            why: format!("others can read it (mode {mode:03o}), run `chmod 600` on it"),
        },
        KeyError::Damaged { path } => {
            MarketError::HomeDamaged { path, why: "it holds no key".into() }
        }
        other => MarketError::Internal(other.to_string()),
    }
}

/// Reads a file; `None` when there is none.
fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, MarketError> {
    let unreadable = |source| MarketError::Home { action: "read", path: path.to_owned(), source };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    let damaged = |why: String| MarketError::HomeDamaged { path: path.to_owned(), why };
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(damaged("it is larger than any file that was written here".into()));
    }
    serde_json::from_slice(&bytes).map(Some).map_err(|error| damaged(error.to_string()))
}

/// Writes beside and renames, so that a crash leaves the old or the new file.
fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), MarketError> {
    let bytes = serde_json::to_vec_pretty(value)
        .map_err(|error| MarketError::Internal(format!("cannot encode a file: {error}")))?;
    let beside = path.with_extension(format!("{:016x}.new", rand::random::<u64>()));
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&beside)
        .and_then(|mut file| {
            file.write_all(&bytes)?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        // Best effort: what is left is a file that nobody reads.
        drop(fs::remove_file(&beside));
    }
    written.map_err(|source| MarketError::Home { action: "write", path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const GENESIS: Genesis = Genesis([7; 32]);

    fn home() -> (tempfile::TempDir, Home) {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::open(&dir.path().join("home")).unwrap();
        (dir, home)
    }

    #[test]
    fn an_order_key_becomes_the_leases_key_also_when_done_twice() {
        let (_dir, home) = home();
        let key = home.order_key(&GENESIS, 5).unwrap();
        assert_eq!(home.order_key(&GENESIS, 5).unwrap().public(), key.public());
        for _ in 0..2 {
            home.adopt_order_key(&GENESIS, 5, 12).unwrap();
        }
        assert_eq!(home.lease_key(&GENESIS, 12).unwrap().unwrap().public(), key.public());
        assert!(home.lease_key(&GENESIS, 13).unwrap().is_none());
        let mode = fs::metadata(home.lease_key_path(&GENESIS, 12)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_replaced_key_is_kept_aside() {
        let (_dir, home) = home();
        home.put_lease_key(&GENESIS, 1, &AccessKey::from_seed(&[1; 32])).unwrap();
        home.put_lease_key(&GENESIS, 1, &AccessKey::from_seed(&[2; 32])).unwrap();
        let key = home.lease_key(&GENESIS, 1).unwrap().unwrap();
        assert_eq!(key.public(), AccessKey::from_seed(&[2; 32]).public());
        assert_eq!(home.files("access", |name| name.ends_with(".old")).unwrap().len(), 1);
    }

    #[test]
    fn a_lease_is_found_by_its_card_only_when_that_is_unambiguous() {
        let (_dir, home) = home();
        let mut card = Card {
            genesis: GENESIS,
            lease: 3,
            machine: MachineId([1; 32]),
            endpoint: HolderId([2; 32]),
            relays: vec![],
            grant_epoch: 0,
        };
        assert_eq!(home.genesis_of(3).unwrap(), None);
        home.put_card(&card).unwrap();
        assert_eq!(home.genesis_of(3).unwrap(), Some(GENESIS));
        assert_eq!(home.genesis_of(13).unwrap(), None);
        card.genesis = Genesis([8; 32]);
        home.put_card(&card).unwrap();
        assert_eq!(home.genesis_of(3).unwrap(), None);
    }

    #[test]
    fn what_a_lease_runs_is_kept_from_others_until_it_ends() {
        let (_dir, home) = home();
        assert_eq!(home.spec(&GENESIS, 3).unwrap(), None);
        let spec = WorkloadSpec::container("localhost:5000/dbc/base:12");
        home.put_spec(&GENESIS, 3, &spec).unwrap();
        assert_eq!(home.spec(&GENESIS, 3).unwrap(), Some(spec));
        let path = home.lease_path("specs", &GENESIS, 3);
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(home.spec(&Genesis([8; 32]), 3).unwrap(), None, "of another network");
        for _ in 0..2 {
            home.remove_spec(&GENESIS, 3).unwrap();
        }
        assert_eq!(home.spec(&GENESIS, 3).unwrap(), None);
    }

    #[test]
    fn a_damaged_file_is_named_and_not_replaced() {
        let (_dir, home) = home();
        let path = home.lease_path("leases", &GENESIS, 3);
        fs::write(&path, "{").unwrap();
        let error = home.card(&GENESIS, 3).unwrap_err();
        assert!(error.to_string().contains("3.json"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "{");
    }
}
