//! Tests of the planner against a model of a host: steps act on it, fail half-way, and wishes
//! change between them.

use proptest::prelude::*;

use super::*;
use crate::chain::CloseReason;

/// A host and a lease, reduced to what the planner sees.
#[derive(Debug, Clone)]
struct World {
    desired: Desired,
    observed: Observed,
    forgotten: bool,
}

impl World {
    fn plan(&self) -> Plan {
        plan(&self.desired, &self.observed)
    }

    fn runs(&self) -> bool {
        running(&self.observed).is_some()
    }

    /// Does one step and checks that it was allowed here.
    fn apply(&mut self, step: Step) {
        assert!(!self.forgotten, "nothing is done for a forgotten workload");
        match step {
            Step::FetchImage => self.observed.image = true,
            Step::DiscardRoot => {
                assert!(!self.observed.ever_started, "a root that ran is never discarded");
                assert_eq!(self.observed.container, Container::Absent);
                self.observed.root = Root::Absent;
            }
            Step::EnsureNetwork => self.observed.network = Part::Ready,
            Step::EnsureRoot => {
                assert!(self.observed.image || self.observed.root != Root::Absent);
                assert_ne!(self.observed.root, Root::Lost, "a lost root is not replaced");
                self.observed.root = Root::Ready;
            }
            Step::RemoveContainer => {
                assert!(!self.runs(), "stopped before it is removed");
                self.observed.container = Container::Absent;
            }
            Step::CreateContainer => {
                assert_eq!(self.observed.container, Container::Absent);
                assert_eq!(self.observed.network, Part::Ready);
                assert_eq!(self.observed.root, Root::Ready);
                let state = RunState::Created;
                self.observed.container = Container::There { fit: Fit::Same, state };
            }
            Step::ClearRestart => {
                assert!(!self.runs(), "a restart is done when it has stopped");
                self.desired.restart = false;
            }
            Step::Start => self.start(),
            Step::Probe => self.set_state(RunState::Running { healthy: true }),
            Step::ReportStarted => self.report(),
            Step::Stop => self.stop(),
            Step::RecordExit => {
                let exit = Exit::Done { recorded: true, healthy: true };
                self.set_state(RunState::Exited(exit));
            }
            Step::RemoveNetwork => {
                assert_eq!(self.observed.container, Container::Absent);
                self.observed.network = Part::Absent;
            }
            Step::DestroyRoot => {
                self.assert_expendable();
                assert_eq!(self.observed.container, Container::Absent);
                self.observed.root = Root::Absent;
            }
            Step::Forget => {
                self.assert_expendable();
                assert!(matches!(self.observed.root, Root::Absent | Root::Lost));
                assert_eq!(self.observed.container, Container::Absent);
                self.forgotten = true;
            }
        }
    }

    fn start(&mut self) {
        assert!(
            matches!(self.desired.entitlement, Entitlement::Active { .. }),
            "final leases only"
        );
        assert_eq!(self.desired.want, Want::Run);
        assert!(!self.runs());
        self.observed.ever_started = true;
        self.set_state(RunState::Running { healthy: false });
    }

    fn report(&mut self) {
        let healthy = match self.observed.container {
            Container::There { state: RunState::Running { healthy }, .. } => healthy,
            Container::There { state: RunState::Exited(Exit::Done { healthy, .. }), .. } => healthy,
            _ => false,
        };
        assert!(healthy, "the meter starts only for a healthy workload");
        assert_eq!(self.desired.entitlement, Entitlement::Active { reported: false }, "once");
        self.desired.entitlement = Entitlement::Active { reported: true };
    }

    fn stop(&mut self) {
        let Container::There { state: RunState::Running { .. }, fit } = self.observed.container
        else {
            panic!("nothing runs");
        };
        let ended = matches!(
            self.desired.entitlement,
            Entitlement::Overdue | Entitlement::Moved | Entitlement::Closed { .. }
        );
        let asked = self.desired.want == Want::Stop || self.desired.restart;
        assert!(ended || asked || fit == Fit::Outdated, "a healthy workload is never stopped");
        self.set_state(RunState::Exited(Exit::Stopped));
    }

    fn set_state(&mut self, new: RunState) {
        let Container::There { state, .. } = &mut self.observed.container else {
            panic!("no container for {new:?}");
        };
        *state = new;
    }

    fn assert_expendable(&self) {
        let Entitlement::Closed { expendable: true, .. } = self.desired.entitlement else {
            panic!("data is destroyed after a final close and retain_until alone");
        };
    }

    /// Plans and acts until nothing is left to do.
    fn settle(&mut self) {
        for _ in 0..4 {
            let plan = self.plan();
            if plan.steps.is_empty() || self.forgotten {
                return;
            }
            for step in plan.steps {
                self.apply(step);
            }
        }
        panic!("does not converge: {:?} {:?}", self, self.plan());
    }
}

fn entitlements() -> impl Strategy<Value = Entitlement> {
    let closed = any::<bool>()
        .prop_map(|expendable| Entitlement::Closed { reason: CloseReason::Expired, expendable });
    prop_oneof![
        Just(Entitlement::Unknown),
        Just(Entitlement::Prospective),
        any::<bool>().prop_map(|reported| Entitlement::Active { reported }),
        any::<bool>().prop_map(|reported| Entitlement::Active { reported }),
        Just(Entitlement::Overdue),
        Just(Entitlement::Moved),
        closed,
    ]
}

fn desires() -> impl Strategy<Value = Desired> {
    (entitlements(), any::<bool>(), any::<bool>()).prop_map(|(entitlement, run, restart)| Desired {
        entitlement,
        want: if run { Want::Run } else { Want::Stop },
        restart,
    })
}

fn containers() -> impl Strategy<Value = Container> {
    let fit = prop_oneof![Just(Fit::Same), Just(Fit::Stale), Just(Fit::Outdated)];
    let exit = prop_oneof![
        Just(Exit::Undecided),
        (any::<bool>(), any::<bool>())
            .prop_map(|(recorded, healthy)| Exit::Done { recorded, healthy }),
        Just(Exit::Crashed),
        Just(Exit::Stopped),
    ];
    let state = prop_oneof![
        Just(RunState::Created),
        any::<bool>().prop_map(|healthy| RunState::Running { healthy }),
        exit.prop_map(RunState::Exited),
        Just(RunState::Dead),
    ];
    prop_oneof![
        Just(Container::Absent),
        (fit, state).prop_map(|(fit, state)| Container::There { fit, state }),
    ]
}

fn observations() -> impl Strategy<Value = Observed> {
    let part = prop_oneof![Just(Part::Absent), Just(Part::Unsettled), Just(Part::Ready)];
    let root = prop_oneof![
        Just(Root::Absent),
        Just(Root::Unsettled),
        Just(Root::Ready),
        Just(Root::OtherImage),
        Just(Root::Lost),
    ];
    (any::<bool>(), root, any::<bool>(), part, containers()).prop_map(
        |(image, root, started, network, container)| {
            let ran = match container {
                Container::There { state, .. } => state != RunState::Created,
                Container::Absent => false,
            };
            // What `observe` guarantees: a start is stored before it is made, and a root that once
            // ran is never merely absent.
            let ever_started = started || ran || root == Root::Lost;
            let root = if ever_started && root == Root::Absent { Root::Lost } else { root };
            Observed { image, root, ever_started, network, container }
        },
    )
}

fn worlds() -> impl Strategy<Value = World> {
    (desires(), observations()).prop_map(|(desired, observed)| World {
        desired,
        observed,
        forgotten: false,
    })
}

/// What befalls a world between two plans.
#[derive(Debug, Clone)]
enum Event {
    /// The first so many steps are done, then the agent dies.
    Steps(usize),
    /// Somebody wants something else.
    Desire(Desired),
    /// The workload or the engine changes by itself.
    Observe(Observed),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        4 => (0usize..9).prop_map(Event::Steps),
        1 => desires().prop_map(Event::Desire),
        1 => observations().prop_map(Event::Observe),
    ];
    prop::collection::vec(event, 0..24)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn every_state_converges_and_every_step_is_allowed(mut world in worlds()) {
        world.settle();
        if world.forgotten {
            return Ok(());
        }
        let running = running(&world.observed);
        match world.desired.entitlement {
            Entitlement::Active { .. } if world.desired.want == Want::Run => {
                let ended = matches!(
                    world.observed.container,
                    Container::There { state: RunState::Exited(Exit::Done { .. } | Exit::Undecided), .. }
                );
                let lost = world.observed.root == Root::Lost;
                prop_assert!(running == Some(true) || ended || lost, "{world:?}");
            }
            Entitlement::Active { .. }
            | Entitlement::Overdue
            | Entitlement::Moved
            | Entitlement::Closed { .. } => prop_assert_eq!(running, None),
            Entitlement::Unknown | Entitlement::Prospective => {}
        }
    }

    #[test]
    fn it_converges_after_any_crashes_and_changes(mut world in worlds(), events in events()) {
        for event in events {
            match event {
                Event::Steps(count) => {
                    for step in world.plan().steps.into_iter().take(count) {
                        world.apply(step);
                    }
                }
                Event::Desire(desired) => world.desired = desired,
                Event::Observe(observed) => {
                    // Nobody but us unmakes the fact that it ever ran.
                    let ever_started = world.observed.ever_started || observed.ever_started;
                    world.observed = Observed { ever_started, ..observed };
                }
            }
            if world.forgotten {
                return Ok(());
            }
        }
        world.settle();
    }

    #[test]
    fn a_healthy_workload_is_left_alone(observed in observations(), reported in any::<bool>()) {
        let state = RunState::Running { healthy: true };
        for fit in [Fit::Same, Fit::Stale] {
            // It runs, so it has a root (or one that went missing under it).
            let root = if observed.root == Root::Absent { Root::Ready } else { observed.root };
            let observed = Observed {
                root,
                ever_started: true,
                container: Container::There { fit, state },
                ..observed
            };
            let entitlement = Entitlement::Active { reported };
            let desired = Desired { entitlement, want: Want::Run, restart: false };
            let plan = plan(&desired, &observed);
            if observed.root != Root::Lost {
                prop_assert_eq!(plan.phase, Phase::Running);
            }
            for step in plan.steps {
                prop_assert!(matches!(
                    step,
                    Step::EnsureNetwork | Step::EnsureRoot | Step::ReportStarted
                ), "{step:?}");
            }
        }
    }
}

const FRESH: Observed = Observed {
    image: false,
    root: Root::Absent,
    ever_started: false,
    network: Part::Absent,
    container: Container::Absent,
};

fn active() -> Desired {
    let entitlement = Entitlement::Active { reported: false };
    Desired { entitlement, want: Want::Run, restart: false }
}

#[test]
fn the_first_start_takes_this_way() {
    let plan = plan(&active(), &FRESH);
    let way = [
        Step::FetchImage,
        Step::EnsureNetwork,
        Step::EnsureRoot,
        Step::CreateContainer,
        Step::Start,
        Step::Probe,
        Step::ReportStarted,
    ];
    assert_eq!(plan.steps, way);
    assert_eq!(plan.phase, Phase::Pulling);
}

#[test]
fn on_the_best_block_everything_but_the_start_is_done() {
    let desired = Desired { entitlement: Entitlement::Prospective, ..active() };
    let steps = plan(&desired, &FRESH).steps;
    assert_eq!(steps.last(), Some(&Step::CreateContainer));
    assert!(!steps.contains(&Step::Start));
}

#[test]
fn rule_25_a_close_keeps_the_root_until_it_is_expendable() {
    let state = RunState::Running { healthy: true };
    let observed = Observed {
        root: Root::Ready,
        ever_started: true,
        network: Part::Ready,
        container: Container::There { fit: Fit::Same, state },
        ..FRESH
    };
    let closed = |expendable| Desired {
        entitlement: Entitlement::Closed { reason: CloseReason::EndedByRenter, expendable },
        ..active()
    };
    let keep = [Step::Stop, Step::RemoveContainer, Step::RemoveNetwork];
    assert_eq!(plan(&closed(false), &observed).steps, keep);
    assert_eq!(plan(&closed(true), &observed).steps[3..], [Step::DestroyRoot, Step::Forget]);
}

#[test]
fn a_lost_root_is_not_replaced_by_an_empty_one() {
    let observed = Observed { root: Root::Lost, ever_started: true, image: true, ..FRESH };
    let plan = plan(&active(), &observed);
    assert_eq!((plan.steps.len(), plan.phase), (0, Phase::Failed));
}

#[test]
fn another_image_replaces_a_root_that_never_ran() {
    let state = RunState::Created;
    let container = Container::There { fit: Fit::Outdated, state };
    let observed = Observed { root: Root::OtherImage, container, ..FRESH };
    let steps = plan(&active(), &observed).steps;
    assert_eq!(
        steps[..3],
        [Step::RemoveContainer, Step::DiscardRoot, Step::FetchImage],
        "{steps:?}"
    );
}

#[test]
fn rule_15_what_another_machine_took_over_is_stopped_and_kept() {
    let state = RunState::Running { healthy: true };
    let observed = Observed {
        root: Root::Ready,
        ever_started: true,
        network: Part::Ready,
        container: Container::There { fit: Fit::Same, state },
        ..FRESH
    };
    let plan = plan(&Desired { entitlement: Entitlement::Moved, ..active() }, &observed);
    assert_eq!(plan.steps, [Step::Stop, Step::RemoveContainer, Step::RemoveNetwork]);
    assert_eq!(plan.phase, Phase::Closed);
}

#[test]
fn rule_31_what_cannot_be_made_anew_runs_on_but_not_on_cards_that_are_gone() {
    let state = RunState::Running { healthy: true };
    let desired = Desired { entitlement: Entitlement::Unknown, ..active() };
    let steps = |fit| {
        let container = Container::There { fit, state };
        let observed = Observed { root: Root::Ready, ever_started: true, container, ..FRESH };
        plan(&desired, &observed).steps
    };
    assert_eq!(steps(Fit::Stale), []);
    assert_eq!(steps(Fit::Outdated), [Step::Stop]);
}
