//! Whatever a minority tells, whenever: the price stays with the honest.

use proptest::prelude::*;

use crate::{DbcPrice as _, PRICE_MAX, mock::*};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Honest feeders tell values of a band; fewer than half tell anything. Median and average never
    /// leave the band.
    #[test]
    fn a_minority_never_moves_the_price_out_of_the_honest_band(
        rounds in proptest::collection::vec(
            (proptest::collection::vec(900_000u128..1_100_000, 4),
             proptest::collection::vec(1u128..=PRICE_MAX, 3),
             0u64..60),
            1..60,
        ),
    ) {
        run(|| {
            seated(7);
            for (honest, lies, pause) in rounds {
                for (feeder, value) in (1..).zip(honest.into_iter().chain(lies)) {
                    // Suspended, or too early: refused, and nothing changes.
                    let _ = Prices::feed(RuntimeOrigin::signed(feeder), value);
                }
                pass(INTERVAL + pause);
                Prices::do_try_state().unwrap();
                let band = 900_000..=1_100_000;
                assert!(price().is_none_or(|price| band.contains(&price)), "{:?}", price());
                assert!(Prices::twap().is_none_or(|price| band.contains(&price)));
            }
        });
    }
}
