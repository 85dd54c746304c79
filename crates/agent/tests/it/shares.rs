//! Several renters on one machine: each gets the part that he pays for (rule 31, N3).

use dbc_agent::{agent::Agent, chain::LeaseRecord};
use dbc_agent_api::{ErrorCode, control::Phase, workload::WorkloadKind};
use dbc_host::{Backend as _, BackendError, WorkloadKey, backend::ContainerState};

use crate::world::{World, machine, spec, until};

/// A lease of so many shares.
fn lease(world: &World, id: u64, cpu_shares: u16) -> LeaseRecord {
    LeaseRecord { id, cpu_shares, ..world.lease() }
}

async fn runs(agent: &Agent, id: u64) {
    let key = WorkloadKey::new(id, 0);
    until("put", || async { agent.fleet.put(key, spec()).await.is_ok() }).await;
    until("running", || async { phase(agent, key) == Some(Phase::Running) }).await;
}

/// Thousandths of a core, MiB of memory and GiB of disk that the container of a lease has.
async fn part(world: &World, agent: &Agent, id: u64) -> (u32, u64, u64) {
    let key = WorkloadKey::new(id, 0);
    let limits = world.fake.backend.plan_of(key).unwrap().limits;
    let usage = agent.fleet.host().pool.usage(key).await.unwrap();
    (limits.cpu_millis, limits.memory_bytes >> 20, usage.limit_bytes >> 30)
}

#[tokio::test]
async fn rule_31_leases_beside_each_other_get_their_parts_and_end_by_themselves() {
    let world = World::new();
    world.chain.set_machine(machine(4));
    world.chain.put(lease(&world, 1, 1));
    world.chain.put(lease(&world, 2, 3));
    let agent = world.agent().await;
    runs(&agent, 1).await;
    runs(&agent, 2).await;
    assert_eq!(part(&world, &agent, 1).await, (1_000, 2_048, 2));
    assert_eq!(part(&world, &agent, 2).await, (3_000, 6_144, 7));
    world.chain.close(1, dbc_agent::chain::CloseReason::EndedByRenter, 10_000);
    let containers = || async { world.fake.backend.list().await.unwrap() };
    until("the first to be gone", || async { containers().await.len() == 1 }).await;
    let left = containers().await;
    assert_eq!((left[0].key.lease, left[0].state), (2, ContainerState::Running));
    assert_eq!(world.starts(), 2, "nobody was started again");
    agent.shutdown().await;
}

/// The provider cuts his machine otherwise; the agent hears of it by the next lease at the latest, and not
/// when that has run with an old share already.
#[tokio::test]
async fn rule_31_a_new_lease_is_cut_by_the_offer_that_it_was_made_under() {
    let world = World::new();
    let agent = world.agent().await;
    world.chain.put(lease(&world, 1, 1));
    runs(&agent, 1).await;
    assert_eq!(part(&world, &agent, 1).await, (4_000, 8_192, 10));
    world.chain.close(1, dbc_agent::chain::CloseReason::EndedByRenter, 10_000);
    until("its end", || async { world.fake.backend.list().await.unwrap().is_empty() }).await;
    world.chain.set_machine(machine(2));
    world.chain.put(lease(&world, 2, 1));
    runs(&agent, 2).await;
    assert_eq!(part(&world, &agent, 2).await, (2_000, 4_096, 5));
    assert_eq!(world.starts(), 2, "it was right at once");
    agent.shutdown().await;
}

#[tokio::test]
async fn rule_31_a_spec_beyond_its_share_is_refused_with_what_there_is() {
    let world = World::new();
    world.chain.set_machine(machine(2));
    world.chain.put(lease(&world, 1, 1));
    let agent = world.agent().await;
    let mut large = spec();
    let WorkloadKind::Container(container) = &mut large.kind else { unreachable!() };
    container.resources.memory_mib = Some(4_097);
    let key = WorkloadKey::new(1, 0);
    let refused = || async { agent.fleet.put(key, large.clone()).await.unwrap_err() };
    until("the lease to be known", || async { refused().await.code != ErrorCode::LeaseNotFound })
        .await;
    let refused = refused().await;
    assert_eq!(refused.code, ErrorCode::InvalidSpec);
    assert!(refused.message.contains("4096"), "{refused}");
    agent.shutdown().await;
}

/// A machine with two cards and two CPU shares, on which a lease of both cards runs.
async fn with_cards(world: &World) -> Agent {
    world.plug(&["GPU-0", "GPU-1"], 2);
    world.chain.put(LeaseRecord { gpus: vec![0, 1], ..lease(world, 1, 0) });
    let agent = world.agent().await;
    let mut large = spec();
    let WorkloadKind::Container(container) = &mut large.kind else { unreachable!() };
    container.resources.memory_mib = Some(4_000);
    let key = WorkloadKey::new(1, 0);
    until("put", || async { agent.fleet.put(key, large.clone()).await.is_ok() }).await;
    until("running", || async { phase(&agent, key) == Some(Phase::Running) }).await;
    assert_eq!(world.fake.backend.plan_of(key).unwrap().gpus, ["GPU-0", "GPU-1"]);
    assert_eq!(part(world, &agent, 1).await, (2_000, 4_000, 5));
    agent
}

fn phase(agent: &Agent, key: WorkloadKey) -> Option<Phase> {
    agent.fleet.status(key).map(|status| status.borrow().phase)
}

#[tokio::test]
async fn rule_31_a_suspended_lease_gives_its_cards_up_and_runs_on_in_the_share_it_has_left() {
    let world = World::new();
    let agent = with_cards(&world).await;
    let key = WorkloadKey::new(1, 0);
    world.chain.change(1, |lease| (lease.gpus, lease.cpu_shares) = (vec![], 1));
    let cards = || world.fake.backend.plan_of(key).unwrap().gpus.len();
    until("made anew", || async { world.starts() == 2 && cards() == 0 }).await;
    until("running", || async { phase(&agent, key) == Some(Phase::Running) }).await;
    assert_eq!(part(&world, &agent, 1).await, (1_000, 2_048, 2));
    // It comes back to cards, with what they bring and no more than was asked for.
    world.chain.change(1, |lease| (lease.gpus, lease.cpu_shares) = (vec![0, 1], 0));
    until("made anew", || async { world.starts() == 3 && cards() == 2 }).await;
    until("running", || async { phase(&agent, key) == Some(Phase::Running) }).await;
    assert_eq!(part(&world, &agent, 1).await, (2_000, 4_000, 5));
    agent.shutdown().await;
}

#[tokio::test]
async fn rule_31_nothing_keeps_cards_that_its_lease_no_longer_has() {
    let world = World::new();
    let agent = with_cards(&world).await;
    // Its lease names a card that nobody knows: nothing can be made for it.
    world.chain.change(1, |lease| lease.gpus = vec![9]);
    until("stopped", || async {
        let found = world.fake.backend.list().await.unwrap();
        found.iter().all(|container| container.state != ContainerState::Running)
    })
    .await;
    let key = WorkloadKey::new(1, 0);
    until("told", || async { phase(&agent, key) == Some(Phase::Failed) }).await;
    assert_eq!(world.starts(), 1);
    // It goes on as soon as it can.
    world.chain.change(1, |lease| lease.gpus = vec![0, 1]);
    until("running", || async { phase(&agent, key) == Some(Phase::Running) }).await;
    agent.shutdown().await;
}

#[tokio::test]
async fn rule_31_nobody_starts_on_cards_that_another_lease_still_runs_on() {
    let world = World::new();
    let agent = with_cards(&world).await;
    world.fake.backend.faults().fail_always("stop", || BackendError::Engine {
        action: "stop a container",
        source: "it is slow".into(),
    });
    world.chain.close(1, dbc_agent::chain::CloseReason::EndedByRenter, 10_000);
    world.chain.put(LeaseRecord { gpus: vec![1], ..lease(&world, 2, 0) });
    let key = WorkloadKey::new(2, 0);
    until("put", || async { agent.fleet.put(key, spec()).await.is_ok() }).await;
    until("told", || async {
        let status = agent.fleet.status(key).map(|status| status.borrow().clone());
        status.is_some_and(|status| status.retry && status.phase == Phase::Failed)
    })
    .await;
    assert_eq!(world.starts(), 1);
    world.fake.backend.faults().clear();
    until("running", || async { phase(&agent, key) == Some(Phase::Running) }).await;
    assert_eq!(world.fake.backend.plan_of(key).unwrap().gpus, ["GPU-1"]);
    agent.shutdown().await;
}
