//! Tests of what the planner is shown: above all, why a container ended.

use dbc_agent_api::WorkloadSpec;
use dbc_host::ContainerId;

use super::*;
use crate::{plan::Want, record::Made};

const KEY: WorkloadKey = WorkloadKey { lease: 1, workload: 0 };

fn record() -> WorkloadRecord {
    let spec = WorkloadSpec::container("debian");
    WorkloadRecord { ever_started: true, ..WorkloadRecord::new(KEY, spec) }
}

fn container(state: ContainerState) -> ObservedContainer {
    let id = ContainerId("c1".into());
    ObservedContainer { id, key: KEY, state, started_at: Some(7), plan: "plan".into() }
}

fn exited(code: i64) -> ObservedContainer {
    container(ContainerState::Exited { code, oom: false })
}

fn start() -> StartId {
    StartId::of(&exited(0)).unwrap()
}

fn memory(engine: u64, ended: Option<Instant>) -> Memory {
    let witness = Some(Witness { start: start(), engine, ended });
    Memory { witness, ..Memory::default() }
}

fn why(record: &WorkloadRecord, code: i64, memory: &Memory, moment: &Moment) -> Exit {
    match state(record, &exited(code), memory, moment) {
        RunState::Exited(exit) => exit,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_end_is_the_workloads_own_only_when_the_engine_outlives_it() {
    let ended = Instant::now();
    let at = |after| Moment { now: ended + after, engine: 3 };
    let soon = at(Duration::from_secs(1));
    let later = at(EXIT_SETTLE);
    let seen = memory(3, Some(ended));
    assert_eq!(why(&record(), 0, &seen, &soon), Exit::Undecided);
    let done = Exit::Done { recorded: false, healthy: true };
    assert_eq!(why(&record(), 0, &seen, &later), done);
    assert_eq!(why(&record(), 1, &seen, &soon), Exit::Crashed);
    // The engine went down around it, or nobody looked: the host's doing.
    assert_eq!(why(&record(), 0, &memory(2, Some(ended)), &later), Exit::Stopped);
    assert_eq!(why(&record(), 0, &Memory::default(), &later), Exit::Stopped);
}

#[test]
fn what_we_stopped_is_stopped_and_what_is_done_stays_done() {
    let moment = Moment { now: Instant::now(), engine: 3 };
    let stopped = WorkloadRecord { stopped: Some(start()), ..record() };
    assert_eq!(why(&stopped, 0, &memory(3, None), &moment), Exit::Stopped);
    assert_eq!(why(&stopped, 143, &memory(3, None), &moment), Exit::Stopped);
    let done = WorkloadRecord { done: Some(start()), ..record() };
    let known = Exit::Done { recorded: true, healthy: true };
    assert_eq!(why(&done, 0, &Memory::default(), &moment), known, "also after a restart");
}

#[test]
fn health_belongs_to_one_start() {
    let running = container(ContainerState::Running);
    let moment = Moment { now: Instant::now(), engine: 0 };
    let memory = Memory::default();
    let state = |record: &WorkloadRecord, container: &ObservedContainer| {
        super::state(record, container, &memory, &moment)
    };
    assert_eq!(state(&record(), &running), RunState::Running { healthy: false });
    let healthy = WorkloadRecord { healthy: Some(start()), ..record() };
    assert_eq!(state(&healthy, &running), RunState::Running { healthy: true });
    let again = ObservedContainer { started_at: Some(8), ..running.clone() };
    assert_eq!(state(&healthy, &again), RunState::Running { healthy: false });
    let lost = Some(LostCard { uuid: "GPU-0".into(), why: dbc_host::gpus::Loss::Gone });
    let memory = Memory { lost, ..Memory::default() };
    let found = super::state(&healthy, &running, &memory, &moment);
    assert_eq!(found, RunState::Running { healthy: false }, "nothing is healthy on a lost card");
}

#[test]
fn a_container_of_the_same_basis_is_stale_not_outdated() {
    let shape = Shape {
        limits: dbc_host::backend::Limits { cpu_millis: 1, memory_bytes: 1, pids: 1 },
        quota_bytes: 1,
        gpus: Vec::new(),
        basis: "basis".into(),
    };
    let running = container(ContainerState::Running);
    let made = |basis: &str| WorkloadRecord {
        made: Some(Made { plan: "plan".into(), basis: basis.into(), gpus: Vec::new() }),
        ..record()
    };
    let fit = |record: &WorkloadRecord, memory: &Memory, container: &ObservedContainer| {
        super::fit(record, container, memory, Some(&shape), None, None)
    };
    let memory = Memory::default();
    assert_eq!(fit(&made("basis"), &memory, &running), Fit::Stale);
    assert_eq!(fit(&made("other"), &memory, &running), Fit::Outdated);
    assert_eq!(fit(&record(), &memory, &running), Fit::Outdated, "made by nobody we know");
    let failed = Memory { start_failed: true, ..Memory::default() };
    assert_eq!(fit(&made("basis"), &failed, &exited(1)), Fit::Outdated);
    assert_eq!(fit(&made("basis"), &failed, &running), Fit::Stale);
}

#[test]
fn rule_31_without_a_share_only_a_container_with_foreign_cards_is_outdated() {
    let gpus = vec!["GPU-0".to_owned(), "GPU-1".to_owned()];
    let made = Made { plan: "plan".into(), basis: "basis".into(), gpus: gpus.clone() };
    let record = WorkloadRecord { made: Some(made), ..record() };
    let running = container(ContainerState::Running);
    let fit = |cards: Option<&[String]>| {
        super::fit(&record, &running, &Memory::default(), None, None, cards)
    };
    assert_eq!(fit(None), Fit::Stale, "nothing is known of its cards");
    assert_eq!(fit(Some(&gpus)), Fit::Stale);
    assert_eq!(fit(Some(&gpus[..1])), Fit::Outdated);
    assert_eq!(fit(Some(&[])), Fit::Outdated);
}

#[test]
fn a_root_that_ran_and_is_gone_is_lost() {
    let memory = Memory::default();
    let view = HostView::default();
    assert_eq!(root(&record(), &view, &memory, None), Root::Lost);
    let fresh = WorkloadRecord { ever_started: false, want: Want::Run, ..record() };
    assert_eq!(root(&fresh, &view, &memory, None), Root::Absent);
}

#[test]
fn a_root_is_called_foreign_only_before_it_ran_and_with_proof() {
    let view = HostView { root: true, ..HostView::default() };
    let memory = Memory::default();
    let hex = "0".repeat(64);
    let root_image = Some(format!("sha256:{hex}").parse().unwrap());
    let fresh = WorkloadRecord { ever_started: false, root_image, ..record() };
    assert_eq!(root(&fresh, &view, &memory, None), Root::OtherImage);
    let ran = WorkloadRecord { ever_started: true, ..fresh.clone() };
    assert_eq!(root(&ran, &view, &memory, None), Root::Unsettled);
    let unknown = WorkloadRecord { root_image: None, ..fresh };
    assert_eq!(root(&unknown, &view, &memory, None), Root::Unsettled);
}
