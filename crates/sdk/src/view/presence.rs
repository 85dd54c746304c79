//! Whether machines are there.

use serde::Serialize;

use super::Moment;

/// How a machine was there, as the watchers say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PresenceView {
    /// Whether it was heard when it was last known; a machine that is not verified is not listened to.
    pub live: bool,
    /// Since when it is silent.
    pub silent_since: Option<Moment>,
    /// Seconds of all outages that are over.
    pub offline_s: u64,
    /// Its last outages, the oldest first; at most 16.
    pub outages: Vec<OutageView>,
    /// Up to when it is known; nothing is paid past it.
    pub known_to: Moment,
}

/// A time in which a machine was silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct OutageView {
    /// When it began.
    pub since: Moment,
    /// When it was over.
    pub until: Option<Moment>,
    /// Whether it counts against the provider: not when very many machines fell silent at once.
    pub blamed: bool,
}
