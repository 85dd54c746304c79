//! The hash of a block by its height. A light client can check no peer's word on that, so it walks by parents
//! from its own best block, each header checked by its hash.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use dbc_chain_client::CarrierError;
use serde::Deserialize;

/// Blocks below the best that are walked.
const STEPS_MAX: u64 = 1_024;
/// Headers that are remembered.
const KNOWN_MAX: usize = 4_096;

/// Height and parent of a block, as a header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) number: u64,
    pub(crate) parent: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Header {
    parent_hash: String,
    number: String,
}

impl Place {
    /// Of a header in JSON.
    pub(crate) fn of_json(header: &str) -> Option<Self> {
        let header: Header = serde_json::from_str(header).ok()?;
        let number = u64::from_str_radix(header.number.trim_start_matches("0x"), 16).ok()?;
        Some(Self { number, parent: header.parent_hash })
    }
}

/// Headers that were seen, by hash. A hash is of one block for good, so nothing here is ever wrong.
#[derive(Debug, Default)]
pub(crate) struct Known(Mutex<HashMap<String, Place>>);

impl Known {
    fn get(&self, hash: &str) -> Option<Place> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(hash).cloned()
    }

    fn put(&self, hash: &str, place: Place) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        known.insert(hash.to_owned(), place);
    }
}

/// The hash at this height below `best`; `None` when there is none, or it lies too deep.
pub(crate) async fn hash_at<F>(
    known: &Known,
    best: String,
    number: u64,
    header: impl Fn(String) -> F,
) -> Result<Option<String>, CarrierError>
where
    F: Future<Output = Result<Option<Place>, CarrierError>>,
{
    let mut hash = best;
    for _ in 0..=STEPS_MAX {
        let place = match known.get(&hash) {
            Some(place) => place,
            None => {
                let Some(place) = header(hash.clone()).await? else { return Ok(None) };
                known.put(&hash, place.clone());
                place
            }
        };
        match place.number.cmp(&number) {
            std::cmp::Ordering::Equal => return Ok(Some(hash)),
            std::cmp::Ordering::Less => return Ok(None),
            std::cmp::Ordering::Greater if place.number - number > STEPS_MAX => return Ok(None),
            std::cmp::Ordering::Greater => hash = place.parent,
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    fn chain(hash: &str) -> Option<Place> {
        let number: u64 = hash.strip_prefix('h')?.parse().ok()?;
        Some(Place { number, parent: format!("h{}", number.checked_sub(1)?) })
    }

    #[tokio::test]
    async fn a_height_is_found_by_parents_and_each_header_is_asked_for_once() {
        let asked = AtomicU64::new(0);
        let known = Known::default();
        let at = |best: u64, number| {
            hash_at(&known, format!("h{best}"), number, |hash| {
                asked.fetch_add(1, Ordering::Relaxed);
                async move { Ok(chain(&hash)) }
            })
        };
        assert_eq!(at(20, 20).await, Ok(Some("h20".into())));
        assert_eq!(at(20, 15).await, Ok(Some("h15".into())));
        assert_eq!(asked.load(Ordering::Relaxed), 6);
        assert_eq!(at(21, 15).await, Ok(Some("h15".into())));
        assert_eq!(asked.load(Ordering::Relaxed), 7);
        assert_eq!(at(20, 21).await, Ok(None), "above the best");
        assert_eq!(at(5_000, 10).await, Ok(None), "too deep, and not walked");
        assert_eq!(asked.load(Ordering::Relaxed), 8);
    }

    #[test]
    fn a_header_says_height_and_parent() {
        let json = r#"{"parentHash":"0xab","number":"0x1f","stateRoot":"0x","digest":{"logs":[]}}"#;
        assert_eq!(Place::of_json(json), Some(Place { number: 31, parent: "0xab".into() }));
        assert_eq!(Place::of_json("null"), None);
        assert_eq!(Place::of_json(r#"{"parentHash":"0xab","number":"x"}"#), None);
    }
}
