//! What programs ask instead of computing it themselves is what then happens.

use dbc_primitives::lease::GpuSlots;
use frame_support::assert_ok;
use proptest::prelude::*;

use crate::{EndView, mock::*};

fn cards(gpus: &[u8]) -> GpuSlots {
    GpuSlots::try_from(gpus.to_vec()).expect("few")
}

#[test]
fn a_quote_is_what_an_order_holds_with_discount_and_platform() {
    run(|| {
        set_tiers(&[(500, 10)]);
        assert_ok!(Leases::register_platform(RuntimeOrigin::signed(other()), 50_000, other()));
        let machine = listed(1, 2);
        let quote = Leases::quote(machine, cards(&[0, 1]), 0, 500, Some(1)).expect("it is listed");
        assert_eq!((quote.rate, quote.platform), (21_000, 1_000));
        assert_eq!((quote.off, quote.fee, quote.burn), (100_000, 50_000, 0));
        let mut order = order(machine, &[0, 1], 500, 1);
        order.platform = Some(1);
        order.max_rate = quote.rate;
        create(order);
        assert_eq!(held(&renter()), quote.deposit);
        assert_eq!(quote.deposit, 21_000 * 450);
        assert_ok!(Machines::unlist(RuntimeOrigin::signed(provider()), machine));
        assert_eq!(Leases::quote(machine, cards(&[0]), 0, 500, None), None);
    });
}

#[test]
fn a_renters_orders_come_in_pages() {
    run(|| {
        let machine = listed(1, 1);
        for tag in 0..70 {
            let lease = create(order(machine, &[0], 100, tag));
            assert_ok!(Leases::end(RuntimeOrigin::signed(renter()), lease));
        }
        let first = Leases::tags(renter(), None);
        assert_eq!(first.len(), 64);
        let rest = Leases::tags(renter(), first.last().map(|(tag, _)| *tag));
        let mut all: Vec<_> = first.into_iter().chain(rest).map(|(tag, _)| tag).collect();
        all.sort_unstable();
        assert_eq!(all, (0..70).collect::<Vec<_>>());
        assert_eq!(Leases::tags(other(), None), vec![]);
    });
}

#[test]
fn what_is_over_or_was_never_there_has_no_end_to_come() {
    run(|| {
        let lease = create(order(listed(1, 1), &[0], 100, 1));
        let whole = EndView { cost: 0, refund: RATE * 100, off: 0 };
        assert_eq!(Leases::if_ended(lease), Some(whole));
        assert_ok!(Leases::end(RuntimeOrigin::signed(renter()), lease));
        assert_eq!((Leases::if_ended(lease), Leases::if_ended(99)), (None, None));
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn what_an_end_would_cost_is_what_it_costs(
        term in 100u64..2_500,
        settled in 0u64..1_500,
        more in 0u64..900,
        asleep in any::<bool>(),
    ) {
        run(|| {
            set_tiers(&[(300, 5), (900, 10), (2_000, 20)]);
            assert_ok!(Leases::pledge(RuntimeOrigin::signed(renter())));
            let lease = running(term);
            pass(settled.min(term - 1));
            let sleeps = || Leases::suspend(RuntimeOrigin::signed(renter()), lease).is_ok();
            if !(asleep && sleeps()) {
                assert_ok!(Leases::settle(RuntimeOrigin::signed(other()), lease));
            }
            pass(more.min(record(lease).ends_at - now() - 1));
            let before = Leases::if_ended(lease).expect("it is open");
            assert_ok!(Leases::end(RuntimeOrigin::signed(renter()), lease));
            let found = record(lease);
            assert_eq!((before.cost, before.refund), (cost(lease), found.refunded));
            assert_eq!(before.off, found.tiers.off(term, found.progress.counted));
        });
    }
}
