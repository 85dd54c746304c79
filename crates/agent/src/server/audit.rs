//! Answers auditors: computes their challenge while they wait, and opens what they ask for. Whoever is
//! not drawn for an open audit of this machine is turned away; what runs at once is bounded.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use codec::Encode as _;
use dbc_agent_api::{
    ApiError, ErrorCode,
    audit::{Answer, Ask, PLACES_MAX},
};
use dbc_bench::{Answers, Params, Place, Prover};
use dbc_tunnel::{FrameError, Stream, read_frame, write_frame};
use tokio::{io::AsyncWriteExt as _, task::spawn_blocking, time::timeout};
use tracing::info;

use crate::chain::{ChainView, Drawn};

/// How long an auditor may take to say what he wants.
const ASK_TIME: Duration = Duration::from_secs(60);
/// How long it may take to read one answer.
const WRITE_TIME: Duration = Duration::from_secs(30);
/// Challenges that are under way at once: as many as one audit has auditors, each with one.
const AT_ONCE: usize = 7;

/// Answers auditors. Shared by all streams.
pub struct Examinee {
    machine: [u8; 32],
    view: Arc<dyn ChainView>,
    seats: Mutex<BTreeSet<[u8; 32]>>,
}

/// An auditor's place, until it is dropped.
struct Seat<'a> {
    of: &'a Examinee,
    auditor: [u8; 32],
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.of.seats().remove(&self.auditor);
    }
}

impl Examinee {
    /// Of this machine.
    pub fn new(machine: [u8; 32], view: Arc<dyn ChainView>) -> Self {
        Self { machine, view, seats: Mutex::default() }
    }

    fn seats(&self) -> MutexGuard<'_, BTreeSet<[u8; 32]>> {
        // A panic while the lock was held cannot leave the set half-written.
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for an auditor who has none; by his account, since he may change the key of his connections.
    fn seat(&self, auditor: [u8; 32]) -> Option<Seat<'_>> {
        let mut seats = self.seats();
        let free = seats.len() < AT_ONCE && seats.insert(auditor);
        free.then(|| Seat { of: self, auditor })
    }

    /// Serves one stream; `peer` is the key of its connection.
    pub async fn serve(&self, peer: [u8; 32], mut stream: Stream) {
        let answered = self.answer(peer, &mut stream).await;
        if let Err(error) = answered {
            // An auditor who is gone is not told.
            let _ = send(&mut stream, &Answer::Error(error)).await;
        }
        let _ = timeout(WRITE_TIME, stream.shutdown()).await;
    }

    async fn answer(&self, peer: [u8; 32], stream: &mut Stream) -> Result<(), ApiError> {
        let Ask::Challenge { audit, seed } = ask(stream).await? else {
            return Err(wrong("an audit begins with a challenge"));
        };
        let seed = hex::decode(seed).ok().and_then(|bytes| bytes.try_into().ok());
        let seed = seed.ok_or_else(|| wrong("seed: must be 64 hex digits"))?;
        let drawn = self.view.drawn(audit, self.machine, peer).await;
        let Drawn { auditor, terms, cards } = drawn
            .map_err(|error| ApiError::new(ErrorCode::ChainUnreachable, error.to_string()))?
            .ok_or_else(|| {
                wrong("audit: this key is not drawn for an open audit of this machine")
            })?;
        let params = Params::new(seed, terms.edge, terms.links, u32::from(terms.gpus.max(1)))
            .map_err(|_| wrong("the chain asks for a challenge that this agent does not know"))?;
        // Kept for as long as the products are.
        let Some(_seat) = self.seat(auditor) else {
            return Err(ApiError::new(
                ErrorCode::Busy,
                "too many challenges at once; each auditor has one",
            ));
        };
        let began = std::time::Instant::now();
        let computed = spawn_blocking(move || compute(params, terms.gpus, &cards)).await;
        let prover = computed
            .map_err(|_| ApiError::new(ErrorCode::Internal, "the challenge was not computed"))??;
        let took_ms = began.elapsed().as_millis();
        info!(audit, auditor = hex::encode(&peer[..4]), took_ms, "a challenge is computed");
        send(stream, &Answer::Root(hex::encode(prover.root()))).await?;
        let Ask::Open { places } = ask(stream).await? else {
            return Err(wrong("after a challenge comes the question for rows"));
        };
        if places.len() > PLACES_MAX {
            return Err(wrong("places: at most 64"));
        }
        let open = |(link, row)| prover.open(Place { link, row });
        let openings: Option<Vec<_>> = places.into_iter().map(open).collect();
        let openings = openings.ok_or_else(|| wrong("places: a row lies outside the challenge"))?;
        send(stream, &Answer::Openings(STANDARD.encode(openings.encode()))).await
    }
}

/// Computes a challenge: on the cards that nobody leases, all at once, or on the processor when none is asked.
fn compute(params: Params, gpus: u16, free: &[[u8; 16]]) -> Result<Box<dyn Answers>, ApiError> {
    if gpus == 0 {
        return Ok(Box::new(Prover::run(params)));
    }
    let refused = |error: dbc_gpu::CardError| {
        ApiError::new(ErrorCode::Internal, dbc_service::error_chain(&error))
    };
    let mut cards = dbc_gpu::cards().map_err(refused)?;
    cards.retain(|card| free.contains(&card.uuid));
    if cards.len() < usize::from(gpus) {
        let found = cards.len();
        let why =
            format!("the chain knows of {gpus} free cards of this machine, its driver of {found}");
        return Err(ApiError::new(ErrorCode::Internal, why));
    }
    Ok(Box::new(dbc_gpu::run(&cards, params).map_err(refused)?))
}

async fn ask(stream: &mut Stream) -> Result<Ask, ApiError> {
    match timeout(ASK_TIME, read_frame::<Ask, _>(stream)).await {
        Ok(Ok(Some(ask))) => Ok(ask),
        Ok(Ok(None)) => Err(wrong("the auditor hung up")),
        Ok(Err(error)) => Err(wrong(dbc_service::error_chain(&error))),
        Err(_) => Err(wrong("no question in time")),
    }
}

async fn send(stream: &mut Stream, answer: &Answer) -> Result<(), ApiError> {
    match timeout(WRITE_TIME, write_frame(stream, answer)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(FrameError::TooLarge { .. })) => {
            Err(ApiError::new(ErrorCode::Internal, "an answer is too large"))
        }
        Ok(Err(_)) | Err(_) => Err(wrong("the auditor hung up")),
    }
}

fn wrong(why: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::InvalidInput, why)
}
