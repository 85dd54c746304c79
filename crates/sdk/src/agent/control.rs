//! The control stream: one request, its replies, every frame bounded. What the machine says in words is one line
//! each, without anything that a terminal obeys.

use std::time::Duration;

use dbc_agent_api::{
    ApiError,
    control::{LogStream, Reply, Request, WorkloadStatus},
};
use dbc_tunnel::{FrameError, Stream, read_frame, write_frame};
use tokio::time::timeout;

use super::Agent;
use crate::{MarketError, convert, id::MachineId};

/// How long the agent may take over a request that it answers once; stopping a workload is the slowest.
const ANSWER_TIME: Duration = Duration::from_secs(120);

/// A stream of replies to one request.
pub(super) struct Replies {
    stream: Stream,
    machine: MachineId,
}

impl Replies {
    /// The next reply; `None` at the orderly end.
    async fn next(&mut self) -> Result<Option<Reply>, MarketError> {
        match read_frame(&mut self.stream).await {
            Ok(Some(Reply::Error(error))) => Err(MarketError::Agent(plain(error))),
            Ok(Some(Reply::Status(status))) => {
                Ok(Some(Reply::Status(Box::new(plain_status(*status)))))
            }
            Ok(reply) => Ok(reply),
            Err(error) => Err(broken(self.machine, &error)),
        }
    }

    /// The one reply.
    async fn once(mut self) -> Result<Reply, MarketError> {
        match timeout(ANSWER_TIME, self.next()).await {
            Ok(Ok(Some(reply))) => Ok(reply),
            Ok(Ok(None)) => Err(self.wrong("it ended without an answer")),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(MarketError::MachineUnreachable {
                machine: self.machine,
                why: format!("no answer in {} s", ANSWER_TIME.as_secs()),
            }),
        }
    }

    fn wrong(&self, why: &str) -> MarketError {
        MarketError::Broken { machine: self.machine, why: why.into() }
    }
}

pub(super) async fn open(agent: &Agent, request: &Request) -> Result<Replies, MarketError> {
    let mut stream = agent.control_stream(request.verb()).await?;
    let machine = agent.machine();
    write_frame(&mut stream, request).await.map_err(|error| broken(machine, &error))?;
    Ok(Replies { stream, machine })
}

/// A request that is answered by "done".
pub(super) async fn done(agent: &Agent, request: &Request) -> Result<(), MarketError> {
    let replies = open(agent, request).await?;
    let machine = replies.machine;
    match replies.once().await? {
        // Some requests answer with the state that they led to.
        Reply::Done | Reply::Status(_) => Ok(()),
        _ => Err(MarketError::Broken { machine, why: "its answer is to another request".into() }),
    }
}

pub(super) async fn status(agent: &Agent) -> Result<WorkloadStatus, MarketError> {
    let replies = open(agent, &Request::Status).await?;
    let machine = replies.machine;
    match replies.once().await? {
        Reply::Status(status) => Ok(*status),
        _ => Err(MarketError::Broken { machine, why: "its answer is to another request".into() }),
    }
}

/// States of a workload as they come.
pub struct StatusWatch {
    replies: Replies,
}

impl StatusWatch {
    pub(super) fn new(replies: Replies) -> Self {
        Self { replies }
    }

    /// The next state; `None` after the settled one. Not cancel-safe.
    pub async fn next(&mut self) -> Result<Option<WorkloadStatus>, MarketError> {
        match self.replies.next().await? {
            Some(Reply::Status(status)) => Ok(Some(*status)),
            Some(Reply::Done) | None => Ok(None),
            Some(_) => Err(self.replies.wrong("its answer is to another request")),
        }
    }
}

/// Output of a workload as it comes.
pub struct LogFollow {
    replies: Replies,
}

impl LogFollow {
    pub(super) fn new(replies: Replies) -> Self {
        Self { replies }
    }

    /// The next piece; `None` at the end. Not cancel-safe: to stop, drop the whole.
    pub async fn next(&mut self) -> Result<Option<(LogStream, String)>, MarketError> {
        match self.replies.next().await? {
            Some(Reply::Log { stream, text }) => Ok(Some((stream, text))),
            Some(Reply::Done) | None => Ok(None),
            Some(_) => Err(self.replies.wrong("its answer is to another request")),
        }
    }
}

/// A machine's refusal.
pub(super) fn plain(error: ApiError) -> ApiError {
    ApiError::new(error.code, convert::line(&error.message))
}

fn plain_status(mut status: WorkloadStatus) -> WorkloadStatus {
    status.detail = convert::line(&status.detail);
    status.last_error = status.last_error.map(plain);
    for port in &mut status.ports {
        port.name = convert::line(&port.name);
    }
    status
}

fn broken(machine: MachineId, error: &FrameError) -> MarketError {
    let why = match error {
        FrameError::Io(error) => format!("{error}"),
        error => error.to_string(),
    };
    MarketError::Broken { machine, why }
}
