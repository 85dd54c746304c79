//! What an auditor knows of his duties, on disk: a transcript that is gone is a bond that is lost. The secret of a
//! challenge stands in its transcript alone: each attempt has another.

use std::{
    fs::{OpenOptions, Permissions, set_permissions},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

use codec::{Decode as _, Encode as _};
use dbc_primitives::audit::{AuditId, Verdict};
use rusqlite::{
    Connection, Error::FromSqlConversionFailure, OptionalExtension as _, Row, params, types::Type,
};

use crate::challenge::Explained;

/// Why notes cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum NotesError {
    /// The file cannot be opened, or not be kept from others.
    #[error("the auditor's notes cannot be kept for him alone")]
    File(#[from] std::io::Error),
    /// It is damaged, or the disk refuses.
    #[error("the auditor's notes cannot be used")]
    Database(#[from] rusqlite::Error),
    /// What is kept of a visit was not written by this version.
    #[error("the auditor's notes of a visit cannot be read")]
    Visit(#[source] serde_json::Error),
    /// An account for visits has no key any more.
    #[error("the auditor's notes have no key of the account of a visit")]
    Account,
}

/// Secrets and evidence are for the auditor's eyes.
const MODE: u32 = 0o600;

/// The notes. Cheap calls; each is one transaction.
pub struct Notes(Mutex<Connection>);

const SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    CREATE TABLE IF NOT EXISTS verdicts (
        audit INTEGER NOT NULL,
        seed BLOB NOT NULL,
        transcript BLOB NOT NULL,
        verdict BLOB NOT NULL,
        why TEXT NOT NULL,
        PRIMARY KEY (audit, seed)
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS keys (
        audit INTEGER NOT NULL,
        seed BLOB NOT NULL,
        secret BLOB NOT NULL,
        evidence BLOB,
        PRIMARY KEY (audit, seed)
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS endpoint (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        seed BLOB NOT NULL
    );
    CREATE TABLE IF NOT EXISTS accounts (
        number INTEGER PRIMARY KEY,
        account BLOB NOT NULL UNIQUE,
        seed BLOB NOT NULL,
        used INTEGER NOT NULL DEFAULT 0
    );
    CREATE TABLE IF NOT EXISTS visits (
        account BLOB PRIMARY KEY REFERENCES accounts (account),
        open INTEGER UNIQUE CHECK (open = 1),
        state TEXT NOT NULL
    ) WITHOUT ROWID;
";

/// A number as the file has it.
pub(crate) fn sql(audit: AuditId) -> i64 {
    i64::try_from(audit).unwrap_or(i64::MAX)
}

impl Notes {
    /// Opens or makes the notes in a folder.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub fn open(folder: &Path) -> Result<Self, NotesError> {
        let path = folder.join("audit.db");
        // SQLite gives the files beside it the same mode.
        OpenOptions::new().append(true).create(true).mode(MODE).open(&path)?;
        set_permissions(&path, Permissions::from_mode(MODE))?;
        let connection = Connection::open(path)?;
        connection.execute_batch(SCHEMA)?;
        Ok(Self(Mutex::new(connection)))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Seed of the key by which machines know these connections: the one on disk, or `new`.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn endpoint(&self, new: [u8; 32]) -> Result<[u8; 32], NotesError> {
        let connection = self.lock();
        connection.execute("INSERT OR IGNORE INTO endpoint VALUES (1, ?1)", params![new])?;
        Ok(connection.query_row("SELECT seed FROM endpoint", [], |row| row.get(0))?)
    }

    /// What was found in a draw of an audit, or in a visit; each has a seed of its own.
    ///
    /// # Errors
    /// When the file is damaged.
    pub fn find(&self, audit: AuditId, seed: &[u8; 32]) -> Result<Option<Explained>, NotesError> {
        let query = "SELECT transcript, verdict, why FROM verdicts WHERE audit = ?1 AND seed = ?2";
        Ok(self.lock().query_row(query, params![sql(audit), seed], explained).optional()?)
    }

    /// Writes down what was found; the first stays, so that what is revealed is what was committed to.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn keep(
        &self,
        audit: AuditId,
        seed: &[u8; 32],
        found: &Explained,
    ) -> Result<(), NotesError> {
        keep_in(&self.lock(), audit, seed, found)
    }

    /// Secret of the key to which evidence for a duty is sealed: the one on disk, or `new`.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn duty_key(
        &self,
        audit: AuditId,
        seed: &[u8; 32],
        new: [u8; 32],
    ) -> Result<[u8; 32], NotesError> {
        let connection = self.lock();
        let what = params![sql(audit), seed, new];
        connection.execute(
            "INSERT OR IGNORE INTO keys (audit, seed, secret) VALUES (?1, ?2, ?3)",
            what,
        )?;
        let query = "SELECT secret FROM keys WHERE audit = ?1 AND seed = ?2";
        Ok(connection.query_row(query, params![sql(audit), seed], |row| row.get(0))?)
    }

    /// Writes evidence down that was handed for a duty; gives whether it is new.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn keep_evidence(
        &self,
        audit: AuditId,
        seed: &[u8; 32],
        evidence: &[u8],
    ) -> Result<bool, NotesError> {
        let changed = self.lock().execute(
            "UPDATE keys SET evidence = ?3 WHERE audit = ?1 AND seed = ?2 AND evidence IS NULL",
            params![sql(audit), seed, evidence],
        )?;
        Ok(changed > 0)
    }

    /// Evidence that was handed for an audit, whichever draw of it.
    ///
    /// # Errors
    /// When the file is damaged.
    pub fn evidence(&self, audit: AuditId) -> Result<Option<Vec<u8>>, NotesError> {
        let query = "SELECT evidence FROM keys WHERE audit = ?1 AND evidence IS NOT NULL LIMIT 1";
        Ok(self.lock().query_row(query, params![sql(audit)], |row| row.get(0)).optional()?)
    }

    /// What was found in an audit, whichever draw of it, or in a visit.
    ///
    /// # Errors
    /// When the file is damaged.
    pub fn judged(&self, audit: AuditId) -> Result<Option<Explained>, NotesError> {
        let query = "SELECT transcript, verdict, why FROM verdicts WHERE audit = ?1 LIMIT 1";
        Ok(self.lock().query_row(query, params![sql(audit)], explained).optional()?)
    }

    /// The last audits with a verdict, newest first.
    ///
    /// # Errors
    /// When the file is damaged.
    pub fn last(&self, most: u32) -> Result<Vec<AuditId>, NotesError> {
        let connection = self.lock();
        let mut query = connection
            .prepare_cached("SELECT DISTINCT audit FROM verdicts ORDER BY audit DESC LIMIT ?1")?;
        let rows = query.query_map(params![most], |row| row.get::<_, i64>(0))?;
        let ids: Result<Vec<i64>, _> = rows.collect();
        Ok(ids?.into_iter().filter_map(|id| AuditId::try_from(id).ok()).collect())
    }

    /// Forgets an audit whose record is gone from the chain.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn forget(&self, audit: AuditId) -> Result<(), NotesError> {
        let connection = self.lock();
        connection.execute("DELETE FROM verdicts WHERE audit = ?1", params![sql(audit)])?;
        connection.execute("DELETE FROM keys WHERE audit = ?1", params![sql(audit)])?;
        Ok(())
    }
}

/// A row of verdicts.
fn explained(row: &Row<'_>) -> rusqlite::Result<Explained> {
    let bytes: Vec<u8> = row.get(1)?;
    let verdict = Verdict::decode(&mut &bytes[..])
        .map_err(|error| FromSqlConversionFailure(1, Type::Blob, Box::new(error)))?;
    Ok(Explained { verdict, transcript: row.get(0)?, why: row.get(2)? })
}

/// Writes a verdict down unless there is one.
pub(crate) fn keep_in(
    connection: &Connection,
    audit: AuditId,
    seed: &[u8; 32],
    found: &Explained,
) -> Result<(), NotesError> {
    connection.execute(
        "INSERT OR IGNORE INTO verdicts (audit, seed, transcript, verdict, why)
         VALUES (?1, ?2, ?3, ?4, ?5)",
        params![sql(audit), seed, found.transcript, found.verdict.encode(), found.why],
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use dbc_primitives::audit::Findings;

    use super::*;

    #[test]
    fn nobody_else_reads_the_notes() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("audit.db"), []).unwrap();
        let notes = Notes::open(folder.path()).unwrap();
        notes.endpoint([1; 32]).unwrap();
        let files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
        assert!(files.len() > 1, "the file and its log: {files:?}");
        for file in files {
            let file = file.unwrap();
            assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{file:?}");
        }
    }

    #[test]
    fn what_was_found_survives_a_restart_and_never_changes() {
        let folder = tempfile::tempdir().unwrap();
        let notes = Notes::open(folder.path()).unwrap();
        assert_eq!(notes.endpoint([1; 32]).unwrap(), [1; 32]);
        assert_eq!(notes.find(7, &[9; 32]).unwrap(), None);
        let found = |verdict, transcript: &[u8], why: &str| Explained {
            verdict,
            transcript: transcript.to_vec(),
            why: why.to_owned(),
        };
        let pass = Verdict::Pass(Findings { throughput: 5, ..Findings::default() });
        let first = found(pass, b"first", "in time");
        notes.keep(7, &[9; 32], &first).unwrap();
        drop(notes);
        let notes = Notes::open(folder.path()).unwrap();
        assert_eq!(notes.endpoint([3; 32]).unwrap(), [1; 32]);
        notes.keep(7, &[9; 32], &found(Verdict::Fail, b"second", "late")).unwrap();
        assert_eq!(notes.find(7, &[9; 32]).unwrap(), Some(first.clone()));
        assert_eq!(notes.judged(7).unwrap(), Some(first));
        // Drawn once more, with another seed.
        assert_eq!(notes.find(7, &[8; 32]).unwrap(), None);
        assert_eq!(notes.last(10).unwrap(), [7]);
        // A key for evidence is made once, and the first evidence stays.
        assert_eq!(notes.duty_key(7, &[9; 32], [6; 32]).unwrap(), [6; 32]);
        assert_eq!(notes.duty_key(7, &[9; 32], [1; 32]).unwrap(), [6; 32]);
        assert_eq!(notes.evidence(7).unwrap(), None);
        assert!(notes.keep_evidence(7, &[9; 32], b"seen").unwrap());
        assert!(!notes.keep_evidence(7, &[9; 32], b"other").unwrap());
        assert_eq!(notes.evidence(7).unwrap(), Some(b"seen".to_vec()));
        notes.forget(7).unwrap();
        assert_eq!(notes.evidence(7).unwrap(), None);
        assert_eq!(notes.find(7, &[9; 32]).unwrap(), None);
    }
}
