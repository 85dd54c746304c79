//! Vouchers: somebody else's money, for leases and nothing else (requirement G11).

use dbc_primitives::MachineClass;
use frame_support::{assert_noop, assert_ok};
use sp_runtime::TokenError;

use crate::{Error, HoldReason, Vouchers, mock::*};

const BUDGET: u128 = RATE * 1_500;

fn issuer() -> sp_runtime::AccountId32 {
    account(4)
}

/// A voucher of account 4 for a holder without any money.
fn voucher(class: Option<MachineClass>) -> u32 {
    let voucher = crate::NextVoucher::<Test>::get();
    let expires = now() + 10_000;
    let issued =
        Leases::issue_voucher(RuntimeOrigin::signed(issuer()), holder(), BUDGET, class, expires);
    assert_ok!(issued);
    voucher
}

fn holder() -> sp_runtime::AccountId32 {
    account(99)
}

fn order_by(voucher: u32, term: u64, tag: u64) -> dbc_primitives::Order<sp_runtime::AccountId32> {
    let mut order = order(machine(1), &[0], term, tag);
    order.voucher = Some(voucher);
    order
}

fn rent(voucher: u32, term: u64, tag: u64) -> u64 {
    let lease = crate::NextLease::<Test>::get();
    let order = order_by(voucher, term, tag);
    assert_ok!(Leases::create(RuntimeOrigin::signed(holder()), order));
    assert_ok!(Leases::started(RuntimeOrigin::signed(provider()), lease));
    lease
}

fn budget(voucher: u32) -> u128 {
    Vouchers::<Test>::get(voucher).map_or(0, |voucher| voucher.budget)
}

#[test]
fn g11_a_voucher_pays_and_gets_back_what_is_not_used() {
    run(|| {
        listed(1, 2);
        let voucher = voucher(Some(MachineClass::Training));
        assert_eq!(held_as(HoldReason::Voucher, &issuer()), BUDGET);
        let lease = rent(voucher, 1_000, 1);
        assert_eq!((held(&issuer()), budget(voucher)), (RATE * 1_000, RATE * 500));
        assert_eq!(record(lease).payer, issuer());
        pass(400);
        assert_ok!(Leases::end(RuntimeOrigin::signed(holder()), lease));
        assert_eq!((held(&issuer()), budget(voucher)), (0, RATE * 1_100));
        assert_eq!(held_as(HoldReason::Voucher, &issuer()), RATE * 1_100);
        assert_eq!(free(&issuer()), ENDOWMENT - BUDGET, "nothing came out of it but rent");
        assert_equation(lease, RATE * 1_000);
    });
}

#[test]
fn g11_a_voucher_is_its_holders_for_its_class_its_time_and_its_budget() {
    run(|| {
        listed(1, 2);
        let voucher = voucher(Some(MachineClass::Inference));
        let by = |who, order| Leases::create(RuntimeOrigin::signed(who), order);
        assert_noop!(by(holder(), order_by(voucher, 100, 1)), Error::<Test>::VoucherUnfit);
        assert_noop!(by(renter(), order_by(voucher, 100, 1)), Error::<Test>::NotHolder);
        assert_noop!(by(holder(), order_by(7, 100, 1)), Error::<Test>::VoucherNotFound);
        let any = self::voucher(None);
        assert_noop!(by(holder(), order_by(any, 1_501, 1)), TokenError::FundsUnavailable);
        let mut redirected = order_by(any, 100, 1);
        redirected.receiver = Some(holder());
        assert_noop!(by(holder(), redirected), Error::<Test>::VoucherUnfit);
        pass(10_000);
        assert_noop!(by(holder(), order_by(any, 100, 1)), Error::<Test>::VoucherUnfit);
        let small =
            Leases::issue_voucher(RuntimeOrigin::signed(issuer()), holder(), 999, None, now() + 1);
        assert_noop!(small, Error::<Test>::VoucherTooSmall);
    });
}

#[test]
fn g11_what_is_revoked_returns_and_running_leases_go_on() {
    run(|| {
        listed(1, 2);
        let voucher = voucher(None);
        let lease = rent(voucher, 1_000, 1);
        let revoke = |who| Leases::revoke_voucher(RuntimeOrigin::signed(who), voucher);
        assert_noop!(revoke(holder()), Error::<Test>::NotIssuer);
        assert_ok!(revoke(issuer()));
        assert_eq!(free(&issuer()), ENDOWMENT - RATE * 1_000);
        assert_noop!(revoke(issuer()), Error::<Test>::VoucherUnfit);
        let extended = Leases::extend(RuntimeOrigin::signed(holder()), lease, 10, 1, RATE);
        assert_noop!(extended, Error::<Test>::VoucherUnfit);
        pass(400);
        assert_ok!(Leases::end(RuntimeOrigin::signed(holder()), lease));
        assert_eq!(free(&issuer()), ENDOWMENT - RATE * 400, "the rest is the issuer's");
        assert!(Vouchers::<Test>::get(voucher).is_none(), "nothing is left of it");
    });
}

#[test]
fn g11_an_expired_voucher_keeps_what_it_pays_for_and_returns_the_rest_to_its_issuer() {
    run(|| {
        listed(1, 2);
        let voucher = voucher(None);
        pass(9_900);
        let lease = rent(voucher, 1_000, 1);
        pass(500);
        assert_ok!(Leases::end(RuntimeOrigin::signed(holder()), lease));
        assert_eq!(budget(voucher), RATE * 500, "what it never gave out");
        assert_eq!(free(&issuer()), ENDOWMENT - RATE * 1_000);
        assert_ok!(Leases::revoke_voucher(RuntimeOrigin::signed(issuer()), voucher));
        assert_eq!(free(&issuer()), ENDOWMENT - RATE * 500);
    });
}

#[test]
fn g11_what_needs_no_money_is_done_also_when_the_voucher_is_over() {
    run(|| {
        listed(1, 2);
        assert_ok!(Balances::transfer_allow_death(
            RuntimeOrigin::signed(renter()),
            holder(),
            2 * PLEDGE
        ));
        assert_ok!(Leases::pledge(RuntimeOrigin::signed(holder())));
        let voucher = voucher(None);
        pass(9_900);
        let lease = rent(voucher, 1_000, 1);
        pass(200);
        assert_ok!(Leases::suspend(RuntimeOrigin::signed(holder()), lease));
        let extended = Leases::extend(RuntimeOrigin::signed(holder()), lease, 10, 1, RATE);
        assert_noop!(extended, Error::<Test>::NoCards);
        let cards = vec![1].try_into().expect("few");
        assert_ok!(Leases::resume(RuntimeOrigin::signed(holder()), lease, cards, 1, RATE));
        let extended = Leases::extend(RuntimeOrigin::signed(holder()), lease, 10, 1, RATE);
        assert_noop!(extended, Error::<Test>::VoucherUnfit);
    });
}

#[test]
fn g11_an_extension_is_paid_by_the_voucher() {
    run(|| {
        listed(1, 2);
        let voucher = voucher(None);
        let lease = rent(voucher, 1_000, 1);
        let extend = |slots| Leases::extend(RuntimeOrigin::signed(holder()), lease, slots, 1, RATE);
        assert_noop!(extend(501), TokenError::FundsUnavailable);
        assert_ok!(extend(500));
        assert_eq!((budget(voucher), held(&issuer())), (0, RATE * 1_500));
    });
}
