//! The first frame of every stream: who asks for what, under which grant.

use serde::{Deserialize, Serialize};

use crate::{code::ApiError, workload::WorkloadId};

/// Largest encoded grant that an agent reads, in bytes.
pub const GRANT_BYTES_MAX: usize = 8 * 1024;

/// Sent by the client as the first frame of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hello {
    /// The lease on the chain.
    pub lease: u64,
    /// The workload inside the lease.
    pub workload: WorkloadId,
    /// The grant: a Biscuit token, URL-safe base64, at most [`GRANT_BYTES_MAX`] bytes.
    pub grant: String,
    /// The port inside the workload; for [`crate::ALPN_TCP`] alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
}

/// The agent's answer to a [`Hello`]; after `Welcome` the stream speaks its own protocol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HelloReply {
    /// The grant was accepted.
    Welcome {
        /// For SSH streams: the lease's host key and the machine key's signature over it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        host_key: Option<HostKey>,
    },
    /// It was not; the stream ends here.
    Refused(ApiError),
}

/// An SSH host key that the machine vouches for, so that the first connection is no leap of faith.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostKey {
    /// OpenSSH public key line, e.g. `ssh-ed25519 AAAA…`.
    pub openssh: String,
    /// Hex of the machine key's ed25519 signature over [`host_key_message`].
    pub signature: String,
}

/// What the machine key signs for a lease's SSH host key: purpose, genesis hash, lease, key line.
pub fn host_key_message(genesis: &[u8; 32], lease: u64, openssh: &str) -> Vec<u8> {
    let mut message = b"dbc/ssh-host-key/1".to_vec();
    message.extend_from_slice(genesis);
    message.extend_from_slice(&lease.to_le_bytes());
    message.extend_from_slice(openssh.as_bytes());
    message
}
