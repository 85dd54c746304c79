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

/// How a message begins when the engine itself cannot find the GPUs, or what hands them out.
const NO_GPUS: [&str; 3] = [
    "could not select device driver \"nvidia\" ",
    "CDI device injection failed: ",
    "failed to discover GPU vendor from CDI: ",
];
/// NVIDIA's hook, which gives a container its GPUs before it starts.
const HOOK: &str = "nvidia-container-cli: ";
/// How it begins when driver or GPU are to blame. A requirement is the image's, a mount may fail by what is in it.
const HOOK_BLAMES: [&str; 3] =
    ["initialization error: ", "detection error: ", "device error: GPU-"];
/// The engine's words before the hook's are fewer.
const HOOK_AT_MAX: usize = 1024;

/// Whether a container did not start for want of its GPUs, by the words of engine and hook. A renter must not be able to
/// say that himself, to keep GPUs for nothing: words of the hook count only where no path stands before them, as it
/// does in whatever the engine says of files, and names of his stand in paths alone.
pub(super) fn lacks_gpus(message: &str) -> bool {
    if NO_GPUS.iter().any(|words| message.starts_with(words)) {
        return true;
    }
    let Some((before, said)) = message.split_once(HOOK) else { return false };
    let plain = |b: u8| b.is_ascii_alphanumeric() || b" _-.,:#'\n".contains(&b);
    before.len() <= HOOK_AT_MAX
        && before.bytes().all(plain)
        && before.contains("hook #")
        && HOOK_BLAMES.iter().any(|words| said.starts_with(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_35_only_engine_and_hook_say_that_gpus_lack() {
        let hook = "failed to create task for container: failed to create shim task: OCI runtime create failed: runc create \
             failed: unable to start container process: error during container init: error running prestart hook #0: exit \
             status 1, stdout: , stderr: Auto-detected mode as 'legacy'\nnvidia-container-cli: ";
        let older = "OCI runtime create failed: container_linux.go:380: starting container process caused: \
             process_linux.go:545: container init caused: Running hook #1:: error running hook: exit status 1, stdout: , \
             stderr: nvidia-container-cli: ";
        for (before, said, lacks) in [
            (hook, "initialization error: nvml error: driver not loaded: unknown", true),
            (hook, "detection error: nvml error: unknown error: unknown", true),
            (
                older,
                "initialization error: nvml error: driver/library version mismatch: unknown",
                true,
            ),
            (older, "device error: GPU-1ab: unknown device: unknown", true),
            (
                "",
                "could not select device driver \"nvidia\" with capabilities: [[gpu utility]]",
                true,
            ),
            (
                "",
                "CDI device injection failed: unresolvable CDI devices nvidia.com/gpu=GPU-1ab",
                true,
            ),
            ("", "failed to discover GPU vendor from CDI: no known GPU vendor found", true),
            // What the image asks for, and what is in it.
            (hook, "requirement error: unsatisfied condition: cuda>=99: unknown", false),
            (hook, "mount error: file creation failed: /x/libcuda.so: file exists: unknown", false),
            (hook, "device error: 7: unknown imex channel: unknown", false),
            // A renter's words.
            ("", "nvidia-container-cli: device error: GPU-1ab: unknown device", false),
            (
                "error mounting \"/a\" to rootfs at /hook #0: ",
                "nvidia-container-cli: detection error: x",
                false,
            ),
            ("exec: could not select device driver \"nvidia\" ", "x", false),
            ("", "OCI runtime create failed: exec: \"/x\": no such file or directory", false),
        ] {
            assert_eq!(lacks_gpus(&format!("{before}{said}")), lacks, "{before}{said}");
        }
        let long =
            format!("{}hook #0: nvidia-container-cli: detection error: ", "x".repeat(HOOK_AT_MAX));
        assert!(!lacks_gpus(&long));
    }

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
