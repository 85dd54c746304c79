//! Fetching an image: follows Docker's progress messages, ends a pull that is silent, slow or too
//! large, and checks that what came is for this platform.

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

use bollard::{
    Docker,
    models::{CreateImageInfo, ImageInspect},
    query_parameters::{CreateImageOptions, ListImagesOptions, RemoveImageOptions},
};
use futures::StreamExt;

use super::errors::{PullFailure, engine, pull_failure, status_message};
use crate::{
    backend::{BackendError, PullLimits, PullProgress, PullProgressFn},
    image::{ImageConfig, ImageRef, PulledImage},
};

const PLATFORM: &str = "linux/amd64";
/// Docker itself stops at 127.
const LAYERS_MAX: usize = 512;

pub(super) async fn pull(
    docker: &Docker,
    image: &ImageRef,
    limits: PullLimits,
    progress: &PullProgressFn<'_>,
) -> Result<PulledImage, BackendError> {
    let options = CreateImageOptions {
        from_image: Some(image.name.clone()),
        // A digest goes in the place of the tag; without either, Docker would fetch every tag.
        tag: image.digest.as_ref().map(ToString::to_string).or_else(|| image.tag.clone()),
        platform: PLATFORM.into(),
        ..Default::default()
    };
    let before = images(docker).await?;
    let end = Instant::now() + limits.time_max;
    let mut layers = Layers::default();
    let mut messages = docker.create_image(Some(options), None, None).boxed();
    loop {
        let wait = limits.idle_max.min(end.saturating_duration_since(Instant::now()));
        let message = tokio::time::timeout(wait, messages.next())
            .await
            .map_err(|_| silent(image, wait, limits))?;
        match message {
            None => break,
            Some(Ok(message)) => layers.note(&message),
            Some(Err(error)) => return Err(failed(image, error)),
        }
        let state = layers.progress();
        if state.total_bytes > limits.size_bytes_max {
            return Err(too_large(image, limits));
        }
        progress(state);
    }
    let name = name_in_engine(image);
    let found = docker
        .inspect_image(&name)
        .await
        .map_err(|error| engine("inspect the pulled image", error))?;
    let mut pulled = describe(image, found)?;
    pulled.fetched = !before.contains(pulled.id.as_str());
    let refused = if pulled.platform != PLATFORM {
        BackendError::ImagePlatform { image: image.clone(), found: pulled.platform.clone() }
    } else if pulled.size_bytes > limits.size_bytes_max {
        too_large(image, limits)
    } else {
        return Ok(pulled);
    };
    // What nobody can run must not fill the disk.
    if !pulled.fetched {
        return Err(refused);
    }
    if let Err(error) = docker.remove_image(&name, None::<RemoveImageOptions>, None).await {
        tracing::debug!(image = name, error = %error, "a refused image stays");
    }
    Err(refused)
}

/// Ids of all images that Docker has.
async fn images(docker: &Docker) -> Result<HashSet<String>, BackendError> {
    let found = docker
        .list_images(Some(ListImagesOptions { all: true, ..Default::default() }))
        .await
        .map_err(|error| engine("list images", error))?;
    Ok(found.into_iter().map(|image| image.id).collect())
}

/// Under which name Docker has a pulled image: a digest takes the place of the tag.
fn name_in_engine(image: &ImageRef) -> String {
    match (&image.digest, &image.tag) {
        (Some(digest), _) => format!("{}@{digest}", image.name),
        (None, Some(tag)) => format!("{}:{tag}", image.name),
        (None, None) => image.name.clone(),
    }
}

/// Layers of a pull by id: bytes that came, bytes in all.
#[derive(Default)]
struct Layers {
    by_id: HashMap<String, (u64, u64)>,
    extracting: bool,
}

impl Layers {
    fn note(&mut self, message: &CreateImageInfo) {
        let Some(id) = message.id.as_deref() else { return };
        let status = message.status.as_deref().unwrap_or_default();
        if !self.by_id.contains_key(id) && self.by_id.len() >= LAYERS_MAX {
            return;
        }
        let layer = self.by_id.entry(id.to_owned()).or_default();
        let detail = message.progress_detail.as_ref();
        let number = |value: Option<i64>| value.and_then(|value| u64::try_from(value).ok());
        match status {
            "Downloading" => {
                let current = number(detail.and_then(|detail| detail.current)).unwrap_or(0);
                let total = number(detail.and_then(|detail| detail.total)).unwrap_or(current);
                *layer = (current, total.max(current));
            }
            "Verifying Checksum" | "Download complete" | "Pull complete" => layer.0 = layer.1,
            "Extracting" => {
                layer.0 = layer.1;
                self.extracting = true;
            }
            _ => {}
        }
    }

    fn progress(&self) -> PullProgress {
        let sum = |part: fn(&(u64, u64)) -> u64| {
            self.by_id.values().map(part).fold(0_u64, u64::saturating_add)
        };
        let (done_bytes, total_bytes) = (sum(|layer| layer.0), sum(|layer| layer.1));
        PullProgress {
            done_bytes,
            total_bytes,
            extracting: self.extracting && done_bytes == total_bytes,
        }
    }
}

fn describe(image: &ImageRef, found: ImageInspect) -> Result<PulledImage, BackendError> {
    let odd = |source: &str| BackendError::Engine {
        action: "describe the pulled image",
        source: source.into(),
    };
    let id = found.id.unwrap_or_default().parse().map_err(|_| odd("its id is no digest"))?;
    let manifest = found.repo_digests.unwrap_or_default().into_iter().find_map(|name| {
        let (name, digest) = name.split_once('@')?;
        (name == image.name).then(|| digest.parse().ok())?
    });
    let config = found.config.unwrap_or_default();
    let port = |port: &String| port.strip_suffix("/tcp").unwrap_or(port).parse().ok();
    Ok(PulledImage {
        id,
        manifest: manifest.or_else(|| image.digest.clone()),
        config: ImageConfig {
            entrypoint: config.entrypoint.unwrap_or_default(),
            cmd: config.cmd.unwrap_or_default(),
            env: config.env.unwrap_or_default(),
            user: config.user.unwrap_or_default(),
            workdir: config.working_dir.unwrap_or_default(),
            ports: config.exposed_ports.unwrap_or_default().iter().filter_map(port).collect(),
            stop_signal: config.stop_signal,
        },
        size_bytes: u64::try_from(found.size.unwrap_or(0)).unwrap_or(0),
        platform: format!(
            "{}/{}",
            found.os.unwrap_or_default(),
            found.architecture.unwrap_or_default()
        ),
        fetched: false,
    })
}

fn failed(image: &ImageRef, error: bollard::errors::Error) -> BackendError {
    let Some(message) = status_message(&error) else { return engine("pull an image", error) };
    let image = image.clone();
    match pull_failure(message) {
        PullFailure::NotFound => BackendError::ImageNotFound { image, source: error.into() },
        PullFailure::Registry => BackendError::RegistryUnreachable { image, source: error.into() },
        PullFailure::Platform => {
            let (_, found) = message.split_once("actual: ").unwrap_or(("", "other platforms"));
            BackendError::ImagePlatform { image, found: found.chars().take(64).collect() }
        }
        PullFailure::Engine => engine("pull an image", error),
    }
}

fn silent(image: &ImageRef, waited: Duration, limits: PullLimits) -> BackendError {
    let why = if waited < limits.idle_max {
        format!("the pull took longer than {} s", limits.time_max.as_secs())
    } else {
        format!("the registry was silent for {} s", waited.as_secs())
    };
    BackendError::RegistryUnreachable { image: image.clone(), source: why.into() }
}

fn too_large(image: &ImageRef, limits: PullLimits) -> BackendError {
    BackendError::ImageTooLarge { image: image.to_string(), limit_bytes: limits.size_bytes_max }
}

#[cfg(test)]
mod tests {
    use bollard::models::ProgressDetail;

    use super::*;

    fn message(id: &str, status: &str, detail: Option<(i64, i64)>) -> CreateImageInfo {
        let detail = detail
            .map(|(current, total)| ProgressDetail { current: Some(current), total: Some(total) });
        CreateImageInfo {
            id: Some(id.into()),
            status: Some(status.into()),
            progress_detail: detail,
            ..Default::default()
        }
    }

    #[test]
    fn progress_adds_up_over_layers() {
        let mut layers = Layers::default();
        layers.note(&message("a", "Downloading", Some((10, 100))));
        layers.note(&message("b", "Already exists", None));
        layers.note(&message("c", "Downloading", Some((5, -1))));
        let at = |layers: &Layers| {
            let state = layers.progress();
            (state.done_bytes, state.total_bytes, state.extracting)
        };
        assert_eq!(at(&layers), (15, 105, false));
        layers.note(&message("a", "Extracting", Some((1, 100))));
        layers.note(&message("c", "Download complete", None));
        assert_eq!(at(&layers), (105, 105, true));
        for layer in 0..2 * LAYERS_MAX {
            layers.note(&message(&layer.to_string(), "Waiting", None));
        }
        assert_eq!(layers.by_id.len(), LAYERS_MAX);
    }
}
