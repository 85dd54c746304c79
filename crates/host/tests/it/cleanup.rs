//! Purge: everything of one network, nothing of anybody else.

use std::{fs, path::Path, process::Command};

use dbc_host::{
    Backend, Network, Pool, WorkloadKey,
    cleanup::{inventory, is_free_of_mounts, purge},
    mounts::loops,
    rundir,
};

use crate::machine::{MIB, Machine};

#[tokio::test]
async fn purge_leaves_nothing_of_ours_and_everything_of_others() {
    let Some(machine) = Machine::new().await else { return };
    let Some(other) = Machine::new().await else { return };
    let image = machine.busybox().await;
    let same = other.busybox().await;
    let plan = other.plan(1, 0, &same, "echo up; sleep 1000").await;
    let foreign = other.start(&plan).await;
    other.said(&foreign, "up").await;

    let plan = machine.plan(1, 0, &image, "echo up; sleep 1000").await;
    let id = machine.start(&plan).await;
    machine.said(&id, "up").await;
    machine.pool.snapshot(WorkloadKey::new(1, 0), "s").await.unwrap();
    machine.plan(2, 0, &image, "").await;
    rundir::ensure(&machine.folder("run/1-0")).unwrap();
    let kinds = inventory(&machine.scope).await.unwrap();
    assert!(kinds.len() >= 14, "{kinds:?}");

    let purged = purge(&machine.scope).await.unwrap();
    assert!(purged.failed.is_empty(), "{:?}", purged.failed);
    assert_eq!(purged.removed, kinds);
    assert_eq!(inventory(&machine.scope).await.unwrap(), []);
    assert!(is_free_of_mounts(machine.dir.path()).unwrap());
    assert_eq!(fs::read_dir(machine.dir.path()).unwrap().count(), 0, "the state folder is empty");
    assert!(!loops().unwrap().iter().any(|found| found.file.starts_with(machine.dir.path())));
    let links = fs::read_dir("/sys/class/net").unwrap().flatten();
    let prefix = machine.network.bridge_prefix();
    assert_eq!(
        links.filter(|link| link.file_name().to_string_lossy().starts_with(&prefix)).count(),
        0
    );
    let tables = Command::new("nft").args(["list", "tables"]).output().unwrap().stdout;
    assert!(!String::from_utf8_lossy(&tables).contains(&machine.network.table_name()));

    let state = other.state(&foreign).await;
    assert_eq!(state, Some(dbc_host::backend::ContainerState::Running), "the other one runs on");
    assert_eq!(other.net.list().await.unwrap().len(), 1);
    assert!(String::from_utf8_lossy(&tables).contains(&other.network.table_name()));
    assert!(Path::new("/sys/class/net/docker0").exists());
    machine.finish().await;
    other.finish().await;
}

#[tokio::test]
async fn a_shared_pool_stays_for_the_other_network() {
    let Some(machine) = Machine::new().await else { return };
    let image = machine.busybox().await;
    let key = WorkloadKey::new(1, 0);
    machine.pool.ensure_root(key, &image.id, MIB).await.unwrap();
    let config = machine.scope.pool.clone().unwrap();
    let network: dbc_host::NetworkId = "0badcafe".parse().unwrap();
    let second = dbc_host::pool::BtrfsPool::open(network.clone(), config).await.unwrap();
    second.ensure_root(key, &image.id, MIB).await.unwrap();
    let scope = dbc_host::cleanup::Scope { network, ..machine.scope.clone() };
    let purged = purge(&machine.scope).await.unwrap();
    assert!(purged.failed.is_empty(), "{:?}", purged.failed);
    assert_eq!(second.list().await.unwrap().roots, [key], "the other network's root stays");
    let purged = purge(&scope).await.unwrap();
    assert!(purged.failed.is_empty(), "{:?}", purged.failed);
    assert!(!machine.folder("pool.img").exists());
    machine.finish().await;
}

#[tokio::test]
async fn what_a_crash_left_is_found_by_name() {
    let Some(machine) = Machine::new().await else { return };
    let image = machine.busybox().await;
    let plan = machine.plan(1, 0, &image, "sleep 1000").await;
    let id = machine.start(&plan).await;
    // Docker forgets the network while its bridge stays, as after a crash of it.
    machine.backend.remove(&id).await.unwrap();
    machine.net.remove(1).await.unwrap();
    let bridge = machine.network.bridge_name(1);
    crate::outside::ip(&["link", "add", "name", &bridge, "type", "bridge"]);
    let roots = &machine.env.runtime.roots_dir;
    let text = format!(r#"{{"root":"/x","network":"{}"}}"#, machine.network);
    fs::write(roots.join(format!("{}.json", "f".repeat(64))), text).unwrap();
    let found: Vec<String> =
        inventory(&machine.scope).await.unwrap().iter().map(ToString::to_string).collect();
    assert!(found.contains(&format!("bridge {bridge}")), "{found:?}");
    assert!(found.iter().any(|thing| thing.starts_with("runtime file ")), "{found:?}");
    machine.finish().await;
}
