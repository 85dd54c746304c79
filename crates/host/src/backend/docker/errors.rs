//! What Docker's answers mean. Pure functions over errors and messages.

use bollard::errors::Error;

use crate::backend::BackendError;

/// The engine's refusal, or that it is not there.
pub(super) fn engine(action: &'static str, error: Error) -> BackendError {
    match error {
        Error::DockerResponseServerError { .. }
        | Error::DockerStreamError { .. }
        | Error::JsonDataError { .. }
        | Error::JsonSerdeError { .. }
        | Error::StrParseError { .. } => BackendError::Engine { action, source: error.into() },
        error => BackendError::Unreachable { source: error.into() },
    }
}

/// Whether Docker answered with this HTTP status.
pub(crate) fn is_status(error: &Error, status: u16) -> bool {
    matches!(error, Error::DockerResponseServerError { status_code, .. } if *status_code == status)
}

/// Docker's own words, when it answered.
pub(crate) fn status_message(error: &Error) -> Option<&str> {
    match error {
        Error::DockerResponseServerError { message, .. } => Some(message),
        Error::DockerStreamError { error } => Some(error),
        _ => None,
    }
}

/// Why a pull failed, by Docker's words: its API has no codes for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PullFailure {
    NotFound,
    Platform,
    Registry,
    Engine,
}

/// Order matters: a message of the registry may quote the words of a lower layer.
const WORDS: [(PullFailure, &[&str]); 4] = [
    (PullFailure::Platform, &["no matching manifest for", "does not match the specified platform"]),
    (
        PullFailure::Engine,
        &["no space left on device", "layer size is larger", "invalid reference"],
    ),
    (
        PullFailure::NotFound,
        &[
            "manifest unknown",
            "not found",
            "repository does not exist",
            "pull access denied",
            "unauthorized",
            "name unknown",
            "denied:",
        ],
    ),
    (
        PullFailure::Registry,
        &[
            "connection refused",
            "connection reset",
            "no such host",
            "timeout",
            "deadline exceeded",
            "EOF",
            "no route to host",
            "network is unreachable",
            "unexpected HTTP status",
            "server gave HTTP response to HTTPS client",
            "TLS handshake",
            "x509",
            "toomanyrequests",
            "filesystem layer verification failed",
            "broken pipe",
            "temporary failure in name resolution",
            "server misbehaving",
        ],
    ),
];

/// Sorts a message of a failed pull.
pub(super) fn pull_failure(message: &str) -> PullFailure {
    let said = message.to_lowercase();
    WORDS
        .iter()
        .find(|(_, words)| words.iter().any(|word| said.contains(&word.to_lowercase())))
        .map_or(PullFailure::Engine, |(failure, _)| *failure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_docker_are_sorted() {
        for (message, failure) in [
            (
                "manifest for a:x not found: manifest unknown: manifest unknown",
                PullFailure::NotFound,
            ),
            (
                "pull access denied for a, repository does not exist or may require 'docker login'",
                PullFailure::NotFound,
            ),
            (
                "no matching manifest for linux/amd64 in the manifest list entries",
                PullFailure::Platform,
            ),
            (
                "image with reference a was found but does not match the specified platform: wanted linux/amd64, actual: linux/arm64",
                PullFailure::Platform,
            ),
            (
                "Get \"http://127.0.0.1:5/v2/\": dial tcp 127.0.0.1:5: connect: connection refused",
                PullFailure::Registry,
            ),
            ("unexpected EOF", PullFailure::Registry),
            ("Get \"https://r/v2/\": dial tcp: lookup r: no such host", PullFailure::Registry),
            ("received unexpected HTTP status: 503 Service Unavailable", PullFailure::Registry),
            ("failed to register layer: write /x: no space left on device", PullFailure::Engine),
            ("something new", PullFailure::Engine),
        ] {
            assert_eq!(pull_failure(message), failure, "{message}");
        }
    }
}
