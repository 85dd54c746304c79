//! The life of containers: the same call twice, events, output, a shared run folder.

use std::{fs, os::unix::fs::PermissionsExt, time::Duration};

use dbc_host::{
    Backend, BackendError, ContainerId, Pool,
    backend::{BackendEventKind, ContainerState, InitMount, LogOptions},
    rundir,
};
use futures::StreamExt;
use tokio::time::timeout;

use crate::machine::Machine;

#[tokio::test]
async fn every_step_can_be_taken_twice() {
    let Some(machine) = Machine::new().await else { return };
    let backend = &machine.backend;
    let image = machine.busybox().await;
    let plan = machine.plan(1, 0, &image, "echo up; sleep 1000").await;
    let id = backend.create(&plan).await.unwrap();
    assert_eq!(backend.create(&plan).await.unwrap(), id);
    assert_eq!(machine.state(&id).await, Some(ContainerState::Created));
    backend.start(&id).await.unwrap();
    backend.start(&id).await.unwrap();
    machine.said(&id, "up").await;
    let listed = backend.list().await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].key, &listed[0].plan), (plan.key, &plan.hash()));
    assert!(listed[0].started_at.is_some_and(|at| at > 1_700_000_000));
    let mut other = plan.clone();
    other.limits.pids = 65;
    let conflict = backend.create(&other).await;
    assert!(matches!(conflict, Err(BackendError::Conflict { .. })), "{conflict:?}");
    backend.stop(&id, Duration::from_secs(1)).await.unwrap();
    backend.stop(&id, Duration::from_secs(1)).await.unwrap();
    assert!(matches!(machine.state(&id).await, Some(ContainerState::Exited { .. })));
    backend.remove(&id).await.unwrap();
    backend.remove(&id).await.unwrap();
    let gone = backend.start(&id).await;
    assert!(matches!(gone, Err(BackendError::NoContainer { .. })), "{gone:?}");
    assert!(backend.list().await.unwrap().is_empty());
    assert!(backend.health().await.unwrap().runtime_ready);
    machine.finish().await;
}

#[tokio::test]
async fn without_a_prepared_root_nothing_starts() {
    let Some(machine) = Machine::new().await else { return };
    let image = machine.busybox().await;
    let plan = machine.plan(1, 0, &image, "echo never").await;
    let id = machine.backend.create(&plan).await.unwrap();
    machine.pool.destroy_root(plan.key).await.unwrap();
    let refused = machine.backend.start(&id).await.unwrap_err();
    assert!(matches!(refused, BackendError::Start { .. }), "{refused:?}");
    assert!(crate::machine::chain(&refused).contains("is not there"), "{refused:?}");
    machine.finish().await;
}

#[tokio::test]
async fn a_missing_program_is_told() {
    let Some(machine) = Machine::new().await else { return };
    let image = machine.busybox().await;
    let mut plan = machine.plan(1, 0, &image, "").await;
    plan.command = vec!["/no/such/program".into()];
    let id = machine.backend.create(&plan).await.unwrap();
    let refused = machine.backend.start(&id).await.unwrap_err();
    assert!(crate::machine::chain(&refused).contains("no such file"), "{refused:?}");
    machine.finish().await;
}

#[tokio::test]
async fn events_and_output_arrive() {
    let Some(machine) = Machine::new().await else { return };
    let image = machine.busybox().await;
    let mut events = machine.backend.events();
    let plan = machine.plan(3, 1, &image, "echo out; echo err >&2; exit 7").await;
    // The stream subscribes when it is first asked.
    let next = tokio::spawn(async move {
        let mut kinds = Vec::new();
        while let Some(Ok(event)) = events.next().await {
            kinds.push((event.key, event.kind));
            if event.kind == BackendEventKind::Removed {
                break;
            }
        }
        kinds
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    let id = machine.start(&plan).await;
    assert_eq!(machine.wait(&id).await, 7);
    let all: Vec<_> = machine
        .backend
        .logs(&id, LogOptions { tail: 10, follow: false })
        .map(|chunk| chunk.map(|c| (c.stderr, String::from_utf8_lossy(&c.bytes).into_owned())))
        .collect()
        .await;
    let mut all: Vec<_> = all.into_iter().map(Result::unwrap).collect();
    all.sort();
    assert_eq!(all, [(false, "out\n".to_owned()), (true, "err\n".to_owned())]);
    machine.backend.remove(&id).await.unwrap();
    let kinds = timeout(Duration::from_secs(10), next).await.unwrap().unwrap();
    assert_eq!(
        kinds,
        [
            BackendEventKind::Started,
            BackendEventKind::Exited { code: 7 },
            BackendEventKind::Removed
        ]
        .map(|kind| (plan.key, kind))
    );
    let none = machine.backend.logs(&id, LogOptions { tail: 1, follow: false }).next().await;
    assert!(matches!(none, Some(Err(BackendError::NoContainer { .. }))), "{none:?}");
    machine.finish().await;
}

#[tokio::test]
async fn the_run_folder_is_shared_and_small() {
    let Some(machine) = Machine::new().await else { return };
    let image = machine.busybox().await;
    let run_dir = machine.folder("run/1-0");
    rundir::ensure(&run_dir).unwrap();
    let binary = machine.folder("init");
    // Stands in for our PID 1: says how it was called, then runs what follows `--`.
    let script = "#!/bin/sh\nexec 2>&1\necho \"$@\"; id -u; touch /.dbc/run/seen; \
                  dd if=/dev/zero of=/.dbc/run/fill bs=1M count=2; echo x > /.dbc/init; \
                  while [ \"$1\" != -- ]; do shift; done; shift; exec \"$@\"\n";
    fs::write(&binary, script).unwrap();
    fs::set_permissions(&binary, fs::Permissions::from_mode(0o755)).unwrap();
    let mut plan = machine.plan(1, 0, &image, "echo main").await;
    plan.user = Some("nobody".into());
    plan.init = Some(InitMount {
        binary,
        run_dir: run_dir.clone(),
        args: vec!["--user".into(), "nobody".into()],
    });
    let ended = machine.run(&plan).await;
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(ended.text.starts_with("--user nobody -- /bin/sh -c echo main\n0\n"), "{ended:?}");
    assert!(ended.text.contains("No space left") && ended.text.contains("Read-only"), "{ended:?}");
    assert!(ended.text.ends_with("main\n"), "{ended:?}");
    assert!(run_dir.join("seen").exists());
    machine.finish().await;
}

#[tokio::test]
async fn unknown_runtimes_are_named() {
    let Some(machine) = Machine::new().await else { return };
    let image = machine.busybox().await;
    let config = dbc_host::backend::DockerConfig {
        network: machine.network.clone(),
        runtime: "dbc-not-there".into(),
        roots_dir: machine.env.runtime.roots_dir.clone(),
    };
    let backend = dbc_host::backend::DockerBackend::new(&machine.engine, config);
    assert!(!backend.health().await.unwrap().runtime_ready);
    let plan = machine.plan(1, 0, &image, "true").await;
    let made = async { backend.start(&backend.create(&plan).await?).await };
    let refused = made.await.unwrap_err();
    assert!(matches!(refused, BackendError::NoRuntime { .. }), "{refused:?}");
    let none = backend.start(&ContainerId("0".repeat(64))).await.unwrap_err();
    assert!(matches!(none, BackendError::NoContainer { .. }), "{none:?}");
    machine.finish().await;
}
