//! Random intervals beside a plain model: who was heard when, and what time that is.

use proptest::prelude::*;

use crate::{Liveness as _, mock::*};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Each interval is told of by all, by nobody, or by too few; each machine is heard or not; closing has all the weight
    /// that it wants, or in each block that of one step. Time is what a plain walk over all intervals says, never falls,
    /// and never passes the horizon.
    #[test]
    fn time_is_what_a_plain_walk_says(
        story in proptest::collection::vec((0u8..4, proptest::array::uniform3(any::<bool>())), 1..60),
        narrow in any::<bool>(),
    ) {
        run(5, 3, || {
            if narrow {
                CLOSE_WEIGHT.set(room(1));
            }
            let first = interval();
            // Nobody told anything before: the first report ends that.
            pass(&[0, 1, 2]);
            let mut told = vec![Some(vec![0, 1, 2])];
            let mut last = [0; 3];
            for (kind, heard) in story {
                let heard: Vec<u32> =
                    (0..3).filter(|index| heard[*index as usize]).collect();
                if kind == 0 {
                    pass_unheard();
                    told.push(None);
                } else {
                    pass(&heard);
                    told.push(Some(heard));
                }
                let begin = interval() * LENGTH;
                let end = if narrow { begin + LENGTH } else { begin + 1 };
                for slot in begin..end {
                    if slot > begin {
                        let used = block(slot);
                        assert!(used.all_lte(CLOSE_WEIGHT.get()), "{used:?}");
                    }
                    Watch::do_try_state().unwrap();
                    for index in 0..3 {
                        let now = live(index);
                        assert!(now >= last[index as usize], "time falls");
                        last[index as usize] = now;
                    }
                }
            }
            // The walk: a machine is as it was last told; unknown time is charged for ten minutes.
            let closed = (Watch::horizon() / LENGTH).saturating_sub(first) as usize;
            for index in 0..3u32 {
                let (mut alive, mut time, mut run) = (true, 0, 0);
                for interval in told.iter().take(closed) {
                    match interval {
                        Some(heard) => {
                            alive = heard.contains(&index);
                            run = 0;
                        }
                        None => run += 1,
                    }
                    if alive && run <= GRACE / LENGTH {
                        time += LENGTH;
                    }
                }
                assert_eq!(live(index), time, "machine {index}");
            }
        });
    }
}
