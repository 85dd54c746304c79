//! What Docker's containers are and do, in our terms: list, events, output.

use std::collections::HashMap;

use bollard::{
    Docker,
    container::LogOutput,
    models::{
        ContainerInspectResponse, ContainerState as DockerState, ContainerStateStatusEnum,
        EventMessage,
    },
    query_parameters::{
        EventsOptions, InspectContainerOptions, ListContainersOptions, LogsOptions,
    },
};
use futures::{Stream, StreamExt, stream};

use super::{
    errors::{engine, is_status},
    of_network,
};
use crate::{
    backend::{
        BackendError, BackendEvent, BackendEventKind, ContainerState, LogChunk, LogOptions,
        ObservedContainer,
    },
    ids::{ContainerId, LABEL_LEASE, LABEL_PLAN, LABEL_WORKLOAD, NetworkId, WorkloadKey},
};

/// More would be far beyond what one agent holds in view.
const LOG_LINES_MAX: u32 = 10_000;

pub(super) async fn list(
    docker: &Docker,
    network: &NetworkId,
) -> Result<Vec<ObservedContainer>, BackendError> {
    let options = ListContainersOptions {
        all: true,
        filters: Some(of_network(network)),
        ..Default::default()
    };
    let found = docker
        .list_containers(Some(options))
        .await
        .map_err(|error| engine("list containers", error))?;
    let mut observed = Vec::with_capacity(found.len());
    for id in found.into_iter().filter_map(|container| container.id) {
        match docker.inspect_container(&id, None::<InspectContainerOptions>).await {
            Ok(container) => observed.extend(observe(container)),
            Err(error) if is_status(&error, 404) => {} // removed since
            Err(error) => return Err(engine("inspect a container", error)),
        }
    }
    Ok(observed)
}

/// `None` for a container of ours that is no workload.
fn observe(container: ContainerInspectResponse) -> Option<ObservedContainer> {
    let labels = container.config?.labels?;
    let state = container.state.unwrap_or_default();
    Some(ObservedContainer {
        id: ContainerId(container.id?),
        key: key_of(&labels)?,
        started_at: state.started_at.as_deref().and_then(unix_seconds),
        state: state_of(&state),
        plan: labels.get(LABEL_PLAN).cloned().unwrap_or_default(),
    })
}

fn key_of(labels: &HashMap<String, String>) -> Option<WorkloadKey> {
    let lease = labels.get(LABEL_LEASE)?.parse().ok()?;
    Some(WorkloadKey::new(lease, labels.get(LABEL_WORKLOAD)?.parse().ok()?))
}

fn state_of(state: &DockerState) -> ContainerState {
    use ContainerStateStatusEnum as Status;
    match state.status {
        Some(Status::CREATED) => ContainerState::Created,
        Some(Status::RUNNING | Status::PAUSED | Status::RESTARTING) => ContainerState::Running,
        Some(Status::EXITED) => ContainerState::Exited {
            code: state.exit_code.unwrap_or(-1),
            oom: state.oom_killed.unwrap_or(false),
        },
        _ => ContainerState::Dead,
    }
}

pub(super) fn events(
    docker: Docker,
    network: &NetworkId,
) -> impl Stream<Item = Result<BackendEvent, BackendError>> + use<> {
    let mut filters = of_network(network);
    filters.insert("type".into(), vec!["container".into()]);
    let options = EventsOptions { filters: Some(filters), ..Default::default() };
    // Docker ends the stream without a word when it stops.
    let end = stream::once(async {
        Err(BackendError::Unreachable { source: "the stream of events ended".into() })
    });
    let happened = docker.events(Some(options)).filter_map(|message| async {
        match message {
            Ok(message) => event_of(message).map(Ok),
            Err(error) => Some(Err(engine("tell events", error))),
        }
    });
    let mut over = false;
    happened.chain(end).take_while(move |event| {
        let go_on = !over;
        over |= event.is_err();
        std::future::ready(go_on)
    })
}

fn event_of(message: EventMessage) -> Option<BackendEvent> {
    let actor = message.actor?;
    let attributes = actor.attributes?;
    let code = || attributes.get("exitCode").and_then(|code| code.parse().ok()).unwrap_or(-1);
    let kind = match message.action?.as_str() {
        "start" => BackendEventKind::Started,
        "die" => BackendEventKind::Exited { code: code() },
        "oom" => BackendEventKind::OutOfMemory,
        "destroy" => BackendEventKind::Removed,
        _ => return None,
    };
    Some(BackendEvent { id: ContainerId(actor.id?), key: key_of(&attributes)?, kind })
}

pub(super) fn logs(
    docker: Docker,
    id: ContainerId,
    options: LogOptions,
) -> impl Stream<Item = Result<LogChunk, BackendError>> + use<> {
    let wanted = LogsOptions {
        follow: options.follow,
        stdout: true,
        stderr: true,
        tail: options.tail.min(LOG_LINES_MAX).to_string(),
        ..Default::default()
    };
    docker.logs(&id.0, Some(wanted)).map(move |piece| match piece {
        Ok(LogOutput::StdErr { message }) => Ok(LogChunk { stderr: true, bytes: message }),
        Ok(piece) => Ok(LogChunk { stderr: false, bytes: piece.into_bytes() }),
        Err(error) if is_status(&error, 404) => Err(BackendError::NoContainer { id: id.clone() }),
        Err(error) => Err(engine("read a container's output", error)),
    })
}

/// Seconds since 1970 of a time like `2026-11-23T14:41:33.8Z`; `None` for Docker's "never" (year 1)
/// and for what is no such time.
fn unix_seconds(text: &str) -> Option<i64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let part = |text: Option<&str>| text?.parse::<i64>().ok();
    let mut date = date.split('-');
    let (year, month, day) = (part(date.next())?, part(date.next())?, part(date.next())?);
    let mut time = time.split([':', '.']);
    let (hour, minute, second) = (part(time.next())?, part(time.next())?, part(time.next())?);
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Days since 1970 in the Gregorian calendar, counted in years that begin in March.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days =
        365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 719_469;
    Some(days * 86_400 + hour * 3_600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_docker_are_read() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2000-02-29T12:00:00.5Z", Some(951_825_600)),
            ("2026-11-23T14:41:33.809748626Z", Some(1_795_444_893)),
            ("0001-01-01T00:00:00Z", None),
            ("yesterday", None),
        ] {
            assert_eq!(unix_seconds(text), seconds, "{text}");
        }
    }

    #[test]
    fn only_workloads_have_a_key() {
        let labels = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<HashMap<_, _>>()
        };
        let key = key_of(&labels(&[(LABEL_LEASE, "5"), (LABEL_WORKLOAD, "1")]));
        assert_eq!(key, Some(WorkloadKey::new(5, 1)));
        assert_eq!(key_of(&labels(&[(LABEL_LEASE, "5")])), None);
        assert_eq!(key_of(&labels(&[(LABEL_LEASE, "-5"), (LABEL_WORKLOAD, "1")])), None);
    }
}
