//! Grants as clients keep them: the token with what it says, for lists.

use serde::{Deserialize, Serialize};

use dbc_agent_api::Verbs;

use crate::id::{Genesis, HolderId, MachineId};

/// What a new grant shall allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantOrder {
    /// Who may use it: the holder key of the other device (`dbc wallet show` there).
    pub holder: HolderId,
    /// What it allows.
    pub verbs: Verbs,
    /// For how many seconds; at most a day unless `pinned`.
    pub for_s: u64,
    /// Lives longer than a day.
    pub pinned: bool,
    /// A word for lists, at most 64 characters.
    pub label: String,
}

/// A grant that this device made or was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantView {
    /// Its own revocation id, shortened; what `revoke` takes.
    pub id: String,
    /// The network.
    pub genesis: Genesis,
    /// The machine.
    pub machine: MachineId,
    /// The lease.
    pub lease: u64,
    /// Who may use it.
    pub holder: HolderId,
    /// What it allows.
    pub verbs: Verbs,
    /// Until when, seconds since 1970 in chain time.
    pub until: u64,
    /// Lives longer than a day.
    pub pinned: bool,
    /// A word for lists.
    pub label: String,
    /// Whether it was revoked from here.
    pub revoked: bool,
    /// Whether it was made here (`false`: it was given to this device).
    pub own: bool,
    /// All revocation ids, hexadecimal; the last is this grant's own.
    pub revocation_ids: Vec<String>,
    /// The token itself. Useless without the holder's key.
    pub token: String,
}
