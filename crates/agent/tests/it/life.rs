//! The life of a lease and what may befall it, as seen from the fleet.

use std::time::Duration;

use dbc_agent::{
    chain::{ChainView, CloseReason},
    driver::Wish,
};
use dbc_agent_api::{
    ErrorCode, WorkloadSpec,
    control::Phase,
    workload::{Probe, Resources, WorkloadKind},
};
use dbc_host::{Backend, BackendError, backend::ContainerState, image::ImageConfig};
use tokio::time::sleep;

use crate::world::{BEGIN, IMAGE, KEY, LEASE, PATIENCE, World, phase, put, spec, status, until};

const HOUR: u64 = 1200;

#[tokio::test]
async fn a_lease_lives_from_put_to_the_destruction_of_its_data() {
    let world = World::new();
    let agent = world.agent().await;
    world.chain.put_best(world.lease());
    put(&agent, spec()).await;
    // Prepared on the best block, started on the finalized one.
    until("prepared", || async { world.container().await == Some(ContainerState::Created) }).await;
    assert_eq!(status(&agent).unwrap().phase, Phase::Accepted);
    assert_eq!((world.starts(), world.chain.started_calls()), (0, vec![]));
    world.chain.finalize();
    phase(&agent, Phase::Running).await;
    until("started", || async { world.chain.started_calls() == [LEASE] }).await;
    assert_eq!((world.starts(), status(&agent).unwrap().starts), (1, 1));

    world.chain.close(LEASE, CloseReason::EndedByRenter, BEGIN + HOUR);
    phase(&agent, Phase::Closed).await;
    until("stopped", || async { world.container().await.is_none() }).await;
    until("network gone", || async { !world.has_network().await }).await;
    assert!(world.has_root().await, "data is kept");
    world.chain.advance_to(BEGIN + HOUR);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(world.has_root().await, "to the last slot");
    world.chain.advance_to(BEGIN + HOUR + 1);
    until("data destroyed", || async { !world.has_root().await }).await;
    until("forgotten", || async { status(&agent).is_none() }).await;
    let store = world.store();
    until("lease forgotten", || async { store.leases().await.unwrap().is_empty() }).await;
    agent.shutdown().await;
}

#[tokio::test]
async fn a_restart_of_the_agent_touches_nothing_that_is_healthy() {
    let world = World::new();
    world.chain.put(world.lease());
    let agent = world.agent().await;
    put(&agent, spec()).await;
    phase(&agent, Phase::Running).await;
    until("started", || async { world.chain.started_calls() == [LEASE] }).await;
    let calls = |prefix: &str| world.fake.backend.faults().count(prefix);
    for _ in 0..3 {
        agent_again(&world).await;
    }
    agent.kill().await;
    assert_eq!(world.starts(), 1);
    assert_eq!((calls("stop"), calls("remove"), calls("create")), (0, 0, 1));
    assert_eq!(world.chain.started_calls(), [LEASE]);
}

async fn agent_again(world: &World) {
    let agent = world.agent().await;
    phase(&agent, Phase::Running).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    agent.shutdown().await;
}

#[tokio::test]
async fn rule_30_a_lease_past_its_end_is_paused_while_the_chain_is_away() {
    let mut world = World::new();
    world.grace = Duration::ZERO;
    // One slot: the fake's are three seconds long.
    world.chain.put(dbc_agent::chain::LeaseRecord { ends_at: BEGIN + 1, ..world.lease() });
    let agent = world.agent().await;
    put(&agent, spec()).await;
    phase(&agent, Phase::Running).await;
    world.chain.set_away(true);
    phase(&agent, Phase::Stopped).await;
    assert!(status(&agent).unwrap().detail.contains("time is over"));
    assert!(world.has_root().await, "paused, never deleted");
    // The chain comes back and tells that it was extended.
    world.chain.set_away(false);
    world.chain.change(LEASE, |lease| lease.ends_at = BEGIN + HOUR);
    phase(&agent, Phase::Running).await;
    assert_eq!(world.starts(), 2);
    agent.shutdown().await;
}

#[tokio::test]
async fn workloads_go_on_while_the_chain_is_away_also_over_a_restart() {
    let world = World::new();
    world.chain.put(world.lease());
    let agent = world.agent().await;
    put(&agent, spec()).await;
    phase(&agent, Phase::Running).await;
    until("started", || async { world.chain.started_calls() == [LEASE] }).await;
    world.chain.set_away(true);
    agent.kill().await;
    assert!(world.chain.lease(LEASE, dbc_agent::chain::At::Best).await.is_err());
    // The host rebooted meanwhile: everything must come back without the chain.
    world.fake.backend.restart_engine();
    let agent = world.agent().await;
    phase(&agent, Phase::Running).await;
    assert_eq!(world.starts(), 2);
    agent.shutdown().await;
}

#[tokio::test]
async fn the_engine_restarts_and_the_workload_comes_back() {
    let world = World::new();
    world.chain.put(world.lease());
    let agent = world.agent().await;
    put(&agent, spec()).await;
    phase(&agent, Phase::Running).await;
    world.fake.backend.set_down(true);
    phase(&agent, Phase::Failed).await;
    let error = status(&agent).unwrap().last_error.unwrap();
    assert_eq!(error.code, ErrorCode::HostUnavailable);
    world.fake.backend.restart_engine();
    world.fake.backend.set_down(false);
    phase(&agent, Phase::Running).await;
    assert_eq!(world.starts(), 2);
    assert!(status(&agent).unwrap().last_error.is_none());
    agent.shutdown().await;
}

#[tokio::test]
async fn rule_35_a_machine_says_itself_that_a_workload_does_not_run_and_that_it_does_again() {
    let world = World::new();
    world.chain.put(world.lease());
    let agent = world.agent().await;
    put(&agent, spec()).await;
    phase(&agent, Phase::Running).await;
    until("started", || async { world.chain.started_calls() == [LEASE] }).await;
    assert!(!world.told_down().await);
    // The chain is away as well, for longer than the fault is borne: told when it is back.
    world.chain.set_away(true);
    world.fake.backend.set_down(true);
    sleep(PATIENCE).await;
    world.chain.set_away(false);
    until("down", || world.told_down()).await;
    // Another run of the agent knows by the chain that there is something to take back.
    agent.kill().await;
    world.fake.backend.restart_engine();
    world.fake.backend.set_down(false);
    let agent = world.agent().await;
    phase(&agent, Phase::Running).await;
    until("up", || async { !world.told_down().await }).await;
    agent.shutdown().await;
}

#[tokio::test]
async fn rule_35_what_its_renter_stopped_is_not_said_to_be_down() {
    let world = World::new();
    world.chain.put(world.lease());
    let agent = world.agent().await;
    put(&agent, spec()).await;
    until("started", || async { world.chain.started_calls() == [LEASE] }).await;
    agent.fleet.wish(KEY, Wish::Stop).await.unwrap();
    phase(&agent, Phase::Stopped).await;
    world.fake.backend.set_down(true);
    phase(&agent, Phase::Failed).await;
    sleep(PATIENCE).await;
    assert!(!world.told_down().await);
    // As soon as he wants it to run, it is.
    agent.fleet.wish(KEY, Wish::Restart).await.unwrap();
    until("down", || world.told_down()).await;
    agent.shutdown().await;
}

#[tokio::test]
async fn rule_35_a_program_that_fails_once_the_machine_has_healed_is_paid_for() {
    let world = World::new();
    world.chain.put(world.lease());
    let agent = world.agent().await;
    let mut probed = spec();
    let WorkloadKind::Container(container) = &mut probed.kind else { unreachable!() };
    container.probe = Some(Probe::Exec { command: vec!["check".into()], timeout_s: 1 });
    put(&agent, probed).await;
    until("started", || async { world.chain.started_calls() == [LEASE] }).await;
    world.fake.backend.set_down(true);
    until("down", || world.told_down()).await;
    world.guest.set_sick(true);
    world.fake.backend.restart_engine();
    world.fake.backend.set_down(false);
    until("up", || async { !world.told_down().await }).await;
    let error = status(&agent).unwrap().last_error.unwrap();
    assert_eq!(error.code, ErrorCode::WorkloadFailed);
    agent.shutdown().await;
}

#[tokio::test]
async fn everything_removed_behind_its_back_is_made_again_on_the_same_root() {
    let world = World::new();
    world.chain.put(world.lease());
    let agent = world.agent().await;
    put(&agent, spec()).await;
    phase(&agent, Phase::Running).await;
    agent.kill().await;
    world.fake.backend.wipe();
    dbc_host::Network::remove(&world.fake.network, LEASE).await.unwrap();
    let agent = world.agent().await;
    phase(&agent, Phase::Running).await;
    until("container", || async { world.starts() == 2 }).await;
    assert!(world.has_network().await);
    assert_eq!(world.fake.pool.faults().count("destroy_root"), 0);
    agent.shutdown().await;
}

#[tokio::test]
async fn a_crash_is_told_and_the_workload_started_again() {
    let world = World::new();
    world.chain.put(world.lease());
    let agent = world.agent().await;
    put(&agent, spec()).await;
    phase(&agent, Phase::Running).await;
    assert!(world.fake.backend.exit(KEY, 3));
    phase(&agent, Phase::Failed).await;
    let error = status(&agent).unwrap().last_error.unwrap();
    assert_eq!(
        (error.code, error.message.as_str()),
        (ErrorCode::WorkloadFailed, "ended with code 3")
    );
    phase(&agent, Phase::Running).await;
    assert_eq!(world.starts(), 2);
    agent.shutdown().await;
}

#[tokio::test]
async fn it_is_stopped_started_and_restarted_as_wished() {
    let world = World::new();
    world.chain.put(world.lease());
    let agent = world.agent().await;
    put(&agent, spec()).await;
    phase(&agent, Phase::Running).await;
    agent.fleet.wish(KEY, Wish::Stop).await.unwrap();
    assert_eq!(status(&agent).unwrap().phase, Phase::Stopped, "answered when it has stopped");
    agent.kill().await;
    let agent = world.agent().await;
    phase(&agent, Phase::Stopped).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(world.starts(), 1, "a stop survives a restart of the agent");
    agent.fleet.wish(KEY, Wish::Start).await.unwrap();
    phase(&agent, Phase::Running).await;
    agent.fleet.wish(KEY, Wish::Restart).await.unwrap();
    until("restarted", || async { world.starts() == 3 }).await;
    phase(&agent, Phase::Running).await;
    agent.fleet.wish(KEY, Wish::Start).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(world.starts(), 3, "a start of what runs is no restart");
    agent.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_wish_is_lost_when_it_comes_while_a_step_ends() {
    let world = World::new();
    world.chain.put(world.lease());
    let agent = world.agent().await;
    put(&agent, spec()).await;
    for at in 0..40 {
        tokio::time::sleep(Duration::from_millis(at)).await;
        agent.fleet.wish(KEY, Wish::Stop).await.unwrap();
        assert_eq!(status(&agent).unwrap().phase, Phase::Stopped);
        agent.fleet.wish(KEY, Wish::Start).await.unwrap();
    }
    phase(&agent, Phase::Running).await;
    assert_eq!(world.fake.pool.faults().count("destroy_root"), 0);
    agent.shutdown().await;
}

#[tokio::test]
async fn another_spec_makes_another_container_on_the_same_root() {
    let world = World::new();
    world.chain.put(world.lease());
    let agent = world.agent().await;
    put(&agent, spec()).await;
    phase(&agent, Phase::Running).await;
    put(&agent, spec()).await;
    let mut other = spec();
    let WorkloadKind::Container(container) = &mut other.kind else { unreachable!() };
    container.command = vec!["sleep".into(), "9".into()];
    put(&agent, other).await;
    until("made anew", || async {
        world.fake.backend.plan_of(KEY).is_some_and(|plan| plan.command == ["sleep", "9"])
    })
    .await;
    phase(&agent, Phase::Running).await;
    assert_eq!(world.starts(), 2, "the same spec again changed nothing");
    assert_eq!(world.fake.pool.faults().count("destroy_root"), 0);
    // Another image would need another root, and that holds work.
    let refused = agent.fleet.put(KEY, WorkloadSpec::container("other:1")).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::WrongState);
    agent.shutdown().await;
}

#[tokio::test]
async fn a_wrong_image_is_told_and_can_be_corrected_before_the_first_start() {
    let world = World::new();
    world.chain.put(world.lease());
    let agent = world.agent().await;
    put(&agent, WorkloadSpec::container("registry.example/dbc/bsae:12")).await;
    phase(&agent, Phase::Failed).await;
    let told = status(&agent).unwrap();
    assert_eq!(told.last_error.as_ref().unwrap().code, ErrorCode::ImageNotFound);
    assert!(!told.retry && told.is_settled(), "waiting does not help: {told:?}");
    put(&agent, spec()).await;
    phase(&agent, Phase::Running).await;
    agent.shutdown().await;
}

#[tokio::test]
async fn a_prepared_root_of_another_image_is_replaced_before_the_first_start() {
    let world = World::new();
    world.fake.backend.add_image("other:1", ImageConfig::default());
    world.chain.put_best(world.lease());
    let agent = world.agent().await;
    put(&agent, WorkloadSpec::container("other:1")).await;
    until("prepared", || async { world.container().await == Some(ContainerState::Created) }).await;
    put(&agent, spec()).await;
    until("replaced", || async { world.fake.pool.faults().count("destroy_root") == 1 }).await;
    world.chain.finalize();
    phase(&agent, Phase::Running).await;
    assert_eq!(status(&agent).unwrap().image_digest, {
        let record = world.store().workloads().await.unwrap().remove(0);
        record.root_image.map(|digest| digest.as_str().to_owned())
    });
    agent.shutdown().await;
}

#[tokio::test]
async fn a_registry_that_dies_half_way_is_tried_again() {
    let world = World::new();
    world.chain.put(world.lease());
    let image = dbc_host::ImageRef::parse(IMAGE).unwrap();
    world.fake.backend.faults().fail("pull", 1, move || BackendError::RegistryUnreachable {
        image: image.clone(),
        source: "connection reset".into(),
    });
    let agent = world.agent().await;
    put(&agent, spec()).await;
    phase(&agent, Phase::Failed).await;
    let told = status(&agent).unwrap();
    assert_eq!(told.last_error.as_ref().unwrap().code, ErrorCode::RegistryUnreachable);
    assert!(told.retry && !told.is_settled(), "a renter may wait: {told:?}");
    phase(&agent, Phase::Running).await;
    agent.shutdown().await;
}

#[tokio::test]
async fn rule_07_an_unhealthy_workload_is_not_reported_as_started() {
    let world = World::new();
    world.chain.put(world.lease());
    world.guest.set_sick(true);
    let agent = world.agent().await;
    let mut probed = spec();
    let WorkloadKind::Container(container) = &mut probed.kind else { unreachable!() };
    container.probe = Some(Probe::Exec { command: vec!["check".into()], timeout_s: 1 });
    put(&agent, probed).await;
    phase(&agent, Phase::Failed).await;
    let error = status(&agent).unwrap().last_error.unwrap();
    assert_eq!(error.code, ErrorCode::WorkloadFailed);
    assert!(world.chain.started_calls().is_empty());
    world.guest.set_sick(false);
    phase(&agent, Phase::Running).await;
    until("started", || async { world.chain.started_calls() == [LEASE] }).await;
    agent.shutdown().await;
}

#[tokio::test]
async fn what_the_lease_does_not_allow_is_refused_with_its_field() {
    let world = World::new();
    let fixed = dbc_agent::chain::LeaseRecord { spec_hash: Some(spec().hash()), ..world.lease() };
    world.chain.put(fixed);
    let agent = world.agent().await;
    put(&agent, spec()).await;
    let refused = agent.fleet.put(KEY, WorkloadSpec::container("other:1")).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::InvalidSpec);
    world.chain.change(LEASE, |lease| lease.spec_hash = None);
    let mut large = spec();
    let WorkloadKind::Container(container) = &mut large.kind else { unreachable!() };
    container.resources = Resources { memory_mib: Some(9000), ..Resources::default() };
    until("known", || async {
        let refused = agent.fleet.put(KEY, large.clone()).await.unwrap_err();
        refused.message.contains("memory_mib") && refused.message.contains("8192")
    })
    .await;
    let second = dbc_host::WorkloadKey::new(LEASE, 1);
    let refused = agent.fleet.put(second, spec()).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::InvalidInput);
    agent.shutdown().await;
}

#[tokio::test]
async fn a_close_while_the_image_is_on_its_way_ends_the_pull() {
    let world = World::new();
    world.fake.backend.set_pull_time(Duration::from_secs(600));
    world.chain.put(world.lease());
    let agent = world.agent().await;
    put(&agent, spec()).await;
    phase(&agent, Phase::Pulling).await;
    until("progress", || async { status(&agent).unwrap().detail.contains("pulling") }).await;
    world.chain.close(LEASE, CloseReason::EndedByRenter, BEGIN - 1);
    until("forgotten", || async { status(&agent).is_none() }).await;
    assert_eq!(world.fake.backend.list().await.unwrap(), []);
    agent.shutdown().await;
}

#[tokio::test]
async fn a_lease_that_was_not_started_in_time_is_a_strike() {
    let world = World::new();
    world.chain.put(world.lease());
    world.guest.set_sick(true);
    let agent = world.agent().await;
    put(&agent, spec()).await;
    world.chain.close(LEASE, CloseReason::NotStarted, BEGIN - 1);
    until("forgotten", || async { status(&agent).is_none() }).await;
    let strikes = world.store().strike(99, CloseReason::NotStarted).await.unwrap();
    assert_eq!(strikes, 2, "one before this one");
    agent.shutdown().await;
}

#[tokio::test]
async fn rule_15_a_machine_that_lost_a_lease_stops_it_and_keeps_its_data() {
    let world = World::new();
    world.chain.put(world.lease());
    let agent = world.agent().await;
    put(&agent, spec()).await;
    phase(&agent, Phase::Running).await;
    until("started", || async { world.chain.started_calls() == [LEASE] }).await;
    // It was cut off, and the lease went to its standby meanwhile.
    world.chain.set_away(true);
    world.chain.change(LEASE, |lease| {
        (lease.machine, lease.started_at) = ([77; 32], None);
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(world.container().await, Some(ContainerState::Running));
    world.chain.set_away(false);
    phase(&agent, Phase::Closed).await;
    assert!(status(&agent).unwrap().detail.contains("another machine"));
    until("stopped", || async { world.container().await.is_none() }).await;
    let refused = agent.fleet.wish(KEY, Wish::Start).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::LeaseClosed);
    agent.kill().await;
    // Also after a restart, and for as long as the lease runs on elsewhere.
    let agent = world.agent().await;
    phase(&agent, Phase::Closed).await;
    world.chain.advance_to(BEGIN + 10 * HOUR);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!((world.starts(), world.has_root().await), (1, true));
    // The standby's end is not this machine's fault.
    world.chain.close(LEASE, CloseReason::ProviderFault, BEGIN + 11 * HOUR);
    world.chain.advance_to(BEGIN + 11 * HOUR + 1);
    until("forgotten", || async { status(&agent).is_none() }).await;
    assert!(!world.has_root().await);
    let strikes = world.store().strike(99, CloseReason::NotStarted).await.unwrap();
    assert_eq!(strikes, 1, "none before this one");
    agent.shutdown().await;
}

#[tokio::test]
async fn a_state_folder_of_another_network_is_refused() {
    let world = World::new();
    assert!(world.store().bind([1; 32], world.keys.machine()).await.unwrap());
    let parts = || async {
        let started = std::panic::AssertUnwindSafe(world.agent());
        futures::FutureExt::catch_unwind(started).await.is_err()
    };
    assert!(parts().await);
}
