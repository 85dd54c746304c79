//! The control stream: one request, its answers, the end. Checks the request's verb, converts types
//! and errors; everything else is the fleet's.

use std::{sync::Arc, time::Duration};

use dbc_agent_api::{
    ApiError, ErrorCode,
    control::{LogStream, Phase, Reply, Request},
};
use dbc_host::backend::LogOptions;
use dbc_tunnel::{FrameError, Stream, read_frame, write_frame};
use futures::StreamExt;
use tokio::{io::AsyncWriteExt, time::timeout};

use super::authorize::Pass;
use crate::{
    driver::Wish,
    fleet::{Fleet, container_of},
    record::absent_status,
};

/// How long a client may take to say what it wants.
const REQUEST_TIME: Duration = Duration::from_secs(10);
/// How long it may take to read one answer.
const WRITE_TIME: Duration = Duration::from_secs(30);
/// Longest log tail, in lines.
const TAIL_MAX: u32 = 10_000;
/// Bytes of output in one frame; JSON may make six of one.
const LOG_BYTES: usize = 32 * 1024;

/// Serves one control stream that was let in.
pub async fn serve(fleet: &Arc<Fleet>, pass: &Pass, mut stream: Stream) {
    let stream = &mut stream;
    let request = match timeout(REQUEST_TIME, read_frame::<Request, _>(stream)).await {
        Ok(Ok(Some(request))) => request,
        Ok(Ok(None)) => return,
        Ok(Err(error)) => {
            let message = format!("the request is wrong: {}", dbc_service::error_chain(&error));
            return fail(stream, ApiError::new(ErrorCode::InvalidInput, message)).await;
        }
        Err(_) => {
            let error = ApiError::new(ErrorCode::InvalidInput, "no request in time");
            return fail(stream, error).await;
        }
    };
    let verb = request.verb();
    let verbs = [verb];
    if let Err(error) = pass.allow(verb) {
        return fail(stream, error).await;
    }
    let unread = stream.unread();
    let outcome = tokio::select! {
        outcome = answer(fleet, pass, request, stream) => outcome,
        // Nobody reads any more; without this a silent log would be followed for ever.
        () = unread => Err(Stop::Gone),
        error = pass.ended(&verbs) => Err(Stop::Refused(error)),
    };
    match outcome {
        Ok(()) => drop(timeout(WRITE_TIME, stream.shutdown()).await),
        Err(Stop::Refused(error)) => fail(stream, error).await,
        Err(Stop::Gone) => {}
    }
}

/// Why a request has no further answers.
enum Stop {
    /// The client is told.
    Refused(ApiError),
    /// The client is gone.
    Gone,
}

impl From<ApiError> for Stop {
    fn from(error: ApiError) -> Self {
        Self::Refused(error)
    }
}

async fn answer(
    fleet: &Arc<Fleet>,
    pass: &Pass,
    request: Request,
    stream: &mut Stream,
) -> Result<(), Stop> {
    let key = pass.key();
    match request {
        Request::Put(spec) => fleet.put(key, *spec).await?,
        Request::Start => fleet.wish(key, Wish::Start).await?,
        Request::Stop => fleet.wish(key, Wish::Stop).await?,
        Request::Restart => fleet.wish(key, Wish::Restart).await?,
        Request::Revoke { ids } => pass.revoke(&ids).await?,
        Request::Status => {
            let status = fleet.status(key).map(|status| status.borrow().clone());
            let status = Box::new(status.unwrap_or_else(absent_status));
            return send(stream, &Reply::Status(status)).await;
        }
        Request::Watch => return watch(fleet, pass, stream).await,
        Request::Logs { follow, tail } => return logs(fleet, pass, follow, tail, stream).await,
    }
    send(stream, &Reply::Done).await
}

async fn watch(fleet: &Fleet, pass: &Pass, stream: &mut Stream) -> Result<(), Stop> {
    let Some(mut changes) = fleet.status(pass.key()) else {
        return send(stream, &Reply::Status(Box::new(absent_status()))).await;
    };
    loop {
        let status = changes.borrow_and_update().clone();
        let settled = status.is_settled();
        send(stream, &Reply::Status(Box::new(status))).await?;
        if settled {
            return Ok(());
        }
        if changes.changed().await.is_err() {
            let mut last = absent_status();
            last.phase = Phase::Closed;
            last.detail = "the workload was removed".into();
            return send(stream, &Reply::Status(Box::new(last))).await;
        }
    }
}

async fn logs(
    fleet: &Fleet,
    pass: &Pass,
    follow: bool,
    tail: u32,
    stream: &mut Stream,
) -> Result<(), Stop> {
    let key = pass.key();
    if fleet.status(key).is_none() {
        let message = "no spec was sent for this workload";
        return Err(ApiError::new(ErrorCode::WorkloadNotFound, message).into());
    }
    let container = container_of(fleet, key).await.map_err(|error| error.api())?;
    let Some(container) = container else {
        let message = "the workload was not started yet, so it has no output";
        return Err(ApiError::new(ErrorCode::WrongState, message).into());
    };
    let options = LogOptions { tail: tail.min(TAIL_MAX), follow };
    let mut chunks = fleet.host().backend.logs(&container, options);
    loop {
        let Some(chunk) = chunks.next().await else { return Ok(()) };
        let chunk = chunk.map_err(|error| crate::error::StepError::from(error).api())?;
        let side = if chunk.stderr { LogStream::Stderr } else { LogStream::Stdout };
        for piece in chunk.bytes.chunks(LOG_BYTES) {
            let text = String::from_utf8_lossy(piece).into_owned();
            send(stream, &Reply::Log { stream: side, text }).await?;
        }
    }
}

async fn send(stream: &mut Stream, reply: &Reply) -> Result<(), Stop> {
    match timeout(WRITE_TIME, write_frame(stream, reply)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(FrameError::TooLarge { .. })) => {
            Err(ApiError::new(ErrorCode::Internal, "an answer is too large").into())
        }
        Ok(Err(_)) | Err(_) => Err(Stop::Gone),
    }
}

async fn fail(stream: &mut Stream, error: ApiError) {
    // A client that is gone is not told.
    let _ = timeout(WRITE_TIME, async {
        write_frame(stream, &Reply::Error(error)).await?;
        stream.shutdown().await.map_err(FrameError::from)
    })
    .await;
}
