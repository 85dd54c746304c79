//! What keeps a workload from running by its machine's fault although engine and host answer: a card that is lost, a
//! disk that is full (mechanisms rule 35).

use std::time::Duration;

use dbc_agent::{agent::Agent, chain::LeaseRecord, driver::Wish};
use dbc_agent_api::{
    ErrorCode,
    control::Phase,
    workload::{Probe, WorkloadKind},
};
use dbc_host::{
    BackendError, ContainerId, PoolError,
    backend::ContainerState,
    gpus::{GpuError, Loss},
};
use tokio::time::{Instant, sleep};

use crate::world::{KEY, LEASE, PATIENCE, World, phase, put, spec, status, until};

/// A machine with two cards, the first of which is leased.
fn with_cards() -> World {
    let world = World::new();
    world.plug(&["GPU-0", "GPU-1"], 0);
    world.chain.put(LeaseRecord { gpus: vec![0], cpu_shares: 0, ..world.lease() });
    world
}

/// Its workload runs, and the meter.
async fn started(world: &World) -> Agent {
    let agent = world.agent().await;
    put(&agent, spec()).await;
    phase(&agent, Phase::Running).await;
    until("started", || async { world.chain.started_calls() == [LEASE] }).await;
    agent
}

async fn stays(world: &World, down: bool) {
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        assert_eq!(world.told_down().await, down);
        sleep(Duration::from_millis(10)).await;
    }
}

fn refused() -> BackendError {
    BackendError::Gpus { id: ContainerId("c".into()), source: "unknown device".into() }
}

fn no_room() -> BackendError {
    let source = "mkdir /x: no space left on device".into();
    BackendError::Start { id: ContainerId("c".into()), source }
}

/// What the renter is told last.
fn told(agent: &Agent) -> (ErrorCode, String) {
    let error = status(agent).unwrap().last_error.unwrap();
    (error.code, error.message)
}

#[tokio::test]
async fn rule_35_a_card_that_is_lost_under_what_runs_is_told_and_that_it_is_back() {
    let world = with_cards();
    let agent = started(&world).await;
    world.fake.gpus.ail("GPU-0", Some(Loss::ResetNeeded));
    until("down", || world.told_down()).await;
    let (code, why) = told(&agent);
    assert_eq!((code, why.contains("GPU-0")), (ErrorCode::HostUnavailable, true), "{why}");
    assert_eq!(status(&agent).unwrap().phase, Phase::Failed);
    assert_eq!(world.container().await, Some(ContainerState::Running), "it is left alone");
    // Another run of the agent calls nothing well before it has asked.
    agent.kill().await;
    let agent = world.agent().await;
    stays(&world, true).await;
    world.fake.gpus.ail("GPU-0", None);
    until("up", || async { !world.told_down().await }).await;
    assert_eq!(status(&agent).unwrap().last_error, None);
    assert_eq!((status(&agent).unwrap().phase, world.starts()), (Phase::Running, 1));
    agent.shutdown().await;
}

#[tokio::test]
async fn rule_35_neither_anothers_card_nor_a_driver_without_an_answer_is_told() {
    let world = with_cards();
    let agent = started(&world).await;
    world.fake.gpus.unplug("GPU-1");
    stays(&world, false).await;
    let upgraded = || GpuError { action: "start", source: "version mismatch".into() };
    world.fake.gpus.faults().fail_always("lost", upgraded);
    world.fake.gpus.unplug("GPU-0");
    stays(&world, false).await;
    assert_eq!(status(&agent).unwrap().phase, Phase::Running);
    world.fake.gpus.faults().clear();
    until("down", || world.told_down()).await;
    agent.shutdown().await;
}

#[tokio::test]
async fn rule_35_a_program_that_ends_with_its_card_is_started_again_when_that_is_back() {
    let world = with_cards();
    let agent = started(&world).await;
    world.fake.gpus.unplug("GPU-0");
    phase(&agent, Phase::Failed).await;
    world.fake.backend.exit(KEY, 1);
    until("down", || world.told_down()).await;
    stays(&world, true).await;
    assert_eq!(told(&agent).0, ErrorCode::HostUnavailable);
    assert_eq!(world.starts(), 1, "not without its card");
    world.fake.gpus.plug("GPU-0");
    phase(&agent, Phase::Running).await;
    until("up", || async { !world.told_down().await }).await;
    assert_eq!(world.starts(), 2);
    agent.shutdown().await;
}

#[tokio::test]
async fn rule_35_a_card_that_is_lost_while_a_program_gets_healthy_is_not_waited_out() {
    let world = with_cards();
    let agent = world.agent().await;
    let mut probed = spec();
    let WorkloadKind::Container(container) = &mut probed.kind else { unreachable!() };
    container.probe = Some(Probe::Exec { command: vec!["check".into()], timeout_s: 600 });
    put(&agent, probed).await;
    until("started", || async { world.chain.started_calls() == [LEASE] }).await;
    world.guest.set_sick(true);
    world.fake.backend.restart_engine();
    until("again", || async { world.starts() == 2 }).await;
    phase(&agent, Phase::Probing).await;
    world.fake.gpus.unplug("GPU-0");
    until("down", || world.told_down()).await;
    assert_eq!(told(&agent).0, ErrorCode::HostUnavailable);
    agent.shutdown().await;
}

#[tokio::test]
async fn rule_35_what_runs_on_a_lost_card_can_be_stopped() {
    let world = with_cards();
    let agent = started(&world).await;
    world.fake.gpus.unplug("GPU-0");
    until("down", || world.told_down()).await;
    agent.fleet.wish(KEY, Wish::Stop).await.unwrap();
    phase(&agent, Phase::Stopped).await;
    until("paid again", || async { !world.told_down().await }).await;
    agent.shutdown().await;
}

#[tokio::test]
async fn rule_35_a_start_that_its_cards_prevent_is_the_machines_fault() {
    let world = with_cards();
    world.fake.backend.faults().fail_always("start", refused);
    let agent = world.agent().await;
    put(&agent, spec()).await;
    // Before the first start there is no meter that could be stopped.
    phase(&agent, Phase::Failed).await;
    assert_eq!(told(&agent).0, ErrorCode::HostUnavailable);
    assert!(status(&agent).unwrap().retry);
    stays(&world, false).await;
    assert!(world.chain.started_calls().is_empty());
    world.fake.backend.faults().clear();
    phase(&agent, Phase::Running).await;
    until("started", || async { world.chain.started_calls() == [LEASE] }).await;
    world.fake.backend.faults().fail_always("start", refused);
    world.fake.backend.restart_engine();
    until("down", || world.told_down()).await;
    // The cards are there again, and the program is not: his.
    world.fake.backend.faults().clear();
    let program = || BackendError::Start {
        id: ContainerId("c".into()),
        source: "no such file or directory".into(),
    };
    world.fake.backend.faults().fail_always("start", program);
    until("up", || async { !world.told_down().await }).await;
    assert_eq!(told(&agent).0, ErrorCode::WorkloadFailed);
    agent.shutdown().await;
}

#[tokio::test]
async fn rule_35_a_full_pool_is_the_machines_fault_and_a_renters_words_are_not_believed() {
    let world = World::new();
    world.chain.put(world.lease());
    let agent = started(&world).await;
    world.fake.backend.faults().fail_always("start", no_room);
    world.fake.backend.restart_engine();
    phase(&agent, Phase::Failed).await;
    until("told", || async { told(&agent).0 == ErrorCode::DiskFull }).await;
    stays(&world, false).await;
    world.fake.pool.set_free(1 << 20);
    until("down", || world.told_down()).await;
    assert_eq!(told(&agent).0, ErrorCode::HostUnavailable);
    world.fake.backend.faults().clear();
    until("up", || async { !world.told_down().await }).await;
    // What the machine itself writes fills no quota of his.
    agent.kill().await;
    world.fake.pool.faults().fail_always("ensure_root", || PoolError::Full);
    world.fake.backend.restart_engine();
    let agent = world.agent().await;
    until("down", || world.told_down()).await;
    assert_eq!(told(&agent).0, ErrorCode::HostUnavailable);
    agent.shutdown().await;
}
