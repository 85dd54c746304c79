//! The control stream: requests of a client, answers of the agent. Each is one JSON frame with a
//! four-byte big-endian length before it, at most [`crate::FRAME_BYTES_MAX`].

use serde::{Deserialize, Serialize};

use crate::{
    code::ApiError,
    verb::Verb,
    workload::{Port, WorkloadSpec},
};

/// What a client asks of the workload that its [`crate::hello::Hello`] named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// Stores the spec and makes the workload match it. Idempotent: the same spec again is a no-op.
    Put(Box<WorkloadSpec>),
    /// Answers once with the state.
    Status,
    /// Answers with each change of state until it is final ([`WorkloadStatus::is_settled`]).
    Watch,
    /// Answers with the output so far and, with `follow`, with what comes.
    Logs {
        /// Go on until the client closes the stream.
        follow: bool,
        /// Last lines to begin with; at most 10,000.
        tail: u32,
    },
    /// Starts a stopped workload.
    Start,
    /// Stops it; its root file system stays.
    Stop,
    /// Stop, then start.
    Restart,
    /// Makes the agent refuse grants that carry any of these revocation ids (hex); kept over restarts.
    Revoke {
        /// At most 64 ids of at most 128 hex characters.
        ids: Vec<String>,
    },
}

impl Request {
    /// The verb that the grant must allow.
    pub fn verb(&self) -> Verb {
        match self {
            Self::Status | Self::Watch => Verb::View,
            Self::Logs { .. } => Verb::Logs,
            Self::Put(_) | Self::Start | Self::Stop | Self::Restart | Self::Revoke { .. } => {
                Verb::Manage
            }
        }
    }
}

/// One answer frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// Done.
    Done,
    /// The state of the workload.
    Status(Box<WorkloadStatus>),
    /// A piece of output, bytes as they came.
    Log {
        /// Which of the two streams.
        stream: LogStream,
        /// Text, invalid UTF-8 replaced.
        text: String,
    },
    /// The request failed.
    Error(ApiError),
}

/// The two output streams of a workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// State of a workload as its agent knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkloadStatus {
    /// Where it stands.
    pub phase: Phase,
    /// One line for a person, e.g. `pulling 41 of 87 MiB`.
    pub detail: String,
    /// Why the last step failed, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<ApiError>,
    /// In [`Phase::Failed`]: the agent tries again by itself, and that may help with nothing changed by the
    /// renter: a registry that is away may come back, a tag that is gone does not.
    #[serde(default)]
    pub retry: bool,
    /// Hex SHA-256 of the stored spec ([`WorkloadSpec::hash`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spec_hash: Option<String>,
    /// Content digest of the image in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_digest: Option<String>,
    /// Ports that can be forwarded by name.
    #[serde(default)]
    pub ports: Vec<Port>,
    /// How often it was started.
    pub starts: u32,
    /// Bytes used of the root file system's quota, and the quota; zero when not known yet.
    pub disk_used_bytes: u64,
    /// The quota in bytes.
    pub disk_limit_bytes: u64,
}

impl WorkloadStatus {
    /// Whether nothing more is to be expected, unless somebody changes something.
    pub fn is_settled(&self) -> bool {
        self.phase.is_settled() && !(self.phase == Phase::Failed && self.retry)
    }
}

/// Phases of a workload. `absent → accepted → pulling → preparing → starting → probing → running ⇄
/// stopped`; any may go to `failed` and comes back by itself when the cause is gone; `closed` ends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// No spec yet.
    Absent,
    /// Spec stored; waits for the lease to be final.
    Accepted,
    /// Image on its way.
    Pulling,
    /// Root file system, network.
    Preparing,
    /// Container or guest being started.
    Starting,
    /// Started, not yet healthy.
    Probing,
    /// Healthy; the meter runs.
    Running,
    /// Stopped by request, by its own exit, or paused because the lease is over.
    Stopped,
    /// The last step failed; retried with back-off.
    Failed,
    /// The lease is closed; data is kept until `retain_until`.
    Closed,
}

impl Phase {
    /// Whether the way to a running workload ends here; a failed one may yet be tried again.
    pub fn is_settled(self) -> bool {
        matches!(self, Self::Running | Self::Stopped | Self::Failed | Self::Closed)
    }
}
