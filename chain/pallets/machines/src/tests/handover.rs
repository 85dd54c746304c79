//! Machines that change hands while they are online.

use dbc_primitives::{Location, MachineClass, MachineStatus};
use frame_support::{assert_noop, assert_ok, dispatch::DispatchResult};
use sp_runtime::TokenError;

use crate::{Error, Event, Fleet, Part, mock::*};

fn offer_to(to: u64) -> DispatchResult {
    Machines::offer_handover(by_provider(), machine(1), to)
}

fn accept(who: u64) -> DispatchResult {
    Machines::accept_handover(RuntimeOrigin::signed(who), machine(1))
}

fn other_provides() {
    assert_ok!(Machines::set_operator(RuntimeOrigin::signed(OTHER), OTHER));
}

#[test]
fn d71_a_leased_machine_changes_hands_by_consent_of_both_and_its_leases_go_on() {
    run(|| {
        let machine = listed(1, 2);
        assert_ok!(Machines::occupy(machine, Part::gpus(&[1])));
        other_provides();
        let before = record(1);
        assert_ok!(offer_to(OTHER));
        System::assert_last_event(Event::HandoverOffered { machine, to: OTHER }.into());
        assert_eq!(Machines::provider_of(machine), Some(PROVIDER), "an offer changes nothing");
        told();
        assert_ok!(accept(OTHER));
        let (from, to, stake) = (PROVIDER, OTHER, 2 * STAKE);
        System::assert_last_event(Event::HandedOver { machine, from, to, stake }.into());
        assert_eq!(told(), [Told::HandedOver(machine, PROVIDER, OTHER)]);
        assert_eq!(record(1), crate::Machine { provider: OTHER, ..before });
        assert_eq!(record(1).status, MachineStatus::Listed, "it never was away");
        assert_eq!((staked(), staked_by(OTHER)), (0, 2 * STAKE));
        assert_eq!((free(PROVIDER), free(OTHER)), (100_000, 100_000 - 2 * STAKE));
        assert_eq!(Machines::provider_of(machine), Some(OTHER));
        assert!(Machines::may_run(machine, &OTHER) && !Machines::may_run(machine, &OPERATOR));
        assert_noop!(Machines::unlist(by_provider(), machine), Error::<Test>::NotYours);
        assert_noop!(accept(OTHER), Error::<Test>::NoHandover);
    });
}

#[test]
fn d71_only_owners_themselves_offer_and_accept() {
    run(|| {
        let machine = listed(1, 1);
        let by_operator = || RuntimeOrigin::signed(OPERATOR);
        assert_noop!(
            Machines::offer_handover(by_operator(), machine, OTHER),
            Error::<Test>::NotYours
        );
        assert_noop!(offer_to(PROVIDER), Error::<Test>::NoHandover);
        assert_noop!(accept(OTHER), Error::<Test>::NoHandover);
        assert_ok!(offer_to(OTHER));
        assert_noop!(accept(OTHER), Error::<Test>::NotProvider);
        assert_ok!(Machines::set_operator(RuntimeOrigin::signed(OTHER), 7));
        assert_noop!(accept(7), Error::<Test>::NoHandover);
        assert_noop!(accept(OPERATOR), Error::<Test>::NoHandover);
        assert_noop!(Machines::withdraw_handover(by_operator(), machine), Error::<Test>::NotYours);
        assert_ok!(accept(OTHER));
        let nowhere = super::super::mock::machine(9);
        let by_other = RuntimeOrigin::signed(OTHER);
        assert_noop!(Machines::accept_handover(by_other, nowhere), Error::<Test>::MachineNotFound);
    });
}

#[test]
fn d71_it_fails_whole_when_the_new_owner_cannot_hold_its_stake() {
    run(|| {
        listed(1, 4);
        other_provides();
        assert_ok!(offer_to(OTHER));
        let spent = RuntimeOrigin::signed(OTHER);
        assert_ok!(Balances::transfer_allow_death(spent, 8, 100_000 - 4 * STAKE));
        assert_noop!(accept(OTHER), TokenError::FundsUnavailable);
        assert_eq!((staked(), record(1).provider), (4 * STAKE, PROVIDER));
    });
}

#[test]
fn d71_nothing_changes_hands_while_it_is_in_dispute_or_looked_at() {
    run(|| {
        listed(1, 1);
        other_provides();
        assert_ok!(offer_to(OTHER));
        disputed(true);
        assert_noop!(accept(OTHER), Error::<Test>::InDispute);
        disputed(false);
        audited(true);
        assert_noop!(accept(OTHER), Error::<Test>::UnderAudit);
        audited(false);
        assert_ok!(accept(OTHER));
    });
}

#[test]
fn d71_an_offer_is_withdrawn_replaced_and_gone_with_the_machine() {
    run(|| {
        let machine = listed(1, 1);
        other_provides();
        let withdraw = || Machines::withdraw_handover(by_provider(), machine);
        assert_noop!(withdraw(), Error::<Test>::NoHandover);
        assert_ok!(offer_to(8));
        assert_ok!(offer_to(OTHER));
        assert_ok!(withdraw());
        System::assert_last_event(Event::HandoverWithdrawn { machine }.into());
        assert_noop!(accept(OTHER), Error::<Test>::NoHandover);
        assert_ok!(offer_to(OTHER));
        assert_ok!(Machines::retire(by_provider(), machine));
        assert_noop!(accept(OTHER), Error::<Test>::NoHandover);
        assert_noop!(offer_to(OTHER), Error::<Test>::WrongStatus);
    });
}

#[test]
fn d71_the_new_owner_holds_what_is_asked_for_now_and_the_old_gets_what_was_held() {
    run(|| {
        let machine = listed(1, 2);
        other_provides();
        assert_ok!(Machines::join_tier(by_provider(), machine));
        assert_eq!(Machines::slash(machine, STAKE, &8), STAKE);
        assert_ok!(offer_to(OTHER));
        assert_ok!(accept(OTHER));
        assert_eq!((staked(), free(PROVIDER)), (0, 100_000 - STAKE));
        assert_eq!(staked_by(OTHER), 3 * STAKE, "the pledge of the tier is his now");
        assert_ok!(Machines::leave_tier(RuntimeOrigin::signed(OTHER), machine));
        assert_eq!(staked_by(OTHER), 2 * STAKE);
    });
}

#[test]
fn d71_an_offer_is_withdrawn_when_what_is_offered_changes() {
    let steps: [fn(dbc_primitives::MachineId) -> DispatchResult; 4] = [
        |machine| {
            let (class, place) = (MachineClass::Training, Location::default());
            Machines::change_hardware(by_provider(), machine, class, facts(2), place)
        },
        |machine| Machines::join_tier(by_provider(), machine),
        |machine| {
            Machines::set_offer(by_provider(), machine, offer(dbc_primitives::Amount::Dbc(9)))
        },
        |machine| Machines::leave_tier(by_provider(), machine),
    ];
    for (at, step) in steps.into_iter().enumerate() {
        run(|| {
            let machine = listed(1, 1);
            other_provides();
            if at == 3 {
                assert_ok!(Machines::join_tier(by_provider(), machine));
            }
            assert_ok!(offer_to(OTHER));
            assert_ok!(step(machine));
            assert_eq!(record(1).handover, None);
            let withdrawn = Event::HandoverWithdrawn { machine }.into();
            assert!(System::events().iter().any(|event| event.event == withdrawn));
            assert_noop!(accept(OTHER), Error::<Test>::NoHandover);
            assert_ok!(offer_to(OTHER));
            assert_ok!(accept(OTHER));
        });
    }
}
