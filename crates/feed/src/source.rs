//! Sources, each hostile: they may lie, jump, stall, send nonsense or never end. What is read of one is
//! bounded in time and bytes.

use std::time::Duration;

use futures::future::join_all;
use reqwest::{Client, Url, redirect::Policy};
use serde_json::Value;
use tracing::{debug, warn};

use crate::decimal;

/// How long a source may take.
const ASK_TIME: Duration = Duration::from_secs(10);
/// Bytes that are read of an answer.
const ANSWER_BYTES_MAX: usize = 256 * 1024;
/// Redirections that are followed.
const REDIRECTIONS_MAX: usize = 3;
/// Steps into an answer.
const STEPS_MAX: usize = 16;
/// Most sources.
const SOURCES_MAX: usize = 16;
/// Highest price that is believed, in millionths of a dollar: what the chain believes.
const PRICE_MAX: u128 = 1_000_000_000_000;

/// Where a price is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A number in a JSON document.
    Json {
        /// Its address.
        url: Url,
        /// Keys and positions on the way to the number.
        at: Vec<String>,
    },
    /// Always the same, in millionths of a dollar; for networks of development.
    Fixed(u128),
}

/// Why a source is refused before it is asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadSource {
    /// The text names no source.
    #[error("source {0:?}: write ADDRESS#KEY.KEY, e.g. https://prices.example/dbc.json#data.usd")]
    Form(String),
    /// Its address is none of the web.
    #[error("source {0:?}: the address must begin with http:// or https://")]
    Address(String),
    /// A fixed price is out of bounds.
    #[error("{0:?} is no price in dollars, e.g. 0.02")]
    Fixed(String),
    /// There are none, or too many.
    #[error("name 1 to {SOURCES_MAX} sources")]
    Count,
}

/// Why a source's answer does not count.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BadValue {
    /// It did not answer, or too late.
    #[error("no answer: {0}")]
    Away(String),
    /// It sends more than anybody reads.
    #[error("more than {ANSWER_BYTES_MAX} bytes")]
    TooLarge,
    /// It is no JSON.
    #[error("no JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// There is no price where it should be.
    #[error("no price at {0}")]
    Missing(String),
}

impl Source {
    /// Reads `ADDRESS#KEY.KEY`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, BadSource> {
        let form = || BadSource::Form(text.chars().take(200).collect());
        let (address, at) = text.split_once('#').ok_or_else(form)?;
        let url: Url = address.parse().map_err(|_| form())?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(BadSource::Address(address.chars().take(200).collect()));
        }
        let at: Vec<String> = at.split('.').map(str::to_owned).collect();
        if at.len() > STEPS_MAX || at.iter().any(String::is_empty) {
            return Err(form());
        }
        Ok(Self::Json { url, at })
    }

    /// A price that never changes.
    ///
    /// # Errors
    /// When it is no price.
    pub fn fixed(text: &str) -> Result<Self, BadSource> {
        let price = decimal::parse(text).filter(|price| (1..=PRICE_MAX).contains(price));
        price.map(Self::Fixed).ok_or_else(|| BadSource::Fixed(text.chars().take(40).collect()))
    }
}

/// All sources, asked at once.
#[derive(Debug, Clone)]
pub struct Sources {
    all: Vec<Source>,
    client: Client,
}

impl Sources {
    /// Makes them ready.
    ///
    /// # Errors
    /// When there are none, too many, or no client can be made.
    pub fn new(all: Vec<Source>) -> anyhow::Result<Self> {
        if all.is_empty() || all.len() > SOURCES_MAX {
            return Err(BadSource::Count.into());
        }
        // Another part of the program may have chosen it before: then that one serves.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .timeout(ASK_TIME)
            .redirect(Policy::limited(REDIRECTIONS_MAX))
            .user_agent(concat!("dbc-feed/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { all, client })
    }

    /// What a DBC costs, in millionths of a dollar: the median of those that answered, of an even number the
    /// lower middle one. `None` when fewer than more than half did.
    pub async fn ask(&self) -> Option<u128> {
        let asked = self.all.iter().map(|source| async move {
            let found = one(&self.client, source).await;
            match &found {
                Ok(price) => debug!(?source, price, "a source answered"),
                Err(error) => {
                    let error = dbc_service::error_chain(error);
                    warn!(?source, error, "a source does not count");
                }
            }
            found.ok()
        });
        let mut found: Vec<u128> = join_all(asked).await.into_iter().flatten().collect();
        if 2 * found.len() <= self.all.len() {
            warn!(answered = found.len(), of = self.all.len(), "too few sources: nothing is told");
            return None;
        }
        found.sort_unstable();
        found.get((found.len() - 1) / 2).copied()
    }
}

async fn one(client: &Client, source: &Source) -> Result<u128, BadValue> {
    let (url, at) = match source {
        Source::Fixed(price) => return Ok(*price),
        Source::Json { url, at } => (url, at),
    };
    let away = |error: reqwest::Error| BadValue::Away(dbc_service::error_chain(&error));
    let mut answer = client
        .get(url.clone())
        .send()
        .await
        .and_then(reqwest::Response::error_for_status)
        .map_err(away)?;
    let mut bytes = Vec::new();
    // The client's time covers the whole answer; memory grows by what arrived and no further.
    while let Some(chunk) = answer.chunk().await.map_err(away)? {
        if bytes.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Err(BadValue::TooLarge);
        }
        bytes.extend_from_slice(&chunk);
    }
    let document: Value = serde_json::from_slice(&bytes)?;
    let missing = || BadValue::Missing(at.join("."));
    let found = at.iter().try_fold(&document, |value, step| match value {
        Value::Object(fields) => fields.get(step),
        Value::Array(items) => step.parse::<usize>().ok().and_then(|at| items.get(at)),
        _ => None,
    });
    let price = match found.ok_or_else(missing)? {
        Value::String(text) => decimal::parse(text),
        Value::Number(number) => decimal::parse(&number.to_string()),
        _ => None,
    };
    price.filter(|price| (1..=PRICE_MAX).contains(price)).ok_or_else(missing)
}
