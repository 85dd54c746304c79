//! The database's tables, as the list of steps that led to them. A step is never changed once it
//! was released; new ones are added at the end.

use std::{path::Path, time::Duration};

use rusqlite::Connection;

use super::StoreError;

const MIGRATIONS: &[&str] = &["
    CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
    CREATE TABLE workload (
        lease INTEGER NOT NULL,
        workload INTEGER NOT NULL,
        phase TEXT NOT NULL,
        last_error TEXT,
        record TEXT NOT NULL,
        updated_at INTEGER NOT NULL DEFAULT (unixepoch()),
        PRIMARY KEY (lease, workload)
    ) STRICT;
    CREATE TABLE lease (id INTEGER PRIMARY KEY, record TEXT NOT NULL) STRICT;
    CREATE TABLE host_key (lease INTEGER PRIMARY KEY, seed BLOB NOT NULL) STRICT;
    CREATE TABLE revocation (
        lease INTEGER NOT NULL,
        id BLOB NOT NULL,
        PRIMARY KEY (lease, id)
    ) STRICT;
    CREATE TABLE strike (
        lease INTEGER PRIMARY KEY,
        reason TEXT NOT NULL,
        at INTEGER NOT NULL DEFAULT (unixepoch())
    ) STRICT;
"];

/// Opens the file and brings it to the newest version.
pub(super) fn open(path: &Path) -> Result<Connection, StoreError> {
    let open_error = |source| StoreError::Open { path: path.to_owned(), source };
    let mut connection = Connection::open(path).map_err(open_error)?;
    prepare(&connection).map_err(open_error)?;
    let found: i64 = connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(open_error)?;
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    if found > known {
        return Err(StoreError::TooNew { found, known });
    }
    let done = usize::try_from(found).unwrap_or(0);
    for (at, step) in MIGRATIONS.iter().enumerate().skip(done) {
        migrate(&mut connection, at + 1, step).map_err(open_error)?;
    }
    Ok(connection)
}

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // WAL alone may lose the last commits in a power cut; a lost `ever_started` would cost a
    // renter his files.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)
}

fn migrate(connection: &mut Connection, version: usize, step: &str) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    transaction.execute_batch(step)?;
    transaction.pragma_update(None, "user_version", i64::try_from(version).unwrap_or(i64::MAX))?;
    transaction.commit()
}
