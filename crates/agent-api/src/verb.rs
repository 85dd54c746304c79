//! What a grant may allow. The words are the same in tokens, CLI and documents.

use std::{collections::BTreeSet, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// One thing that the holder of a grant may do with the workloads of a lease.
///
/// What destroys data, changes keys or spends money is not a verb: it needs the owner's chain call
/// (mechanisms.md rule 20).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    /// Read state, ports, progress.
    View,
    /// Read the output of a workload.
    Logs,
    /// Open a terminal, run a command.
    Shell,
    /// Read and write files (SFTP).
    Copy,
    /// Connect to a port of a workload.
    Forward,
    /// Put a spec, start, stop and restart a workload.
    Manage,
    /// Run the targeted check of an auditor and nothing else.
    Check,
}

impl Verb {
    /// Every verb, in the order in which help texts list them.
    pub const ALL: [Self; 7] =
        [Self::View, Self::Logs, Self::Shell, Self::Copy, Self::Forward, Self::Manage, Self::Check];

    /// The word that stands for the verb in tokens and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::View => "view",
            Self::Logs => "logs",
            Self::Shell => "shell",
            Self::Copy => "copy",
            Self::Forward => "forward",
            Self::Manage => "manage",
            Self::Check => "check",
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The word is none of the verbs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown verb {0:?}; known are view, logs, shell, copy, forward, manage, check")]
pub struct UnknownVerb(String);

impl FromStr for Verb {
    type Err = UnknownVerb;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|verb| verb.as_str() == word)
            .ok_or_else(|| UnknownVerb(word.chars().take(32).collect()))
    }
}

/// A set of verbs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Verbs(pub BTreeSet<Verb>);

impl Verbs {
    /// What the renter's own client asks for: everything but `check`.
    pub fn owner() -> Self {
        Self(Verb::ALL.into_iter().filter(|verb| *verb != Verb::Check).collect())
    }

    /// Whether `verb` is in the set.
    pub fn allow(&self, verb: Verb) -> bool {
        self.0.contains(&verb)
    }
}

impl FromIterator<Verb> for Verbs {
    fn from_iter<I: IntoIterator<Item = Verb>>(verbs: I) -> Self {
        Self(verbs.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_reads_back_from_its_word() {
        for verb in Verb::ALL {
            assert_eq!(verb.as_str().parse(), Ok(verb));
        }
        assert!("destroy".parse::<Verb>().is_err());
    }

    #[test]
    fn the_owner_set_leaves_the_audit_verb_out() {
        assert!(!Verbs::owner().allow(Verb::Check));
        assert!(Verbs::owner().allow(Verb::Shell));
    }
}
