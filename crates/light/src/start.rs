//! Where a light client begins, and whether that is recent enough (mechanisms rule 33). Who was a validator then
//! and has his stake back may forge a chain from there on at no cost; so a point older than half the bonding
//! time is not believed by itself. Pure.

use std::time::Duration;

use dbc_chain_client::Head;
use dbc_primitives::BONDING_DAYS;

const DAY: Duration = Duration::from_secs(86_400);

/// Days after which a point to begin at is warned of.
pub const START_DAYS_WARN: u32 = 3;
/// Age from which on a point to begin at needs witnesses: half the bonding time.
pub const OLD: Duration = Duration::from_secs(86_400 * BONDING_DAYS as u64 / 2);

/// How good a point to begin at is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Recent.
    Fresh,
    /// Good, but soon no more.
    Aging {
        /// Age in days.
        days: u64,
    },
    /// Not believed unless two independent witnesses agree with where it leads.
    Old {
        /// Age in days.
        days: u64,
    },
}

/// Where smoldot begins: at the spec's checkpoint, or at the head that was kept when that is newer. With a checkpoint
/// that cannot be used it begins at the genesis, whatever was kept; the spec was made in the network's first two
/// epochs then, so the checkpoint's age stands for the genesis'.
pub(crate) fn begin(checkpoint: Head, usable: bool, kept: Option<Head>) -> Head {
    kept.filter(|kept| usable && kept.number >= checkpoint.number).unwrap_or(checkpoint)
}

/// Judges a point by its age: the host's clock against the block's slot. A block of the future is fresh; a clock that
/// is behind makes all of them so, which the host's owner answers for.
pub(crate) fn judge(begin: &Head, now_s: u64) -> Standing {
    let age = Duration::from_secs(now_s.saturating_sub(begin.unix_s()));
    let days = age.as_secs() / DAY.as_secs();
    if age >= OLD {
        Standing::Old { days }
    } else if age >= DAY * START_DAYS_WARN {
        Standing::Aging { days }
    } else {
        Standing::Fresh
    }
}

/// Witnesses that may count as different: one for each `host:port`.
pub(crate) fn independent(witnesses: &[String]) -> Vec<String> {
    let mut found: Vec<(&str, &String)> = Vec::new();
    for url in witnesses {
        let rest = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
        let place = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if !found.iter().any(|(known, _)| *known == place) {
            found.push((place, url));
        }
    }
    found.into_iter().map(|(_, url)| url.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(unix_s: u64) -> Head {
        Head { number: 7, unix_ms: unix_s * 1_000, ..Head::default() }
    }

    #[test]
    fn rule_33_a_start_is_warned_of_from_day_3_and_not_believed_from_half_the_bonding_time() {
        let begin = head(1_000_000);
        let at = |days: u64| judge(&begin, 1_000_000 + days * 86_400);
        assert_eq!(at(0), Standing::Fresh);
        assert_eq!(judge(&begin, 999_000), Standing::Fresh, "a block of the future");
        assert_eq!(judge(&begin, 1_000_000 + 3 * 86_400 - 1), Standing::Fresh);
        assert_eq!(at(3), Standing::Aging { days: 3 });
        assert_eq!(judge(&begin, 1_000_000 + 7 * 86_400 - 1), Standing::Aging { days: 6 });
        assert_eq!(at(7), Standing::Old { days: 7 });
        assert_eq!(OLD * 2, DAY * BONDING_DAYS);
        assert_eq!(judge(&head(0), 1_800_000_000), Standing::Old { days: 20_833 });
    }

    #[test]
    fn rule_33_what_was_kept_is_gone_on_from_when_it_is_newer() {
        let at = |number| Head { number, ..Head::default() };
        assert_eq!(begin(at(10), true, None), at(10));
        assert_eq!(begin(at(10), true, Some(at(9))), at(10));
        assert_eq!(begin(at(10), true, Some(at(11))), at(11));
        assert_eq!(begin(at(10), false, Some(at(11))), at(10), "from the genesis");
    }

    #[test]
    fn rule_33_one_witness_under_two_names_is_one() {
        let named = ["ws://a:1/x", "ws://a:1/y", "wss://a:1", "ws://b:1", "b:1"].map(String::from);
        assert_eq!(independent(&named), ["ws://a:1/x", "ws://b:1"]);
        assert!(independent(&[]).is_empty());
    }
}
