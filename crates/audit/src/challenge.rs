//! One challenge of one machine: what is asked, what is answered, how long it takes, what follows.

use std::time::{Duration, Instant};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use codec::{Decode as _, Encode as _};
use dbc_agent_api::{
    ALPN_AUDIT,
    audit::{Answer, Ask},
    hello::Hello,
};
use dbc_bench::{Case, Fault, Opening, Transcript};
use dbc_chain_client::Head;
use dbc_primitives::audit::Verdict;
use dbc_tunnel::{Dialer, Stream, Target, read_frame, write_frame};
use tokio::{sync::watch, time::timeout};

/// How much longer than allowed an answer is waited for, so that late is told from away.
const GRACE: Duration = Duration::from_secs(2);
/// How long the block may take that draws the rows.
const BLOCK_TIME: Duration = Duration::from_secs(30);

/// A verdict, what it rests on, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// The verdict.
    pub verdict: Verdict,
    /// Bytes of the transcript.
    pub transcript: Vec<u8>,
    /// Why, for people.
    pub why: String,
}

/// Why there is no verdict yet: the machine may answer a little later.
#[derive(Debug, thiserror::Error)]
#[error("the machine did not answer: {0}")]
pub struct Away(String);

/// Challenges a machine and judges its answer. `secret` is on disk already.
///
/// # Errors
/// When the machine cannot be reached or breaks off: worth another attempt while there is time.
pub async fn challenge(
    dialer: &Dialer,
    target: &Target,
    case: &Case,
    secret: [u8; 32],
    mut heads: watch::Receiver<Head>,
) -> Result<Explained, Away> {
    let hello = Hello { lease: 0, workload: 0, grant: String::new(), port: None };
    let opened = Box::pin(dialer.open(target, ALPN_AUDIT, &hello)).await;
    let mut stream = opened.map_err(|error| Away(error.to_string()))?.stream;
    let mut transcript = Transcript {
        secret,
        block: [0; 32],
        root: [0; 32],
        commit_ms: u32::MAX,
        open_ms: u32::MAX,
        openings: Vec::new(),
    };

    let ask = Ask::Challenge { audit: case.audit, seed: hex::encode(case.params(&secret).seed) };
    let limit = Duration::from_millis(case.terms.commit_ms.into());
    let Some((answer, ms)) = answer_to(&mut stream, &ask, limit).await? else {
        return Ok(judged(case, transcript));
    };
    transcript.root = match answer {
        Answer::Root(text) => match hex::decode(text).ok().and_then(|root| root.try_into().ok()) {
            Some(root) => root,
            None => return Err(Away("its root is no 32 bytes".into())),
        },
        Answer::Openings(_) => return Err(Away("it opened before it was asked".into())),
        Answer::Error(error) => return Err(Away(error.message)),
    };
    transcript.commit_ms = ms;

    // A block that nobody knew when the root was made.
    let root_at = heads.borrow_and_update().number;
    let later = async { heads.wait_for(|head| head.number > root_at).await.map(|head| head.hash) };
    let later = timeout(BLOCK_TIME, later).await.ok().and_then(Result::ok);
    let Some(block) = later else { return Err(Away("the chain made no block meanwhile".into())) };
    transcript.block = block;
    let asked = case.questions(&secret, &transcript.root, &transcript.block);
    let ask = Ask::Open { places: asked.iter().map(|place| (place.link, place.row)).collect() };
    let limit = Duration::from_millis(case.terms.open_ms.into());
    match answer_to(&mut stream, &ask, limit).await? {
        Some((Answer::Openings(text), ms)) => {
            transcript.open_ms = ms;
            let bytes = STANDARD.decode(text).unwrap_or_default();
            transcript.openings = Vec::<Opening>::decode(&mut &bytes[..]).unwrap_or_default();
        }
        Some((Answer::Error(error), ms)) => {
            // It is there and does not open: as good as wrong.
            tracing::warn!(audit = case.audit, error = error.message, "the machine does not open");
            transcript.open_ms = ms;
        }
        Some((Answer::Root(_), ms)) => transcript.open_ms = ms,
        None => {}
    }
    Ok(judged(case, transcript))
}

/// What a machine says to a question, with the milliseconds that it took; `None` when it is late.
async fn answer_to(
    stream: &mut Stream,
    ask: &Ask,
    limit: Duration,
) -> Result<Option<(Answer, u32)>, Away> {
    write_frame(stream, ask).await.map_err(|error| Away(error.to_string()))?;
    let began = Instant::now();
    match timeout(limit + GRACE, read_frame::<Answer, _>(stream)).await {
        Ok(Ok(Some(answer))) => {
            let ms = u32::try_from(began.elapsed().as_millis()).unwrap_or(u32::MAX);
            Ok(Some((answer, ms)))
        }
        Ok(Ok(None)) => Err(Away("it hung up".into())),
        Ok(Err(error)) => Err(Away(dbc_service::error_chain(&error))),
        Err(_) => Ok(None),
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
