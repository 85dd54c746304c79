//! Evidence: promised with its hash, handed to whoever was drawn, and gone with the check.

use frame_support::{assert_noop, assert_ok};

use crate::{Error, Evidence, Handed, Kind, Sealed, mock::*};

const HASH: [u8; 32] = [5; 32];

fn sealed() -> Sealed {
    Sealed::truncate_from(vec![7; 2_048])
}

fn reported() -> u64 {
    let id = crate::NextOffence::<Test>::get();
    let by = RuntimeOrigin::signed(RENTER);
    let kind = Kind::Counterfeit;
    assert_ok!(Disputes::report_with_evidence(by, machine(1), kind, Some(1), HASH));
    id
}

fn hand(who: u64, id: u64, auditor: u64) -> sp_runtime::DispatchResult {
    Disputes::hand_evidence(RuntimeOrigin::signed(who), id, auditor, sealed())
}

#[test]
fn evidence_is_handed_once_to_each_who_was_drawn_while_he_looks() {
    run(|| {
        let id = reported();
        assert_noop!(hand(RENTER, id, 31), Error::<Test>::NotDrawn);
        DRAWN.set((vec![31, 32], true));
        assert_noop!(hand(30, id, 31), Error::<Test>::NotYourReport);
        assert_noop!(hand(RENTER, id, 33), Error::<Test>::NotDrawn);
        assert_ok!(hand(RENTER, id, 31));
        assert_noop!(hand(RENTER, id, 31), Error::<Test>::HandedAlready);
        assert_eq!(Handed::<Test>::get(id, 31), Some(sealed()));
        DRAWN.set((vec![31, 32], false));
        assert_noop!(hand(RENTER, id, 32), Error::<Test>::NotDrawn);
        assert_noop!(hand(RENTER, 99, 31), Error::<Test>::OffenceNotFound);
    });
}

#[test]
fn whoever_promised_evidence_and_kept_it_from_one_loses_his_bond_unless_he_is_right() {
    // Handed to how many of two, the check's outcome, and what is left of the bond of 1,000.
    for (handed, upheld, left) in
        [(2, None, 1_000), (1, None, 0), (0, None, 0), (2, Some(false), 0), (0, Some(true), 1_000)]
    {
        run(|| {
            let id = reported();
            DRAWN.set((vec![31, 32], true));
            for auditor in [31, 32].into_iter().take(handed) {
                assert_ok!(hand(RENTER, id, auditor));
            }
            Disputes::checked(id, upheld, false);
            assert_eq!(Handed::<Test>::iter().count(), 0, "gone with the check");
            if upheld == Some(true) {
                assert!(Evidence::<Test>::contains_key(id), "an appeal knows it again");
                assert_ok!(Disputes::cancel(RuntimeOrigin::root(), id));
            }
            assert_eq!(Balances::free_balance(RENTER), 99_000 + left, "{handed} {upheld:?}");
            assert_eq!(Evidence::<Test>::iter().count(), 0);
        });
    }
}

#[test]
fn nobody_drawn_is_nobodys_fault() {
    run(|| {
        reported();
        pass(CHECK + HOUR);
        assert_eq!(Balances::free_balance(RENTER), 100_000);
        assert_eq!(Evidence::<Test>::iter().count(), 0);
    });
}

#[test]
fn evidence_goes_with_what_hardware_shows() {
    run(|| {
        for (kind, fine) in [
            (Kind::Malfunction, true),
            (Kind::Counterfeit, true),
            (Kind::NotRentable, false),
            (Kind::Unreachable { rented: true }, false),
        ] {
            let by = RuntimeOrigin::signed(RENTER);
            let taken = Disputes::report_with_evidence(by, machine(1), kind, Some(1), HASH);
            assert_eq!(taken.is_ok(), fine, "{kind:?}");
        }
        // One without a promise is handed nothing.
        let id = crate::NextOffence::<Test>::get();
        let by = RuntimeOrigin::signed(RENTER);
        assert_ok!(Disputes::report(by, machine(2), Kind::Malfunction, None));
        DRAWN.set((vec![31], true));
        assert_noop!(hand(RENTER, id, 31), Error::<Test>::NoEvidence);
    });
}
