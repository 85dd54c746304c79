//! Cheats on modelled devices, told apart by memory and a simulated clock.

use dbc_bench::{
    Params, Reject,
    device::{CpuDevice, Deadlines, Model, Outcome, VirtualDevice, audit},
};

const LINKS: u32 = 32;
const EDGE: u32 = 16;

fn params() -> Params {
    Params::new([4; 32], EDGE, LINKS, 1).unwrap()
}

/// Just enough memory, and the chain in 30 seconds.
fn honest() -> Model {
    let speed = params().multiplications() as f64 / 30.0;
    Model { memory_bytes: params().memory_bytes(), speed, machines: 1, made_up: 0.0 }
}

/// A tenth more than an honest device needs, and five seconds.
const DEADLINES: Deadlines = Deadlines { commit_s: 33.0, open_s: 5.0 };

fn outcome(model: Model, auditor: u8) -> Outcome {
    let keys = (&[auditor; 32], &[2; 32], &[auditor; 32]);
    audit(&mut VirtualDevice::new(model), params(), keys, 16, DEADLINES)
}

#[test]
fn an_honest_device_passes_and_its_speed_is_known() {
    let Outcome::Passed { commit_s } = outcome(honest(), 1) else { panic!("refused") };
    assert!((commit_s - 30.0).abs() < 0.01, "{commit_s}");
}

#[test]
fn a_slower_model_is_late() {
    assert_eq!(outcome(Model { speed: honest().speed * 0.8, ..honest() }, 1), Outcome::LateRoot);
}

#[test]
fn rule_08_half_the_memory_cannot_compute_in_time() {
    // Openings alone would not tell: whoever keeps the hashes computes any one row again at once.
    let half = Model { memory_bytes: honest().memory_bytes / 2, ..honest() };
    assert_eq!(outcome(half, 1), Outcome::LateRoot);
    let most = Model { memory_bytes: honest().memory_bytes * 6 / 10, ..honest() };
    assert_eq!(outcome(most, 1), Outcome::LateRoot);
}

#[test]
fn rule_36_one_device_for_two_machines_is_late() {
    assert_eq!(outcome(Model { machines: 2, ..honest() }, 1), Outcome::LateRoot);
    // One that is fast enough for both has no memory for both.
    let fast = Model { machines: 2, speed: honest().speed * 2.0, ..honest() };
    assert_eq!(outcome(fast, 1), Outcome::LateRoot);
}

#[test]
fn a_fifth_made_up_to_be_in_time_is_found_by_three_auditors() {
    let lazy = Model { speed: honest().speed * 0.8, made_up: 0.2, ..honest() };
    let found = (1..=3)
        .filter(|auditor| matches!(outcome(lazy, *auditor), Outcome::Rejected(Reject::Product(_))));
    assert!(found.count() >= 2);
}

#[test]
fn this_machine_passes_without_hurry() {
    let relaxed = Deadlines { commit_s: f64::MAX, open_s: f64::MAX };
    let keys = (&[1; 32], &[2; 32], &[3; 32]);
    let outcome = audit(&mut CpuDevice::default(), params(), keys, 16, relaxed);
    assert!(matches!(outcome, Outcome::Passed { .. }), "{outcome:?}");
}
