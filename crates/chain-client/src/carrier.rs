//! [`Carrier`]: what carries JSON-RPC to whoever answers when that is no node's port but, for instance, a
//! light client in this process. Stands here so that a carrier needs no subxt. Repeats nothing, caches
//! nothing, believes what it is told.

use std::{fmt, sync::Arc};

use futures::{
    StreamExt as _,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use subxt::rpcs::{
    self, UserError,
    client::{RawRpcFuture, RawRpcSubscription, RawValue, RpcClientT},
};

/// Why a carrier gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CarrierError {
    /// Whoever answers says no.
    #[error("{message} ({code})")]
    Refused {
        /// A code of JSON-RPC, or one of the method's.
        code: i32,
        /// In its words.
        message: String,
    },
    /// Nobody answers now; the same call may succeed later.
    #[error("{0}")]
    Away(String),
}

/// A subscription's identifier and what comes of it, each item JSON. Dropping it ends it.
pub type Subscribed = (String, BoxStream<'static, String>);

/// Carries JSON-RPC.
pub trait Carrier: fmt::Debug + Send + Sync + 'static {
    /// What answers, for messages.
    fn name(&self) -> &str;

    /// Asks, with parameters that are a JSON array; the answer is JSON.
    fn request<'a>(
        &'a self,
        method: &'a str,
        params: String,
    ) -> BoxFuture<'a, Result<String, CarrierError>>;

    /// Subscribes; `unsubscribe` is the method that ends it.
    fn subscribe<'a>(
        &'a self,
        method: &'a str,
        params: String,
        unsubscribe: &'a str,
    ) -> BoxFuture<'a, Result<Subscribed, CarrierError>>;
}

/// A carrier as subxt wants it.
pub(crate) struct Carried(pub(crate) Arc<dyn Carrier>);

impl RpcClientT for Carried {
    fn request_raw<'a>(
        &'a self,
        method: &'a str,
        params: Option<Box<RawValue>>,
    ) -> RawRpcFuture<'a, Box<RawValue>> {
        Box::pin(async move {
            let answer = self.0.request(method, text(params)).await.map_err(error)?;
            raw(answer)
        })
    }

    fn subscribe_raw<'a>(
        &'a self,
        method: &'a str,
        params: Option<Box<RawValue>>,
        unsubscribe: &'a str,
    ) -> RawRpcFuture<'a, RawRpcSubscription> {
        Box::pin(async move {
            let begun = self.0.subscribe(method, text(params), unsubscribe).await;
            let (id, items) = begun.map_err(error)?;
            // An end is told as what it is: the next read begins a new subscription.
            let end = stream::once(async {
                Err(rpcs::Error::DisconnectedWillReconnect("the subscription ended".into()))
            });
            Ok(RawRpcSubscription { id: Some(id), stream: items.map(raw).chain(end).boxed() })
        })
    }
}

fn text(params: Option<Box<RawValue>>) -> String {
    params.map_or_else(|| "[]".into(), |params| params.get().to_owned())
}

fn raw(text: String) -> Result<Box<RawValue>, rpcs::Error> {
    RawValue::from_string(text).map_err(rpcs::Error::Deserialization)
}

fn error(error: CarrierError) -> rpcs::Error {
    match error {
        CarrierError::Refused { code, message } => {
            rpcs::Error::User(UserError { code, message, data: None })
        }
        CarrierError::Away(_) => rpcs::Error::Client(Box::new(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Echo;

    impl Carrier for Echo {
        fn name(&self) -> &'static str {
            "echo"
        }

        fn request<'a>(
            &'a self,
            method: &'a str,
            params: String,
        ) -> BoxFuture<'a, Result<String, CarrierError>> {
            Box::pin(async move {
                match method {
                    "echo" => Ok(params),
                    "away" => Err(CarrierError::Away("nobody".into())),
                    _ => Err(CarrierError::Refused { code: -32601, message: "unknown".into() }),
                }
            })
        }

        fn subscribe<'a>(
            &'a self,
            _: &'a str,
            params: String,
            _: &'a str,
        ) -> BoxFuture<'a, Result<Subscribed, CarrierError>> {
            Box::pin(async move { Ok(("7".into(), stream::iter([params]).boxed())) })
        }
    }

    #[tokio::test]
    async fn subxt_hears_what_the_carrier_says() {
        let carried = Carried(Arc::new(Echo));
        let params = RawValue::from_string("[1]".into()).unwrap();
        assert_eq!(carried.request_raw("echo", Some(params)).await.unwrap().get(), "[1]");
        assert_eq!(carried.request_raw("echo", None).await.unwrap().get(), "[]");
        let refused = carried.request_raw("else", None).await.unwrap_err();
        assert!(matches!(refused, rpcs::Error::User(error) if error.code == -32601));
        let away = carried.request_raw("away", None).await.unwrap_err();
        let away = crate::error::from_rpc("echo", "test", away);
        assert!(away.is_unreachable(), "{away}");
    }

    #[tokio::test]
    async fn the_end_of_a_subscription_is_told() {
        let carried = Carried(Arc::new(Echo));
        let mut begun = carried.subscribe_raw("echo", None, "end").await.unwrap();
        assert_eq!(begun.id.as_deref(), Some("7"));
        assert_eq!(begun.stream.next().await.unwrap().unwrap().get(), "[]");
        let end = begun.stream.next().await.unwrap().unwrap_err();
        assert!(end.is_disconnected_will_reconnect());
        assert!(begun.stream.next().await.is_none());
    }
}
