//! A new points model comes as a version with its era, and to some machines in each block.

use frame_support::{assert_noop, assert_ok, weights::WeightMeter};
use sp_runtime::DispatchError;

use crate::{CurrentModel, Error, Model, Models, Shares, SweepAt, mock::*};

fn set_model(model: Model) -> sp_runtime::DispatchResult {
    Rewards::set_model(RuntimeOrigin::root(), model)
}

fn points(number: u8) -> (u64, u32) {
    let share = Shares::<Test>::get(machine(number)).expect("it has a share");
    (share.points, share.model)
}

#[test]
fn rule_26_machines_are_brought_to_a_model_some_in_each_block_and_keep_their_points_until_then() {
    run(|| {
        for number in 0..5 {
            enter_rated(number, 10 + u64::from(number), 1);
        }
        let first = Rewards::era() + 7;
        assert_ok!(set_model(model_of(first, 150)));
        eras(6);
        assert_eq!(points(0), (100, 1), "its era has not come");
        eras(1);
        // Two in a block.
        let all = || (0..5).map(|number| points(number).0).collect::<Vec<_>>();
        assert_eq!(all(), [150, 150, 100, 100, 100]);
        Rewards::do_try_state().expect("both versions are followed");
        // Anybody may bring one before its turn.
        assert_ok!(Rewards::poke(RuntimeOrigin::signed(77), machine(4)));
        assert_eq!(all(), [150, 150, 100, 100, 150]);
        assert_noop!(set_model(model_of(first + 20, 160)), Error::<Test>::ModelWaits);
        block(now() + 1);
        block(now() + 1);
        assert_eq!(all(), [150; 5]);
        assert_eq!((CurrentModel::<Test>::get(), SweepAt::<Test>::get()), (2, None));
        assert!(!Models::<Test>::contains_key(1), "nobody follows it any more");
        enter_rated(7, 20, 2);
        assert_eq!(points(7), (300, 2));
    });
}

#[test]
fn rule_26_what_was_earned_before_a_sweep_is_by_the_points_of_then() {
    run(|| {
        enter_rated(0, 10, 1);
        enter_rated(1, 20, 1);
        assert_ok!(set_model(model_of(Rewards::era() + 7, 200)));
        know(1, |known| known.uptime = 5_000);
        eras(7);
        // Both have what they had until the sweep, whenever somebody looks.
        eras(2);
        let (one, two) = (provisional(0), provisional(1));
        about(one, 7 * era_sum() / 2 + 2 * era_sum() * 2 / 3);
        about(two, 7 * era_sum() / 2 + 2 * era_sum() / 3);
    });
}

#[test]
fn rule_26_a_model_has_notice_limits_and_an_origin() {
    run(|| {
        let era = Rewards::era();
        let anybody = Rewards::set_model(RuntimeOrigin::signed(1), model_of(era + 7, 100));
        assert_eq!(anybody, Err(DispatchError::BadOrigin));
        assert_noop!(set_model(model_of(era + 6, 100)), Error::<Test>::ModelEra);
        assert_noop!(set_model(model_of(era + 400, 100)), Error::<Test>::ModelEra);
        assert_noop!(set_model(model_of(era + 7, 201)), Error::<Test>::ModelStep);
        assert_noop!(set_model(model_of(era + 7, 49)), Error::<Test>::ModelLimit);
        let mut model = model_of(era + 7, 100);
        model.cards.pop();
        assert_noop!(set_model(model), Error::<Test>::ModelMissing);
        assert_ok!(set_model(model_of(era + 7, 100)));
        assert_noop!(set_model(model_of(era + 8, 100)), Error::<Test>::ModelWaits);
    });
}

#[test]
fn a_block_without_room_leaves_the_sweep_to_the_next() {
    run(|| {
        enter_rated(0, 10, 1);
        assert_ok!(set_model(model_of(Rewards::era() + 7, 150)));
        eras(6);
        let mut none = WeightMeter::with_limit(frame_support::weights::Weight::zero());
        Rewards::sweep(&mut none);
        assert_eq!(points(0), (100, 1));
        eras(1);
        assert_eq!(points(0), (150, 2));
    });
}
