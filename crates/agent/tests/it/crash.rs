//! The agent dies at every step in turn. A fresh one on the same database and the same host must
//! bring everything to its end: nothing lost, nothing doubled, nothing orphaned.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use dbc_agent::{
    agent::Agent,
    chain::{CloseReason, fake::FakeChain},
    execute::{Checkpoint, NoCheckpoint},
};
use dbc_agent_api::control::Phase;
use dbc_host::backend::ContainerState;
use tokio::sync::Notify;

use crate::world::{BEGIN, KEY, LEASE, World, spec, status, until};

/// Lets the agent pass so many places, then stops it for good at the next.
struct KillAt {
    left: AtomicUsize,
    reached: Arc<Notify>,
}

#[async_trait]
impl Checkpoint for KillAt {
    async fn pass(&self, _place: &'static str) {
        let before = self
            .left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| Some(left.saturating_sub(1)));
        if before == Ok(0) {
            self.reached.notify_one();
            std::future::pending::<()>().await;
        }
    }
}

/// What a renter does, and what is true afterwards.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Stage {
    Prepare,
    Run,
    Close,
    Destroy,
}

const STAGES: [Stage; 4] = [Stage::Prepare, Stage::Run, Stage::Close, Stage::Destroy];
const RETAIN_UNTIL: u64 = BEGIN + 100;

fn act(stage: Stage, world: &World, chain: &FakeChain) {
    match stage {
        Stage::Prepare => chain.put_best(world.lease()),
        Stage::Run => chain.finalize(),
        Stage::Close => chain.close(LEASE, CloseReason::EndedByRenter, RETAIN_UNTIL),
        Stage::Destroy => chain.advance_to(RETAIN_UNTIL + 1),
    }
}

async fn reached(stage: Stage, world: &World, agent: &Agent) -> bool {
    let phase = status(agent).map(|status| status.phase);
    match stage {
        Stage::Prepare => {
            // A client tries again until its spec is taken.
            let _ = agent.fleet.put(KEY, spec()).await;
            world.container().await == Some(ContainerState::Created)
        }
        Stage::Run => phase == Some(Phase::Running) && world.chain.started_calls() == [LEASE],
        Stage::Close => {
            phase == Some(Phase::Closed)
                && world.container().await.is_none()
                && !world.has_network().await
        }
        Stage::Destroy => phase.is_none() && !world.has_root().await,
    }
}

/// One life with one death. Whether it died at all.
async fn live(deaths_at: usize) -> bool {
    let world = World::new();
    let died = Arc::new(Notify::new());
    let kill = KillAt { left: AtomicUsize::new(deaths_at), reached: died.clone() };
    let mut agent = world.agent_with(Arc::new(kill), None).await;
    let mut dead = false;
    for stage in STAGES {
        act(stage, &world, &world.chain);
        let what = format!("{stage:?}, death at {deaths_at}");
        let arrived = tokio::select! {
            () = until(&what, || reached(stage, &world, &agent)) => true,
            () = died.notified() => false,
        };
        if !arrived {
            dead = true;
            agent.kill().await;
            agent = world.agent_with(Arc::new(NoCheckpoint), None).await;
            until(&format!("{stage:?} after a death at {deaths_at}"), || {
                reached(stage, &world, &agent)
            })
            .await;
        }
        check(stage, &world, deaths_at).await;
    }
    agent.shutdown().await;
    dead
}

async fn check(stage: Stage, world: &World, deaths_at: usize) {
    let destroyed = world.fake.pool.faults().count("destroy_root");
    let told = format!("{stage:?}, death at {deaths_at}");
    match stage {
        Stage::Prepare => assert_eq!(world.starts(), 0, "{told}: not final"),
        Stage::Run | Stage::Close | Stage::Destroy => {
            assert_eq!(world.starts(), 1, "{told}: a healthy workload is not started again");
        }
    }
    if stage == Stage::Destroy {
        assert!(world.store().workloads().await.unwrap().is_empty(), "{told}");
    } else {
        assert!(world.has_root().await, "{told}");
        assert_eq!(destroyed, 0, "{told}: nothing is destroyed before its time");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_converges_after_a_death_at_every_step() {
    let mut deaths_at = 0;
    while live(deaths_at).await {
        deaths_at += 1;
        assert!(deaths_at < 500, "the life of a lease has an end");
    }
    assert!(deaths_at > 30, "every step has its places: {deaths_at}");
}
