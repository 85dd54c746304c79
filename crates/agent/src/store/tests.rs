//! Tests of the store: what was acknowledged is there after a crash, damage is told, not guessed.

use dbc_agent_api::{WorkloadSpec, control::Phase};
use rusqlite::Connection;

use super::*;
use crate::chain::Head;

fn record() -> WorkloadRecord {
    WorkloadRecord::new(WorkloadKey::new(u64::MAX, 3), WorkloadSpec::container("debian"))
}

fn lease() -> LeaseRecord {
    LeaseRecord {
        id: u64::MAX,
        machine: [1; 32],
        gpus: vec![0, 3],
        cpu_shares: 0,
        started_at: Some(7),
        ends_at: 1000,
        access_key: [2; 32],
        grant_epoch: 4,
        spec_hash: Some([3; 32]),
        down: false,
        closed: None,
        moved: false,
    }
}

/// What a disk holds after the process vanished: the files as they are, with no orderly close.
fn crash_copy(from: &Path, to: &Path) {
    for file in ["agent.db", "agent.db-wal"] {
        if from.join(file).exists() {
            std::fs::copy(from.join(file), to.join(file)).unwrap();
        }
    }
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_crash_at_any_moment() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("agent.db")).unwrap();
    for starts in 0..20 {
        let record = WorkloadRecord { starts, phase: Phase::Probing, ..record() };
        store.save_workload(&record).await.unwrap();
        store.save_lease(&lease()).await.unwrap();
        let after = tempfile::tempdir().unwrap();
        crash_copy(dir.path(), after.path());
        let again = Store::open(&after.path().join("agent.db")).unwrap();
        assert_eq!(again.workloads().await.unwrap(), [record]);
        assert_eq!(again.leases().await.unwrap(), [lease()]);
    }
}

#[tokio::test]
async fn a_torn_write_loses_the_last_change_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("agent.db")).unwrap();
    store.save_workload(&record()).await.unwrap();
    store.save_workload(&WorkloadRecord { starts: 1, ..record() }).await.unwrap();
    let after = tempfile::tempdir().unwrap();
    crash_copy(dir.path(), after.path());
    let wal = after.path().join("agent.db-wal");
    let bytes = std::fs::read(&wal).unwrap();
    std::fs::write(&wal, &bytes[..bytes.len() - 100]).unwrap();
    let again = Store::open(&after.path().join("agent.db")).unwrap();
    assert_eq!(again.workloads().await.unwrap(), [record()]);
}

#[tokio::test]
async fn everything_reads_back_and_is_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("agent.db");
    let store = Store::open(&path).unwrap();
    let head = StoredHead { head: Head { number: 1, slot: 2, unix_s: 3 }, host_ms: 4 };
    store.save_head(head).await.unwrap();
    assert!(store.bind([1; 32], [2; 32]).await.unwrap());
    assert!(!store.bind([1; 32], [3; 32]).await.unwrap(), "another machine's database");
    assert_eq!(store.host_seed(9, [5; 32]).await.unwrap(), [5; 32]);
    assert!(store.revoke(9, vec![vec![1], vec![2], vec![1]], 2).await.unwrap());
    assert!(!store.revoke(9, vec![vec![3]], 2).await.unwrap(), "bounded");
    assert_eq!(store.strike(9, CloseReason::NotStarted).await.unwrap(), 1);
    assert_eq!(store.strike(9, CloseReason::NotStarted).await.unwrap(), 1);
    drop(store);

    let store = Store::open(&path).unwrap();
    assert_eq!(store.head().await.unwrap(), Some(head));
    assert_eq!(store.genesis().await.unwrap(), Some([1; 32]));
    assert_eq!(store.host_seed(9, [6; 32]).await.unwrap(), [5; 32], "the first key stays");
    assert_eq!(store.revocations().await.unwrap(), [(9, vec![1]), (9, vec![2])]);
    store.save_workload(&record()).await.unwrap();
    store.delete_workload(record().key).await.unwrap();
    store.delete_lease(9).await.unwrap();
    assert!(store.workloads().await.unwrap().is_empty());
    assert!(store.revocations().await.unwrap().is_empty());
    assert_eq!(store.host_seed(9, [6; 32]).await.unwrap(), [6; 32]);
}

#[tokio::test]
async fn a_newer_database_and_a_damaged_one_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("agent.db");
    drop(Store::open(&path).unwrap());
    let connection = Connection::open(&path).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    assert!(matches!(Store::open(&path), Err(StoreError::TooNew { found: 99, .. })));
    // At a place of its own: whoever had the first one open may still be closing it.
    let damaged = dir.path().join("damaged.db");
    std::fs::write(&damaged, vec![b'x'; 8192]).unwrap();
    assert!(matches!(Store::open(&damaged), Err(StoreError::Open { .. })));
}

#[tokio::test]
async fn a_damaged_record_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("agent.db");
    let store = Store::open(&path).unwrap();
    let connection = Connection::open(&path).unwrap();
    let sql = "INSERT INTO workload (lease, workload, phase, record) VALUES (1, 0, 'running', '{')";
    connection.execute(sql, []).unwrap();
    let error = store.workloads().await.unwrap_err();
    assert!(matches!(error, StoreError::Damaged { what: "workload", .. }), "{error}");
}
