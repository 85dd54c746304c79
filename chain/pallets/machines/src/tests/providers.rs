//! Providers and operators.

use frame_support::{assert_noop, assert_ok};

use crate::{Error, Event, Fleet, ProviderOf, mock::*};

#[test]
fn an_operator_runs_one_provider_and_is_replaced() {
    run(|| {
        let set = |who, operator| Machines::set_operator(RuntimeOrigin::signed(who), operator);
        assert_ok!(set(PROVIDER, OPERATOR));
        assert_noop!(set(OTHER, OPERATOR), Error::<Test>::OperatorTaken);
        assert_noop!(set(OTHER, PROVIDER), Error::<Test>::OperatorTaken);
        assert_ok!(set(PROVIDER, PROVIDER));
        assert_eq!(ProviderOf::<Test>::get(OPERATOR), None, "the one before has no say any more");
        assert_ok!(set(OTHER, OPERATOR));
    });
}

#[test]
fn a_stranger_registers_nothing() {
    run(|| {
        assert_noop!(
            register_as(OTHER, 1, facts(1), proof(1, genesis(), OTHER)),
            Error::<Test>::NotProvider
        );
    });
}

#[test]
fn naming_the_same_operator_again_changes_nothing() {
    run(|| {
        for _ in 0..2 {
            assert_ok!(Machines::set_operator(RuntimeOrigin::signed(PROVIDER), OPERATOR));
        }
        assert_eq!(ProviderOf::<Test>::get(OPERATOR), Some(PROVIDER));
        System::assert_last_event(
            Event::OperatorSet { provider: PROVIDER, operator: OPERATOR }.into(),
        );
    });
}

#[test]
fn an_operator_that_was_replaced_speaks_for_nothing() {
    run(|| {
        let machine = listed(1, 1);
        assert!(Machines::may_run(machine, &OPERATOR) && Machines::may_run(machine, &PROVIDER));
        assert!(!Machines::may_run(machine, &OTHER));
        assert_ok!(Machines::set_operator(RuntimeOrigin::signed(PROVIDER), OTHER));
        assert!(Machines::may_run(machine, &OTHER) && !Machines::may_run(machine, &OPERATOR));
        assert_noop!(
            Machines::unlist(RuntimeOrigin::signed(OPERATOR), machine),
            Error::<Test>::NotProvider
        );
        assert_ok!(Machines::unlist(RuntimeOrigin::signed(OTHER), machine));
    });
}

#[test]
fn an_operator_of_another_cannot_name_himself() {
    run(|| {
        let set = |who, operator| Machines::set_operator(RuntimeOrigin::signed(who), operator);
        assert_ok!(set(PROVIDER, OPERATOR));
        assert_noop!(set(OPERATOR, OPERATOR), Error::<Test>::OperatorTaken);
        assert_ok!(register(1, 1));
        assert_ok!(Machines::set_network(
            RuntimeOrigin::signed(OPERATOR),
            machine(1),
            Default::default()
        ));
    });
}

/// The predecessor's controllers were not asked, and whoever was taken was of no use to himself or to others.
#[test]
fn predecessor_flaw_08_who_is_named_unasked_frees_himself() {
    run(|| {
        let set = |who, operator| Machines::set_operator(RuntimeOrigin::signed(who), operator);
        let serve = |who, provider| Machines::serve(RuntimeOrigin::signed(who), provider);
        assert_ok!(set(OTHER, OPERATOR));
        assert_noop!(set(PROVIDER, OPERATOR), Error::<Test>::OperatorTaken);
        assert_ok!(serve(OPERATOR, PROVIDER));
        System::assert_last_event(Event::Serving { operator: OPERATOR, provider: PROVIDER }.into());
        assert_eq!(ProviderOf::<Test>::get(OPERATOR), None);
        assert_noop!(set(OTHER, OPERATOR), Error::<Test>::OperatorTaken);
        assert_ok!(set(PROVIDER, OPERATOR));
        // Whoever serves himself is a provider.
        assert_ok!(serve(OPERATOR, OPERATOR));
        assert_noop!(set(PROVIDER, OPERATOR), Error::<Test>::OperatorTaken);
        assert_ok!(set(OPERATOR, OPERATOR));
        assert_ok!(Machines::do_try_state());
    });
}
