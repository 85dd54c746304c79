//! Visits with chain and market made up: every crash, every refusal, every machine that does not do what it should.

mod fake;

use std::{path::Path, sync::Arc};

use dbc_chain_client::{AccountId, VisitDraw, VisitRecord};
use dbc_primitives::audit::{Candidate, candidate, visit_commitment};
use futures::FutureExt as _;
use tokio::sync::mpsc;

use super::{
    accounts::{FreshState, add},
    record::{Draw, End, Visit},
    step::{Now, Seen, Step, next},
    tour::Tour,
};
use crate::{Notes, duty::Said};
use fake::{AUDIT, Fake, Kind, ME, SEED, WINDOW};

/// Turns that any visit comes to its end in.
const TURNS: u32 = 3 * WINDOW as u32;
/// Turns that a visit of an honest machine takes, with some room.
const FEW: u32 = 40;

/// An auditor's folder with accounts that are funded.
fn funded(world: &Fake, folder: &Path, count: u32) -> Vec<AccountId> {
    let notes = Notes::open(folder).unwrap();
    let made = add(&notes, count).unwrap();
    for account in &made {
        world.fund(*account, fake::COST);
    }
    made
}

/// Turns of a daemon that was just started, until the world crashes it; what it said.
fn turns(world: &Fake, folder: &Path, count: u32) -> (bool, Vec<Said>) {
    let notes = Arc::new(Notes::open(folder).unwrap());
    let (sender, mut told) = mpsc::channel(64);
    let mut tour = Tour::new(world.clone(), notes, sender);
    let mut crashed = false;
    for _ in 0..count {
        match tour.turn().now_or_never() {
            Some(done) => drop(done.unwrap()),
            None => {
                crashed = true;
                break;
            }
        }
        world.pass();
    }
    let mut said = Vec::new();
    while let Ok(one) = told.try_recv() {
        said.push(one);
    }
    (crashed, said)
}

fn states(folder: &Path) -> Vec<FreshState> {
    let notes = Notes::open(folder).unwrap();
    notes.accounts().unwrap().into_iter().map(|fresh| fresh.state).collect()
}

#[test]
fn a_visit_goes_from_the_plan_to_the_empty_account() {
    let folder = tempfile::tempdir().unwrap();
    let world = Fake::new(&[Kind::Honest; 3]);
    let accounts = funded(&world, folder.path(), 1);
    let (crashed, said) = turns(&world, folder.path(), TURNS);
    assert!(!crashed);
    assert_eq!(said.len(), 1, "{said:?}");
    assert_eq!((said[0].audit, said[0].verdict, said[0].visit), (AUDIT, "pass", true));
    let state = world.state();
    assert_eq!((state.plans, state.reveals.len(), state.leases.len()), (1, 1, 1));
    assert!(state.leases.values().all(|lease| !lease.open));
    let told = &state.reveals[0];
    assert_eq!(told.account, accounts[0]);
    let drawn = candidate(&SEED, &told.secret, told.attempt, 3, 0);
    let Some(Candidate::Index(index)) = drawn else { panic!("{drawn:?}") };
    assert_eq!(state.leases[&told.lease].machine, state.machines[index as usize].id);
    assert_eq!(state.funds[&accounts[0]], 0, "what is left is the auditor's");
    drop(state);
    assert_eq!(states(folder.path()), [FreshState::Used]);
    // Whoever doubts is shown what the root was made of.
    let notes = Notes::open(folder.path()).unwrap();
    let found = notes.judged(AUDIT).unwrap().unwrap();
    let told = world.state().reveals[0];
    assert_eq!((dbc_bench::hash_of(&found.transcript), found.verdict), (told.root, told.verdict));
    assert_eq!(notes.last(10).unwrap(), [AUDIT]);
    assert!(world.state().forgotten);
}

/// Machines of which the first that is ordered is taken, and a chain that lets an auditor make one visit.
fn once(folder: &Path) -> Fake {
    let world = Fake::new(&[Kind::Honest; 4]);
    world.state().refuses = 1;
    world.state().from_after = u64::MAX;
    funded(&world, folder, 2);
    world
}

#[test]
fn a_crash_anywhere_leads_to_the_same_end() {
    let whole = {
        let folder = tempfile::tempdir().unwrap();
        let world = once(folder.path());
        turns(&world, folder.path(), FEW);
        world.state().calls
    };
    assert!(whole > 20, "{whole} calls");
    for (call, after) in (1..=whole).flat_map(|call| [(call, false), (call, true)]) {
        let at = format!("call {call}, after it: {after}");
        let folder = tempfile::tempdir().unwrap();
        let world = once(folder.path());
        world.state().crash = Some((call, after));
        let (crashed, mut said) = turns(&world, folder.path(), FEW);
        if crashed {
            world.state().crash = None;
            let (again, more) = turns(&world, folder.path(), FEW);
            assert!(!again, "{at}");
            said.extend(more);
        }
        let state = world.state();
        assert_eq!((state.plans, state.reveals.len()), (1, 1), "{at}");
        assert_eq!((state.gave_up, state.missed), (0, 0), "{at}");
        assert_eq!(state.leases.len(), 1, "{at}: nobody is rented twice");
        assert!(state.leases.values().all(|lease| !lease.open), "{at}");
        drop(state);
        assert_eq!(states(folder.path()), [FreshState::Used, FreshState::Unused], "{at}");
        assert!(said.len() <= 1, "{at}: {said:?}");
    }
}

#[test]
fn a_plan_of_which_nobody_knows_is_not_made_twice() {
    let folder = tempfile::tempdir().unwrap();
    let world = Fake::new(&[Kind::Honest]);
    funded(&world, folder.path(), 1);
    world.state().plan_comes_late = true;
    let (_, said) = turns(&world, folder.path(), TURNS);
    let state = world.state();
    assert_eq!((state.plan_calls, state.plans, said.len()), (1, 1, 1));
}

#[test]
fn no_account_is_used_twice_and_none_without_money() {
    let folder = tempfile::tempdir().unwrap();
    let world = Fake::new(&[Kind::Honest]);
    let accounts = funded(&world, folder.path(), 3);
    world.fund(accounts[1], fake::COST - 1);
    let (_, said) = turns(&world, folder.path(), 3 * TURNS);
    assert_eq!(said.len(), 2, "{said:?}");
    let renters: Vec<_> = world.state().reveals.iter().map(|told| told.account).collect();
    assert_eq!(renters, [accounts[0], accounts[2]]);
    let left = [FreshState::Used, FreshState::Unused, FreshState::Used];
    assert_eq!(states(folder.path()), left);
    // Money that comes later does not make a used one fresh.
    world.fund(accounts[0], 10 * fake::COST);
    let (_, said) = turns(&world, folder.path(), TURNS);
    assert!(said.is_empty() && world.state().plans == 2);
}

#[test]
fn what_does_not_run_is_unreachable_and_what_answers_wrongly_fails() {
    for (kind, verdict, words) in [
        (Kind::NeverRuns, "unreachable", "while there was time: pulling"),
        (Kind::Closes, "unreachable", "it took the order and did not run it: not_started"),
        (Kind::Away, "unreachable", "while there was time: it hung up"),
        (Kind::Lies, "fail", "a row does not hold"),
        (Kind::BreaksOff, "fail", "it broke off again when it had heard which rows"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let world = Fake::new(&[kind]);
        funded(&world, folder.path(), 1);
        let (_, said) = turns(&world, folder.path(), TURNS);
        assert_eq!(said.len(), 1, "{kind:?}");
        assert_eq!(said[0].verdict, verdict, "{kind:?}");
        assert!(said[0].why.contains(words), "{kind:?}: {}", said[0].why);
        let state = world.state();
        assert_eq!(state.missed, 0, "{kind:?}: it is told in time");
        assert!(state.leases.values().all(|lease| !lease.open), "{kind:?}");
    }
}

#[test]
fn a_visit_that_nobody_can_be_visited_by_is_given_up_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let world = Fake::new(&[Kind::Shut, Kind::Shut]);
    let accounts = funded(&world, folder.path(), 1);
    let (_, said) = turns(&world, folder.path(), TURNS);
    let state = world.state();
    assert_eq!((state.gave_up, state.missed, state.reveals.len()), (1, 0, 0));
    assert_eq!(state.funds[&accounts[0]], 0);
    drop(state);
    assert!(said.is_empty());
    assert_eq!(states(folder.path()), [FreshState::Used]);

    // One that can be visited, as the chain says, and refuses: he tries until there is no time.
    let folder = tempfile::tempdir().unwrap();
    let world = Fake::new(&[Kind::Taken]);
    funded(&world, folder.path(), 1);
    turns(&world, folder.path(), TURNS);
    let state = world.state();
    assert_eq!((state.gave_up, state.missed, state.leases.len()), (0, 1, 0));
    drop(state);
    assert_eq!(states(folder.path()), [FreshState::Used], "also the account of a missed one");
}

#[test]
fn an_order_is_not_begun_when_it_is_late() {
    let secret = [1; 32];
    let mut visit = Visit::new(AccountId([1; 32]), secret);
    let commit = visit_commitment(&ME, &secret, &visit.account);
    let drawn = VisitDraw { at: 100, seed: SEED, count: 1, suspects: Vec::new() };
    let open = |draw: Option<VisitDraw>| {
        let record = VisitRecord { audit: AUDIT, commit, draw, until: 190 };
        Seen { best: Some(record.clone()), last: Some(record) }
    };
    let now = |slot| Now { slot, slot_ms: 3_000 };
    let step = |visit: &Visit, seen: &Seen, slot| next(visit, &commit, seen, now(slot));

    assert_eq!(step(&visit, &Seen::default(), 90), Step::Plan);
    assert_eq!(step(&visit, &open(None), 95), Step::Wait);
    let unsure = Seen { last: None, ..open(Some(drawn.clone())) };
    assert_eq!(step(&visit, &unsure, 100), Step::Wait, "a draw that may be replaced is none");
    let mut other = open(None);
    other.last.as_mut().unwrap().commit = [9; 32];
    other.best = other.last.clone();
    assert_eq!(step(&visit, &other, 100), Step::Foreign);
    let seen = open(Some(drawn.clone()));
    assert_eq!(step(&visit, &seen, 101), Step::Draw);

    let record = seen.last.clone().unwrap();
    visit.draw = Some(Draw::new(&record, &drawn, 105));
    assert_eq!(step(&visit, &seen, 104), Step::Rest, "not yet");
    assert_eq!(step(&visit, &seen, 105), Step::Choose);
    // A third of the window is kept for telling, another for a machine's start.
    assert_eq!(step(&visit, &seen, 130), Step::Choose);
    assert_eq!(step(&visit, &seen, 131), Step::Rest, "too late to begin");
    assert_eq!(step(&visit, &Seen::default(), 131), Step::Close);
    visit.end = Some(End::Missed);
    assert_eq!(step(&visit, &Seen::default(), 131), Step::Sweep);
}

#[test]
fn the_moment_of_renting_says_nothing_of_the_draw_where_the_window_is_long() {
    let now = Now { slot: 1_000, slot_ms: 3_000 };
    // Six hours: anything within the first three.
    let (at, until) = (1_000, 1_000 + 7_200);
    let moments: Vec<_> =
        [0, 1, 1_800, 3_600, 3_601].map(|luck| now.moment(at, until, luck)).into();
    assert_eq!(moments, [1_000, 1_001, 2_800, 4_600, 1_000]);
    // An hour leaves ten minutes of choice beside what all takes twice, a few minutes leave none.
    assert_eq!(now.moment(at, at + 1_200, 200), 1_200);
    assert_eq!(now.moment(at, at + 1_200, 201), 1_000);
    assert_eq!(now.moment(at, at + 100, u64::MAX), 1_000);
    // A daemon that was away begins at once.
    assert_eq!(Now { slot: 5_000, slot_ms: 3_000 }.moment(at, until, 7), 5_000);
}
