//! Which answer belongs to which question: requests and subscriptions under way, and what comes back. No I/O.

use std::collections::HashMap;

use dbc_chain_client::CarrierError;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::{mpsc, oneshot};

/// Questions that may be under way.
const PENDING_MAX: usize = 1_024;
/// Items that a slow reader of a subscription may lag behind; one who lags further loses it.
const ITEMS_MAX: usize = 1_024;
/// Code under which a statement was not taken.
const STATEMENT: i32 = 7_001;

pub(crate) type Answer<T> = Result<T, CarrierError>;

/// A subscription's identifier and its items.
pub(crate) type Begun = (String, mpsc::Receiver<String>);

/// Who waits for an answer.
pub(crate) enum Waiting {
    /// A request.
    Answer(oneshot::Sender<Answer<String>>),
    /// A subscription; the name is of the method that ends it.
    Subscription(oneshot::Sender<Answer<Begun>>, String),
}

/// A subscription that nobody reads any more.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Orphan {
    pub(crate) id: String,
    pub(crate) unsubscribe: String,
}

/// What is under way.
#[derive(Default)]
pub(crate) struct Calls {
    last: u64,
    pending: HashMap<u64, Waiting>,
    subscriptions: HashMap<String, (mpsc::Sender<String>, String)>,
}

impl Calls {
    /// Takes a question's place; gives its number.
    pub(crate) fn begin(&mut self, waiting: Waiting) -> Answer<u64> {
        if self.pending.len() >= PENDING_MAX {
            return Err(CarrierError::Away("too many calls are under way".into()));
        }
        self.last += 1;
        self.pending.insert(self.last, waiting);
        Ok(self.last)
    }

    /// Forgets a question that could not be asked.
    pub(crate) fn forget(&mut self, id: u64) {
        self.pending.remove(&id);
    }

    /// Forgets a subscription; gives the method that ends it, when there was one.
    pub(crate) fn end(&mut self, id: &str) -> Option<String> {
        self.subscriptions.remove(id).map(|(_, unsubscribe)| unsubscribe)
    }

    /// Hands on what came back. What is of nobody is dropped; gives the subscription that is to be ended,
    /// if one is.
    pub(crate) fn hand_on(&mut self, text: &str) -> Option<Orphan> {
        let frame: Frame = serde_json::from_str(text).ok()?;
        match (frame.id, frame.params) {
            (Some(id), _) => self.answer(id, frame.result, frame.error),
            (None, Some(params)) => self.item(&params),
            (None, None) => None,
        }
    }

    fn answer(
        &mut self,
        id: u64,
        result: Option<&RawValue>,
        error: Option<Refusal>,
    ) -> Option<Orphan> {
        let answer = match error {
            Some(refusal) => Err(refusal.into()),
            None => Ok(result.map_or("null", RawValue::get)),
        };
        match self.pending.remove(&id)? {
            // Whoever waited may be gone; that is no error.
            Waiting::Answer(waiting) => drop(waiting.send(answer.map(str::to_owned))),
            Waiting::Subscription(waiting, unsubscribe) => {
                let begun = answer.and_then(|id| {
                    serde_json::from_str::<String>(id)
                        .map_err(|error| CarrierError::Away(error.to_string()))
                });
                let Ok(id) = begun else {
                    drop(waiting.send(begun.map(|id| (id, mpsc::channel(1).1))));
                    return None;
                };
                let (sender, receiver) = mpsc::channel(ITEMS_MAX);
                if waiting.send(Ok((id.clone(), receiver))).is_err() {
                    return Some(Orphan { id, unsubscribe });
                }
                self.subscriptions.insert(id, (sender, unsubscribe));
            }
        }
        None
    }

    fn item(&mut self, params: &Params<'_>) -> Option<Orphan> {
        let (sender, _) = self.subscriptions.get(&*params.subscription)?;
        let item = params.result.map_or("null", RawValue::get).to_owned();
        if sender.try_send(item).is_ok() {
            return None;
        }
        let (_, unsubscribe) = self.subscriptions.remove(&*params.subscription)?;
        Some(Orphan { id: params.subscription.clone().into_owned(), unsubscribe })
    }
}

#[derive(Deserialize)]
struct Frame<'a> {
    id: Option<u64>,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    error: Option<Refusal>,
    #[serde(borrow)]
    params: Option<Params<'a>>,
}

#[derive(Deserialize)]
struct Params<'a> {
    #[serde(borrow)]
    subscription: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Refusal {
    code: i32,
    message: String,
}

impl From<Refusal> for CarrierError {
    fn from(refusal: Refusal) -> Self {
        // No peer took the statement now; one that cannot be decoded has the same code.
        match refusal.code == STATEMENT && refusal.message.contains("peer") {
            true => Self::Away(refusal.message),
            false => Self::Refused { code: refusal.code, message: refusal.message },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(calls: &mut Calls) -> (u64, oneshot::Receiver<Answer<String>>) {
        let (sender, receiver) = oneshot::channel();
        (calls.begin(Waiting::Answer(sender)).unwrap(), receiver)
    }

    fn subscribe(calls: &mut Calls) -> (u64, oneshot::Receiver<Answer<Begun>>) {
        let (sender, receiver) = oneshot::channel();
        (calls.begin(Waiting::Subscription(sender, "end".into())).unwrap(), receiver)
    }

    #[test]
    fn each_answer_reaches_its_question() {
        let mut calls = Calls::default();
        let (first, mut one) = ask(&mut calls);
        let (second, mut two) = ask(&mut calls);
        let (third, mut three) = ask(&mut calls);
        assert_eq!(calls.hand_on(&format!(r#"{{"id":{second},"result":null}}"#)), None);
        calls.hand_on(&format!(r#"{{"id":{first},"result":{{"a":[1, 2]}}}}"#));
        calls.hand_on(&format!(r#"{{"id":{third},"error":{{"code":-32601,"message":"no"}}}}"#));
        assert_eq!(one.try_recv().unwrap(), Ok(r#"{"a":[1, 2]}"#.into()));
        assert_eq!(two.try_recv().unwrap(), Ok("null".into()));
        let refused = CarrierError::Refused { code: -32601, message: "no".into() };
        assert_eq!(three.try_recv().unwrap(), Err(refused));
    }

    #[test]
    fn a_statement_that_no_peer_took_may_be_sent_again() {
        let mut calls = Calls::default();
        let (id, mut answer) = ask(&mut calls);
        let text = "Statement store error: No connected peers to broadcast the statement to";
        calls.hand_on(&format!(r#"{{"id":{id},"error":{{"code":7001,"message":"{text}"}}}}"#));
        assert_eq!(answer.try_recv().unwrap(), Err(CarrierError::Away(text.into())));
        let (id, mut answer) = ask(&mut calls);
        let text = "Statement store error: Error decoding statement";
        calls.hand_on(&format!(r#"{{"id":{id},"error":{{"code":7001,"message":"{text}"}}}}"#));
        assert!(matches!(answer.try_recv().unwrap(), Err(CarrierError::Refused { .. })));
    }

    #[test]
    fn items_follow_their_subscription_until_the_reader_is_gone() {
        let mut calls = Calls::default();
        let (id, mut begun) = subscribe(&mut calls);
        calls.hand_on(&format!(r#"{{"id":{id},"result":"s1"}}"#));
        let (name, mut items) = begun.try_recv().unwrap().unwrap();
        assert_eq!(name, "s1");
        let item = r#"{"method":"m","params":{"subscription":"s1","result":7}}"#;
        assert_eq!(calls.hand_on(item), None);
        assert_eq!(items.try_recv().unwrap(), "7");
        drop(items);
        let orphan = Orphan { id: "s1".into(), unsubscribe: "end".into() };
        assert_eq!(calls.hand_on(item), Some(orphan));
        assert_eq!(calls.hand_on(item), None);
    }

    #[test]
    fn a_subscription_that_nobody_waits_for_any_more_is_ended() {
        let mut calls = Calls::default();
        let (id, begun) = subscribe(&mut calls);
        drop(begun);
        let orphan = Orphan { id: "s1".into(), unsubscribe: "end".into() };
        assert_eq!(calls.hand_on(&format!(r#"{{"id":{id},"result":"s1"}}"#)), Some(orphan));
    }

    #[test]
    fn a_reader_who_lags_loses_his_subscription_and_nobody_waits_for_him() {
        let mut calls = Calls::default();
        let (id, mut begun) = subscribe(&mut calls);
        calls.hand_on(&format!(r#"{{"id":{id},"result":"s1"}}"#));
        let (_, mut items) = begun.try_recv().unwrap().unwrap();
        let item = r#"{"method":"m","params":{"subscription":"s1","result":7}}"#;
        for _ in 0..ITEMS_MAX {
            assert_eq!(calls.hand_on(item), None);
        }
        assert!(calls.hand_on(item).is_some());
        for _ in 0..ITEMS_MAX {
            items.try_recv().unwrap();
        }
        assert_eq!(items.try_recv(), Err(mpsc::error::TryRecvError::Disconnected));
    }

    #[test]
    fn questions_are_bounded_and_nonsense_is_dropped() {
        let mut calls = Calls::default();
        let waiting: Vec<_> = (0..PENDING_MAX).map(|_| ask(&mut calls)).collect();
        let (sender, _receiver) = oneshot::channel();
        assert!(matches!(calls.begin(Waiting::Answer(sender)), Err(CarrierError::Away(_))));
        calls.forget(waiting[0].0);
        ask(&mut calls);
        for text in ["", "{", "[]", r#"{"id":99999,"result":1}"#, r#"{"params":{}}"#, "{}"] {
            assert_eq!(calls.hand_on(text), None, "{text}");
        }
    }
}
