//! One challenge of one machine: what is asked, what is answered, how long it takes, what follows. How the machine is
//! reached is the [`Examinee`]'s: over the stream of audits, or from inside of a lease.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use codec::{Decode, Encode};
use dbc_agent_api::{
    ALPN_AUDIT,
    audit::{Answer, Ask},
    hello::Hello,
};
use dbc_bench::{Case, Fault, Opening, Place, Transcript};
use dbc_chain_client::Head;
use dbc_primitives::audit::Verdict;
use dbc_tunnel::{Dialer, Stream, Target, read_frame, write_frame};
use tokio::{sync::watch, time::timeout};

/// How much longer than allowed an answer is waited for, so that late is told from away.
const GRACE: Duration = Duration::from_secs(2);
/// Breaking off after hearing which rows are asked for is taken for an accident so often.
const BREAKS_MAX: u32 = 1;
/// How long the block may take that draws the rows.
const BLOCK_TIME: Duration = Duration::from_secs(30);

/// A verdict, what it rests on, and why.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Explained {
    /// The verdict.
    pub verdict: Verdict,
    /// Bytes of the transcript; empty when there was nothing to judge.
    pub transcript: Vec<u8>,
    /// Why, for people.
    pub why: String,
}

impl Explained {
    /// Of a machine that did not answer there is nothing to show.
    pub(crate) fn unreachable(why: String) -> Self {
        Self { verdict: Verdict::Unreachable, transcript: Vec::new(), why }
    }
}

/// Why there is no verdict yet: the machine may answer a little later.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the machine did not answer: {why}")]
pub struct Away {
    pub(crate) why: String,
    /// What that comes to if it is no accident: it had heard which rows it is asked for. Else `None`.
    pub(crate) asked: Option<Box<Explained>>,
}

impl Away {
    /// It broke off, or was never there.
    pub(crate) fn new(why: impl ToString) -> Self {
        Self { why: why.to_string(), asked: None }
    }

    /// Whether there is another attempt: not when it broke off once more after hearing which rows, else whoever left
    /// rows out would have them drawn until he likes them. `breaks` counts.
    pub(crate) fn again(self, breaks: &mut u32) -> Result<Explained, Self> {
        let Self { why, asked: Some(found) } = self else { return Err(self) };
        if *breaks < BREAKS_MAX {
            *breaks += 1;
            return Err(Self { why, asked: Some(found) });
        }
        let why = format!("it broke off again when it had heard which rows: {why}");
        Ok(Explained { why, ..*found })
    }
}

/// Whoever answers a challenge. What it says is hostile.
#[async_trait]
pub(crate) trait Examinee: Send {
    /// Tells the seed, which nobody knew before, and gives the root that comes back.
    async fn root(&mut self, audit: u64, seed: &[u8; 32]) -> Result<[u8; 32], Away>;

    /// Asks for rows and gives the bytes of their openings, whatever they are worth; none when it is there and does
    /// not open.
    async fn open(&mut self, asked: &[Place]) -> Result<Vec<u8>, Away>;
}

/// Challenges a machine over the stream of audits, and judges its answer. `secret` is of this attempt
/// alone.
///
/// # Errors
/// When the machine cannot be reached or breaks off: worth another attempt while there is time.
pub async fn challenge(
    dialer: &Dialer,
    target: &Target,
    case: &Case,
    secret: [u8; 32],
    heads: watch::Receiver<Head>,
) -> Result<Explained, Away> {
    let hello = Hello { lease: 0, workload: 0, grant: String::new(), port: None };
    let opened = Box::pin(dialer.open(target, ALPN_AUDIT, &hello)).await;
    let mut stream = Open(opened.map_err(Away::new)?.stream);
    examine(&mut stream, case, secret, heads).await
}

/// Challenges whoever is on the other side, and judges what it answers.
///
/// # Errors
/// When it breaks off.
pub(crate) async fn examine(
    examinee: &mut impl Examinee,
    case: &Case,
    secret: [u8; 32],
    mut heads: watch::Receiver<Head>,
) -> Result<Explained, Away> {
    let mut transcript = Transcript {
        secret,
        block: [0; 32],
        root: [0; 32],
        commit_ms: u32::MAX,
        open_ms: u32::MAX,
        openings: Vec::new(),
    };
    let seed = case.params(&secret).seed;
    let limit = Duration::from_millis(case.terms.commit_ms.into());
    let Some((root, ms)) = in_time(limit, examinee.root(case.audit, &seed)).await? else {
        return Ok(judged(case, transcript));
    };
    transcript.root = root;
    transcript.commit_ms = ms;

    // A block that nobody knew when the root was made.
    let root_at = heads.borrow_and_update().number;
    let later = async { heads.wait_for(|head| head.number > root_at).await.map(|head| head.hash) };
    let later = timeout(BLOCK_TIME, later).await.ok().and_then(Result::ok);
    let Some(block) = later else { return Err(Away::new("the chain made no block meanwhile")) };
    transcript.block = block;
    let asked = case.questions(&secret, &transcript.root, &transcript.block);
    let limit = Duration::from_millis(case.terms.open_ms.into());
    match in_time(limit, examinee.open(&asked)).await {
        Ok(Some((bytes, ms))) => {
            transcript.open_ms = ms;
            transcript.openings = Vec::<Opening>::decode(&mut &bytes[..]).unwrap_or_default();
        }
        Ok(None) => {}
        Err(away) => {
            return Err(Away { asked: Some(Box::new(judged(case, transcript))), ..away });
        }
    }
    Ok(judged(case, transcript))
}

/// An answer, with the milliseconds that it took; `None` when it is late.
async fn in_time<T>(
    limit: Duration,
    answer: impl Future<Output = Result<T, Away>>,
) -> Result<Option<(T, u32)>, Away> {
    let began = Instant::now();
    match timeout(limit + GRACE, answer).await {
        Ok(answer) => {
            let ms = u32::try_from(began.elapsed().as_millis()).unwrap_or(u32::MAX);
            Ok(Some((answer?, ms)))
        }
        Err(_) => Ok(None),
    }
}

/// A machine on the stream of audits.
struct Open(Stream);

impl Open {
    async fn ask(&mut self, ask: &Ask) -> Result<Answer, Away> {
        write_frame(&mut self.0, ask).await.map_err(Away::new)?;
        match read_frame::<Answer, _>(&mut self.0).await {
            Ok(Some(answer)) => Ok(answer),
            Ok(None) => Err(Away::new("it hung up")),
            Err(error) => Err(Away::new(dbc_service::error_chain(&error))),
        }
    }
}

#[async_trait]
impl Examinee for Open {
    async fn root(&mut self, audit: u64, seed: &[u8; 32]) -> Result<[u8; 32], Away> {
        match self.ask(&Ask::Challenge { audit, seed: hex::encode(seed) }).await? {
            Answer::Root(text) => {
                let root = hex::decode(text).ok().and_then(|root| root.try_into().ok());
                root.ok_or_else(|| Away::new("its root is no 32 bytes"))
            }
            Answer::Openings(_) => Err(Away::new("it opened before it was asked")),
            Answer::Error(error) => Err(Away::new(error.message)),
        }
    }

    async fn open(&mut self, asked: &[Place]) -> Result<Vec<u8>, Away> {
        let places = asked.iter().map(|place| (place.link, place.row)).collect();
        match self.ask(&Ask::Open { places }).await? {
            Answer::Openings(text) => Ok(STANDARD.decode(text).unwrap_or_default()),
            Answer::Error(error) => {
                // It is there and does not open: as good as wrong.
                tracing::warn!(error = error.message, "the machine does not open");
                Ok(Vec::new())
            }
            Answer::Root(_) => Ok(Vec::new()),
        }
    }
}

fn judged(case: &Case, transcript: Transcript) -> Explained {
    let luck: [u8; 32] = rand::random();
    let Transcript { commit_ms, open_ms, .. } = transcript;
    let (verdict, why) = match case.judge(&transcript, &luck) {
        Ok(findings) => {
            let why = format!(
                "root in {commit_ms} ms, rows in {open_ms} ms, {} of {} rows checked: {} million products a second",
                transcript.openings.len(),
                case.params(&transcript.secret).rows(),
                findings.throughput
            );
            (Verdict::Pass(findings), why)
        }
        Err(Fault::LateRoot) => {
            (Verdict::Fail, format!("no root within {} ms", case.terms.commit_ms))
        }
        Err(Fault::LateOpenings) => {
            (Verdict::Fail, format!("no rows within {} ms", case.terms.open_ms))
        }
        Err(Fault::Rejected(reject)) => (Verdict::Fail, format!("a row does not hold: {reject:?}")),
    };
    Explained { verdict, transcript: transcript.encode(), why }
}

#[cfg(test)]
mod tests;
