//! Providers and operators.

use frame_support::{assert_noop, assert_ok};

use crate::{Error, ProviderOf, mock::*};

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
