//! Who audits, and what it costs to be away.

use frame_support::{assert_noop, assert_ok};

use crate::{Error, mock::*};

#[test]
fn only_whom_governance_seated_joins_and_his_bond_is_held() {
    run(1, || {
        let joins = |who| Audits::join(RuntimeOrigin::signed(who), [0; 32]);
        assert_noop!(joins(2), Error::<Test>::NotSeated);
        assert_noop!(joins(1), Error::<Test>::AuditorExists);
        assert_noop!(
            Audits::seat(RuntimeOrigin::signed(1), 2, true),
            sp_runtime::DispatchError::BadOrigin
        );
        assert_ok!(Audits::seat(RuntimeOrigin::root(), 2, true));
        assert_ok!(joins(2));
        assert_eq!(Balances::free_balance(2), 9 * BOND);
    });
}

#[test]
fn a_bond_returns_after_the_delay_and_no_open_duty() {
    run(3, || {
        let id = drawn(1);
        assert_ok!(Audits::leave(RuntimeOrigin::signed(1)));
        assert_noop!(Audits::leave(RuntimeOrigin::signed(1)), Error::<Test>::LeavingAlready);
        say(id, &[Some(pass()), Some(pass()), Some(pass())]);
        let withdraw = || Audits::withdraw(RuntimeOrigin::signed(1));
        assert_noop!(withdraw(), Error::<Test>::TooEarly);
        go_to(now() + 1_000);
        assert_ok!(withdraw());
        assert_eq!(Balances::free_balance(1), 10 * BOND);
        let id = drawn(2);
        assert!(!auditors_of(id).contains(&1));
    });
}

#[test]
fn rule_22_the_absent_are_struck_and_lose_their_bond_at_last() {
    run(3, || {
        for number in 1..=3 {
            let id = drawn(number);
            let away: Vec<_> = auditors_of(id).iter().map(|who| (*who != 1).then(pass)).collect();
            say(id, &away);
        }
        let found = crate::Auditors::<Test>::get(1).expect("he is still known");
        assert_eq!((found.strikes, found.bond), (3, 0));
        assert_eq!(Balances::free_balance(TREASURY), BOND + 1);
        assert!(!crate::Members::<Test>::get().contains(&1));
        assert_eq!((paid(1), paid(2), paid(3)), (0, 3, 3));
    });
}

#[test]
fn rule_22_a_duty_is_paid_whatever_it_found() {
    run(3, || {
        let id = drawn(1);
        say(id, &[Some(crate::Verdict::Fail), Some(crate::Verdict::Unreachable), Some(pass())]);
        assert_eq!((paid(1), paid(2), paid(3)), (1, 1, 1));
    });
}
