//! The agent's memory: one SQLite file, written before each step. All statements run on a thread of
//! their own, one after the other, so no async task waits on a disk. Nothing is decided here.
//!
//! Written with full synchronisation: what a call acknowledged survives `kill -9` and a power cut.

mod schema;

use std::path::{Path, PathBuf};

use dbc_host::WorkloadKey;
use rusqlite::{Connection, OptionalExtension, params};
use tokio::sync::{mpsc, oneshot};

use crate::{
    chain::{CloseReason, LeaseRecord, MachineRecord, StoredHead, why_closed},
    record::WorkloadRecord,
};

/// Calls that may wait for the thread; more callers wait for a place.
const QUEUE_MAX: usize = 256;

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The file cannot be opened, or is no database.
    #[error("failed to open the agent's database {path}")]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
    /// A newer agent wrote it.
    #[error("the agent's database has version {found}, this agent knows {known}: update the agent")]
    TooNew {
        /// Version of the file.
        found: i64,
        /// Newest that is known.
        known: i64,
    },
    /// A statement failed.
    #[error("failed to {action} in the agent's database")]
    Sql {
        /// What was tried.
        action: &'static str,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
    /// A stored record cannot be read.
    #[error("the agent's database holds a damaged {what}")]
    Damaged {
        /// Which record.
        what: &'static str,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// The thread is gone; the agent is shutting down.
    #[error("the agent's database is closed")]
    Closed,
}

type Job = Box<dyn FnOnce(&mut Connection) + Send>;
type Result<T> = std::result::Result<T, StoreError>;

/// Handle to the database. Clones share the thread; it ends with the last.
#[derive(Debug, Clone)]
pub struct Store {
    jobs: mpsc::Sender<Job>,
}

impl Store {
    /// Opens or makes the database and brings it to the newest version.
    ///
    /// # Errors
    /// When the file cannot be opened, is no database of ours, or is of a newer agent.
    pub fn open(path: &Path) -> Result<Self> {
        let mut connection = schema::open(path)?;
        let (jobs, mut queue) = mpsc::channel::<Job>(QUEUE_MAX);
        let thread = std::thread::Builder::new().name("store".into());
        let spawned = thread.spawn(move || {
            while let Some(job) = queue.blocking_recv() {
                job(&mut connection);
            }
        });
        // Only when the system has no thread left.
        spawned.map_err(|_| StoreError::Closed)?;
        Ok(Self { jobs })
    }

    async fn run<T: Send + 'static>(
        &self,
        action: &'static str,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        let (sender, receiver) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            let _ = sender.send(work(connection));
        });
        self.jobs.send(job).await.map_err(|_| StoreError::Closed)?;
        let done = receiver.await.map_err(|_| StoreError::Closed)?;
        done.map_err(|source| StoreError::Sql { action, source })
    }

    /// Stores a workload as it is now.
    pub async fn save_workload(&self, record: &WorkloadRecord) -> Result<()> {
        let (lease, workload) = ids(record.key);
        let phase = encode("workload", &record.phase)?;
        let error = record.last_error.as_ref().map(std::string::ToString::to_string);
        let text = encode("workload", record)?;
        self.run("store a workload", move |connection| {
            let sql = "INSERT INTO workload (lease, workload, phase, last_error, record)
                VALUES (?1, ?2, ?3, ?4, ?5)
                ON CONFLICT (lease, workload) DO UPDATE
                SET phase = ?3, last_error = ?4, record = ?5, updated_at = unixepoch()";
            connection
                .prepare_cached(sql)?
                .execute(params![lease, workload, phase.trim_matches('"'), error, text])
                .map(drop)
        })
        .await
    }

    /// All workloads.
    pub async fn workloads(&self) -> Result<Vec<WorkloadRecord>> {
        let rows = self
            .run("read the workloads", |connection| {
                texts(connection, "SELECT record FROM workload")
            })
            .await?;
        rows.iter().map(|text| decode("workload", text)).collect()
    }

    /// Forgets a workload.
    pub async fn delete_workload(&self, key: WorkloadKey) -> Result<()> {
        let (lease, workload) = ids(key);
        self.run("forget a workload", move |connection| {
            let sql = "DELETE FROM workload WHERE lease = ?1 AND workload = ?2";
            connection.execute(sql, params![lease, workload]).map(drop)
        })
        .await
    }

    /// Stores a lease as it stands in a finalized block.
    pub async fn save_lease(&self, lease: &LeaseRecord) -> Result<()> {
        let id = lease.id.cast_signed();
        let text = encode("lease", lease)?;
        self.run("store a lease", move |connection| {
            let sql = "INSERT INTO lease (id, record) VALUES (?1, ?2)
                ON CONFLICT (id) DO UPDATE SET record = ?2";
            connection.prepare_cached(sql)?.execute(params![id, text]).map(drop)
        })
        .await
    }

    /// All leases in their last known finalized state.
    pub async fn leases(&self) -> Result<Vec<LeaseRecord>> {
        let rows = self
            .run("read the leases", |connection| texts(connection, "SELECT record FROM lease"))
            .await?;
        rows.iter().map(|text| decode("lease", text)).collect()
    }

    /// Forgets a lease with its host key and revocations.
    pub async fn delete_lease(&self, id: u64) -> Result<()> {
        let id = id.cast_signed();
        self.run("forget a lease", move |connection| {
            let transaction = connection.transaction()?;
            for sql in [
                "DELETE FROM lease WHERE id = ?1",
                "DELETE FROM host_key WHERE lease = ?1",
                "DELETE FROM revocation WHERE lease = ?1",
            ] {
                transaction.execute(sql, params![id])?;
            }
            transaction.commit()
        })
        .await
    }

    /// Seed of the lease's SSH host key; `fresh` is stored and given back when there is none.
    pub async fn host_seed(&self, lease: u64, fresh: [u8; 32]) -> Result<[u8; 32]> {
        let lease = lease.cast_signed();
        self.run("read a host key", move |connection| {
            let sql = "INSERT INTO host_key (lease, seed) VALUES (?1, ?2)
                ON CONFLICT (lease) DO UPDATE SET lease = lease RETURNING seed";
            connection.query_row(sql, params![lease, fresh.as_slice()], |row| row.get(0))
        })
        .await
    }

    /// Adds revocation ids of a lease, up to `max` in all. Whether all had room.
    pub async fn revoke(&self, lease: u64, ids: Vec<Vec<u8>>, max: usize) -> Result<bool> {
        let lease = lease.cast_signed();
        self.run("store revocations", move |connection| {
            let transaction = connection.transaction()?;
            for id in ids {
                let sql = "INSERT OR IGNORE INTO revocation (lease, id) VALUES (?1, ?2)";
                transaction.execute(sql, params![lease, id])?;
            }
            let sql = "SELECT count(*) FROM revocation WHERE lease = ?1";
            let count: i64 = transaction.query_row(sql, params![lease], |row| row.get(0))?;
            let fits = usize::try_from(count).is_ok_and(|count| count <= max);
            if fits {
                transaction.commit()?;
            }
            Ok(fits)
        })
        .await
    }

    /// All revocation ids with their leases.
    pub async fn revocations(&self) -> Result<Vec<(u64, Vec<u8>)>> {
        self.run("read the revocations", |connection| {
            let mut statement = connection.prepare("SELECT lease, id FROM revocation")?;
            let rows = statement
                .query_map([], |row| Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get(1)?)))?;
            rows.collect()
        })
        .await
    }

    /// Notes that a lease ended by our fault; once a lease. Gives how many there are.
    pub async fn strike(&self, lease: u64, reason: CloseReason) -> Result<u64> {
        let lease = lease.cast_signed();
        self.run("store a strike", move |connection| {
            let sql = "INSERT OR IGNORE INTO strike (lease, reason) VALUES (?1, ?2)";
            connection.execute(sql, params![lease, why_closed(reason)])?;
            let sql = "SELECT count(*) FROM strike";
            connection.query_row(sql, [], |row| row.get::<_, i64>(0)).map(i64::cast_unsigned)
        })
        .await
    }

    /// Binds the database to one network and machine: stores them the first time, tells afterwards
    /// whether they are the same.
    pub async fn bind(&self, genesis: [u8; 32], machine: [u8; 32]) -> Result<bool> {
        let wanted = format!("{}/{}", hex::encode(genesis), hex::encode(machine));
        self.run("bind the database", move |connection| {
            let sql = "INSERT INTO meta (key, value) VALUES ('identity', ?1)
                ON CONFLICT (key) DO UPDATE SET key = key RETURNING value";
            let found: String = connection.query_row(sql, params![wanted], |row| row.get(0))?;
            Ok(found == wanted)
        })
        .await
    }

    /// The genesis hash that the database is bound to.
    pub async fn genesis(&self) -> Result<Option<[u8; 32]>> {
        let text = self.meta("identity").await?;
        Ok(text.and_then(|text| {
            let mut genesis = [0; 32];
            hex::decode_to_slice(text.split('/').next()?, &mut genesis).ok()?;
            Some(genesis)
        }))
    }

    /// Stores the newest finalized head.
    pub async fn save_head(&self, head: StoredHead) -> Result<()> {
        self.set_meta("head", encode("head", &head)?).await
    }

    /// The newest finalized head that was stored.
    pub async fn head(&self) -> Result<Option<StoredHead>> {
        self.meta("head").await?.map(|text| decode("head", &text)).transpose()
    }

    /// Stores the machine's record.
    pub async fn save_machine(&self, machine: &MachineRecord) -> Result<()> {
        self.set_meta("machine", encode("machine", machine)?).await
    }

    /// The machine's record as last seen.
    pub async fn machine(&self) -> Result<Option<MachineRecord>> {
        self.meta("machine").await?.map(|text| decode("machine", &text)).transpose()
    }

    async fn set_meta(&self, key: &'static str, value: String) -> Result<()> {
        self.run("store a setting", move |connection| {
            let sql = "INSERT INTO meta (key, value) VALUES (?1, ?2)
                ON CONFLICT (key) DO UPDATE SET value = ?2";
            connection.prepare_cached(sql)?.execute(params![key, value]).map(drop)
        })
        .await
    }

    async fn meta(&self, key: &'static str) -> Result<Option<String>> {
        self.run("read a setting", move |connection| {
            let sql = "SELECT value FROM meta WHERE key = ?1";
            connection.query_row(sql, params![key], |row| row.get(0)).optional()
        })
        .await
    }
}

/// SQLite has signed integers; the bits are kept.
fn ids(key: WorkloadKey) -> (i64, i64) {
    (key.lease.cast_signed(), i64::from(key.workload))
}

fn texts(connection: &Connection, sql: &str) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([], |row| row.get(0))?;
    rows.collect()
}

fn encode<T: serde::Serialize>(what: &'static str, value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|source| StoreError::Damaged { what, source })
}

fn decode<T: serde::de::DeserializeOwned>(what: &'static str, text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|source| StoreError::Damaged { what, source })
}

#[cfg(test)]
mod tests;
