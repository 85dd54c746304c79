//! What a stranger's container cannot do to the machine.

use std::time::Duration;

use dbc_host::{Backend, backend::ContainerState};

use crate::machine::{MIB, Machine};

#[tokio::test]
async fn a_fork_bomb_stays_inside() {
    let Some(machine) = Machine::new().await else { return };
    let image = machine.busybox().await;
    // Doubles until it is stopped, and what was made stays.
    let bomb = "b() { (b) & (b) & sleep 60; }; b & sleep 60";
    let plan = machine.plan(1, 0, &image, bomb).await;
    let id = machine.start(&plan).await;
    let mut most = 0;
    for _ in 0..50 {
        let options = None::<bollard::query_parameters::TopOptions>;
        let top = machine.docker.top_processes(&id.0, options).await;
        most = most.max(top.ok().and_then(|top| top.processes).unwrap_or_default().len());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!((20..=64).contains(&most), "{most} processes at once");
    // The machine goes on working beside it.
    let other = machine.script(2, &image, "echo fine").await;
    assert_eq!(other.text, "fine\n");
    machine.backend.remove(&id).await.unwrap();
    let many = "i=0; while [ $i -lt 200 ]; do sleep 60 & i=$((i+1)); echo $i; done";
    let ended = machine.script(2, &image, many).await;
    assert!(ended.text.contains("can't fork"), "{ended:?}");
    let made: u32 = ended.text.lines().filter_map(|line| line.parse().ok()).max().unwrap_or(0);
    assert!((32..64).contains(&made), "{made} processes");
    machine.finish().await;
}

#[tokio::test]
async fn capabilities_and_new_privileges_are_dropped() {
    let Some(machine) = Machine::new().await else { return };
    let image = machine.busybox().await;
    let ended = machine.script(1, &image, "cat /proc/self/status").await;
    let field = |name: &str| {
        let line = ended.text.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().to_owned()
    };
    // chown dac_override fowner fsetid kill setgid setuid net_bind_service sys_chroot
    let allowed: u64 = [0, 1, 3, 4, 5, 6, 7, 10, 18].iter().map(|bit| 1_u64 << bit).sum();
    for set in ["CapBnd", "CapPrm", "CapEff"] {
        assert_eq!(u64::from_str_radix(&field(set), 16).unwrap(), allowed, "{set}");
    }
    assert_eq!((field("NoNewPrivs").as_str(), field("Seccomp").as_str()), ("1", "2"));
    for script in [
        "mount -t tmpfs none /tmp",
        "mknod /tmp/disk b 8 0",
        "echo 1 > /proc/sys/kernel/panic",
        "echo x > /proc/sysrq-trigger",
        "ip link set eth0 down",
        "ping -c 1 127.0.0.1",
        "hostname other",
        "cat /proc/kcore",
        "ls /var/run/docker.sock /run/docker.sock",
    ] {
        let ended = machine.script(1, &image, script).await;
        assert_ne!(ended.code, 0, "{script}: {ended:?}");
    }
    machine.finish().await;
}

#[tokio::test]
async fn memory_ends_the_tenant_and_not_the_host() {
    let Some(machine) = Machine::new().await else { return };
    let image = machine.busybox().await;
    let plan =
        machine.plan(1, 0, &image, "exec dd if=/dev/zero of=/dev/null bs=300M count=1").await;
    let id = machine.start(&plan).await;
    machine.wait(&id).await;
    let state = machine.state(&id).await.unwrap();
    let killed = matches!(state, ContainerState::Exited { oom: true, .. });
    assert!(killed, "{state:?}");
    machine.backend.remove(&id).await.unwrap();
    // Files in memory count too.
    let plan = machine.plan(1, 0, &image, "dd if=/dev/zero of=/dev/shm/x bs=1M count=300").await;
    assert!(plan.limits.memory_bytes == 128 * MIB);
    let ended = machine.run(&plan).await;
    assert_ne!(ended.code, 0, "{ended:?}");
    machine.finish().await;
}
