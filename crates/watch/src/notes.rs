//! What a watcher heard and told, on disk: a report whose notes are gone is a strike.

use std::{
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

use dbc_primitives::liveness::{Beat, COHORT, Interval};
use rusqlite::{Connection, OptionalExtension as _, params};

/// Why notes cannot be kept.
#[derive(Debug, thiserror::Error)]
#[error("the watcher's notes cannot be used")]
pub struct NotesError(#[from] rusqlite::Error);

/// The notes. Cheap calls; each is one transaction.
pub struct Notes(Mutex<Connection>);

const SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    CREATE TABLE IF NOT EXISTS beats (
        interval INTEGER NOT NULL,
        idx INTEGER NOT NULL,
        digest BLOB NOT NULL,
        signature BLOB NOT NULL,
        PRIMARY KEY (interval, idx)
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS told (
        interval INTEGER NOT NULL,
        cohort INTEGER NOT NULL,
        PRIMARY KEY (interval, cohort)
    ) WITHOUT ROWID;
";

/// A beat that was heard, as an opening needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// The machine's bit in its cohort.
    pub bit: u16,
    /// Digest of its leases.
    pub digest: [u8; 32],
    /// Its signature.
    pub signature: [u8; 64],
}

/// An interval as the file has it.
fn sql(interval: Interval) -> i64 {
    i64::try_from(interval).unwrap_or(i64::MAX)
}

impl Notes {
    /// Opens or makes the notes in a folder.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub fn open(folder: &Path) -> Result<Self, NotesError> {
        let connection = Connection::open(folder.join("watch.db"))?;
        connection.execute_batch(SCHEMA)?;
        Ok(Self(Mutex::new(connection)))
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes beats down; the first of a machine in an interval stays.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn hear(&self, beats: &[Beat]) -> Result<(), NotesError> {
        let mut connection = self.lock();
        let transaction = connection.transaction()?;
        for beat in beats {
            transaction.execute(
                "INSERT OR IGNORE INTO beats VALUES (?1, ?2, ?3, ?4)",
                params![sql(beat.interval), beat.index, beat.digest, beat.signature],
            )?;
        }
        Ok(transaction.commit()?)
    }

    /// Who was heard of a cohort in an interval, by rising bit.
    ///
    /// # Errors
    /// When the file is damaged.
    pub fn heard(&self, interval: Interval, cohort: u32) -> Result<Vec<Heard>, NotesError> {
        let connection = self.lock();
        let first = cohort * COHORT;
        let mut query = connection.prepare_cached(
            "SELECT idx, digest, signature FROM beats
             WHERE interval = ?1 AND idx >= ?2 AND idx < ?3 ORDER BY idx",
        )?;
        let rows = query.query_map(params![sql(interval), first, first + COHORT], |row| {
            let index: u32 = row.get(0)?;
            let bit = u16::try_from(index - first).unwrap_or_default();
            Ok(Heard { bit, digest: row.get(1)?, signature: row.get(2)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Notes that a report is sent. Gives whether it is the first of that interval and cohort.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn tell(&self, interval: Interval, cohort: u32) -> Result<bool, NotesError> {
        let changed = self.lock().execute(
            "INSERT OR IGNORE INTO told VALUES (?1, ?2)",
            params![sql(interval), cohort],
        )?;
        Ok(changed == 1)
    }

    /// Whether a report was sent.
    ///
    /// # Errors
    /// When the file is damaged.
    pub fn was_told(&self, interval: Interval, cohort: u32) -> Result<bool, NotesError> {
        let query = "SELECT 1 FROM told WHERE interval = ?1 AND cohort = ?2";
        let found =
            self.lock().query_row(query, params![sql(interval), cohort], |_| Ok(())).optional()?;
        Ok(found.is_some())
    }

    /// Notes that a report was not taken after all.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn untell(&self, interval: Interval, cohort: u32) -> Result<(), NotesError> {
        let query = "DELETE FROM told WHERE interval = ?1 AND cohort = ?2";
        self.lock().execute(query, params![sql(interval), cohort])?;
        Ok(())
    }

    /// Forgets all before an interval.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn forget_before(&self, interval: Interval) -> Result<(), NotesError> {
        let connection = self.lock();
        connection.execute("DELETE FROM beats WHERE interval < ?1", params![sql(interval)])?;
        connection.execute("DELETE FROM told WHERE interval < ?1", params![sql(interval)])?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beat(interval: Interval, index: u32) -> Beat {
        Beat { index, generation: 0, interval, digest: [1; 32], signature: [index as u8; 64] }
    }

    #[test]
    fn what_was_heard_is_there_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let notes = Notes::open(folder.path()).unwrap();
        notes.hear(&[beat(7, 3), beat(7, 4_097), beat(8, 3), beat(7, 3)]).unwrap();
        drop(notes);
        let notes = Notes::open(folder.path()).unwrap();
        let bits = |interval, cohort| -> Vec<u16> {
            notes.heard(interval, cohort).unwrap().iter().map(|heard| heard.bit).collect()
        };
        assert_eq!(bits(7, 0), [3]);
        assert_eq!(bits(7, 1), [1]);
        assert_eq!(bits(8, 0), [3]);
        assert_eq!(bits(9, 0), [0u16; 0]);
    }

    #[test]
    fn a_report_is_told_once_and_old_notes_go() {
        let folder = tempfile::tempdir().unwrap();
        let notes = Notes::open(folder.path()).unwrap();
        assert!(!notes.was_told(7, 0).unwrap());
        assert!(notes.tell(7, 0).unwrap());
        assert!(!notes.tell(7, 0).unwrap());
        assert!(notes.tell(7, 1).unwrap());
        assert!(notes.was_told(7, 0).unwrap());
        notes.untell(7, 1).unwrap();
        assert!(!notes.was_told(7, 1).unwrap());
        notes.hear(&[beat(6, 1), beat(7, 1)]).unwrap();
        notes.forget_before(7).unwrap();
        assert!(notes.heard(6, 0).unwrap().is_empty());
        assert_eq!(notes.heard(7, 0).unwrap().len(), 1);
    }
}
