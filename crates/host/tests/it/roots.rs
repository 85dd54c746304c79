//! Roots of workloads: kept, bounded, closed.

use std::{fs, process::Command};

use dbc_host::{Pool, PoolError, WorkloadKey, pool::QuotaKind};

use crate::{
    image::Image,
    machine::{MIB, Machine},
};

#[tokio::test]
async fn rule_16_the_root_survives_removal_and_new_limits() {
    let Some(machine) = Machine::new().await else { return };
    let image = machine.busybox().await;
    let key = WorkloadKey::new(1, 0);
    let first =
        machine.script(1, &image, "cat /srv/hello; mkdir /opt; echo kept > /opt/note").await;
    assert_eq!((first.code, first.text.as_str()), (0, "hello from the image\n"));
    let mut plan = machine.plan(1, 0, &image, "cat /opt/note; rm /srv/hello").await;
    plan.limits.memory_bytes = 64 * MIB;
    let second = machine.run(&plan).await;
    assert_eq!((second.code, second.text.as_str()), (0, "kept\n"));
    // Another workload of the same image sees neither.
    let other = machine.script(2, &image, "cat /srv/hello; ls /opt").await;
    assert!(other.text.contains("hello from the image\n") && other.code != 0, "{other:?}");
    machine.pool.destroy_root(key).await.unwrap();
    machine.pool.destroy_root(key).await.unwrap();
    let fresh = machine.script(1, &image, "cat /srv/hello").await;
    assert_eq!(fresh.code, 0, "a new root is whole again: {fresh:?}");
    machine.finish().await;
}

#[tokio::test]
async fn rule_16_all_writes_fall_under_one_quota() {
    for quotas in [QuotaKind::Simple, QuotaKind::Classic] {
        let Some(machine) = Machine::with_quotas(Some(quotas)).await else { return };
        let image = machine.busybox().await;
        let key = WorkloadKey::new(1, 0);
        let fill = "dd if=/dev/urandom of=/big bs=1M count=100; sync; dd if=/dev/urandom of=/tmp/b bs=1M count=100";
        let ended = machine.script(1, &image, fill).await;
        let full = ["No space left", "quota exceeded"].iter().any(|why| ended.text.contains(why));
        assert!(full && ended.code != 0, "{ended:?}");
        let usage = machine.pool.usage(key).await.unwrap();
        assert_eq!(usage.limit_bytes, 64 * MIB);
        assert!((40 * MIB..=64 * MIB).contains(&usage.used_bytes), "{quotas:?}: {usage:?}");
        // What the engine itself mounts into a container is no way around it, nor is a declared volume.
        let around = machine
            .script(
                1,
                &image,
                "echo x > /etc/hosts || echo x > /etc/resolv.conf || echo x > /etc/hostname",
            )
            .await;
        assert!(around.code != 0 && around.text.contains("Read-only"), "{around:?}");
        let volume =
            machine.script(1, &image, "dd if=/dev/urandom of=/data/b bs=1M count=100").await;
        assert_ne!(volume.code, 0, "{volume:?}");
        machine.pool.set_quota(key, 200 * MIB).await.unwrap();
        let more = machine.pool.ensure_root(key, &image.id, 200 * MIB).await.unwrap();
        assert!(!more.created);
        let write = "dd if=/dev/urandom of=/more bs=1M count=50";
        let plan = machine.plan_with_quota(key, &image, 200 * MIB, write).await;
        let ended = machine.run(&plan).await;
        assert_eq!(ended.code, 0, "{ended:?}");
        machine.finish().await;
    }
}

#[tokio::test]
async fn rule_17_a_tenant_makes_no_subvolumes() {
    for quotas in [QuotaKind::Simple, QuotaKind::Classic] {
        let Some(machine) = Machine::with_quotas(Some(quotas)).await else { return };
        assert_eq!(machine.pool.health().await.unwrap().quotas, quotas);
        let mut busybox = Image::busybox();
        busybox.add_program("/usr/bin/btrfs");
        let image = machine.image(&busybox, "btrfs").await;
        let tries = "btrfs subvolume create /sub; btrfs subvolume snapshot / /snap; btrfs quota disable /; \
                     btrfs property set / ro false; ls -d /sub /snap; echo tried";
        let ended = machine.script(1, &image, tries).await;
        assert!(ended.text.contains("Operation not permitted"), "{ended:?}");
        assert!(ended.text.contains("/sub: No such file"), "{ended:?}");
        assert!(ended.text.contains("/snap: No such file"), "{ended:?}");
        assert!(ended.text.contains("tried"), "{ended:?}");
        // Other requests pass: this one asks for the size of a terminal, which there is not.
        let other = machine.script(1, &image, "test -t 0; echo fine").await;
        assert_eq!(other.text, "fine\n");
        let fill = machine.script(1, &image, "dd if=/dev/urandom of=/big bs=1M count=100").await;
        assert_ne!(fill.code, 0, "the quota holds with {quotas:?}: {fill:?}");
        // The same request on the host works, so it was the profile that refused it.
        let path = machine.folder("pool/tmp/control");
        let made = Command::new("btrfs").args(["subvolume", "create"]).arg(&path).output().unwrap();
        assert!(made.status.success());
        machine.finish().await;
    }
}

#[tokio::test]
async fn rule_17_classic_quotas_hold_beside_snapshots_and_deletions() {
    let Some(machine) = Machine::with_quotas(Some(QuotaKind::Classic)).await else { return };
    let image = machine.busybox().await;
    for lease in 1..=3 {
        machine.script(lease, &image, "dd if=/dev/urandom of=/big bs=1M count=40; sync").await;
        machine.pool.snapshot(WorkloadKey::new(lease, 0), "s").await.unwrap();
        machine.pool.destroy_root(WorkloadKey::new(lease, 0)).await.unwrap();
    }
    let ended = machine.script(4, &image, "dd if=/dev/urandom of=/big bs=1M count=100").await;
    assert_ne!(ended.code, 0, "{ended:?}");
    let usage = machine.pool.usage(WorkloadKey::new(4, 0)).await.unwrap();
    assert!(usage.limit_bytes == 64 * MIB && usage.used_bytes <= 64 * MIB, "{usage:?}");
    machine.finish().await;
}

#[tokio::test]
async fn an_image_is_whole_or_not_there() {
    struct Half;
    #[async_trait::async_trait]
    impl dbc_host::pool::FillTree for Half {
        async fn fill(&self, dir: &std::path::Path) -> Result<(), dbc_host::Cause> {
            fs::write(dir.join("half"), "x")?;
            Err("the registry died".into())
        }
    }
    let Some(machine) = Machine::new().await else { return };
    let digest: dbc_host::Digest = format!("sha256:{}", "ab".repeat(32)).parse().unwrap();
    let failed = machine.pool.ensure_image(&digest, &Half).await;
    assert!(matches!(failed, Err(PoolError::Fill { .. })), "{failed:?}");
    assert_eq!(machine.pool.list().await.unwrap().images, []);
    let none = machine.pool.ensure_root(WorkloadKey::new(1, 0), &digest, MIB).await;
    assert!(matches!(none, Err(PoolError::NoImage { .. })), "{none:?}");
    let image = machine.busybox().await;
    assert_eq!(machine.pool.list().await.unwrap().images, std::slice::from_ref(&image.id));
    machine.pool.remove_image(&image.id).await.unwrap();
    machine.finish().await;
}

#[tokio::test]
async fn a_pool_that_was_unmounted_comes_back() {
    let Some(machine) = Machine::new().await else { return };
    let image = machine.busybox().await;
    machine.script(1, &image, "echo kept > /note").await;
    nix::mount::umount(&machine.folder("pool")).unwrap();
    let ended = machine.script(1, &image, "cat /note").await;
    assert_eq!(ended.text, "kept\n");
    assert_eq!(machine.pool.list().await.unwrap().roots, [WorkloadKey::new(1, 0)]);
    machine.finish().await;
}

#[tokio::test]
async fn snapshots_are_read_only_and_go_with_their_root() {
    let Some(machine) = Machine::new().await else { return };
    let image = machine.busybox().await;
    let key = WorkloadKey::new(1, 0);
    machine.script(1, &image, "echo one > /note").await;
    let path = machine.pool.snapshot(key, "before").await.unwrap();
    assert!(machine.pool.snapshot(key, "before").await.is_err());
    assert!(machine.pool.snapshot(key, "../x").await.is_err());
    machine.script(1, &image, "echo two > /note").await;
    assert_eq!(fs::read_to_string(path.join("note")).unwrap(), "one\n");
    assert!(fs::write(path.join("note"), "x").is_err());
    assert_eq!(machine.pool.list().await.unwrap().snapshots, [(key, "before".to_owned())]);
    machine.pool.destroy_root(key).await.unwrap();
    let listed = machine.pool.list().await.unwrap();
    assert_eq!((listed.roots.len(), listed.snapshots.len()), (0, 0));
    machine.finish().await;
}

#[tokio::test]
async fn rule_17_a_full_host_gets_no_pool() {
    if crate::env::env().is_none() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let config = dbc_host::pool::PoolConfig {
        mount: dir.path().join("pool"),
        disk: dbc_host::pool::PoolDisk::File {
            path: dir.path().join("pool.img"),
            size_bytes: 1 << 50,
        },
        quotas: None,
    };
    let opened = dbc_host::pool::BtrfsPool::open("abababab".parse().unwrap(), config).await;
    assert!(matches!(opened, Err(PoolError::HostFull { .. })), "{opened:?}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}
