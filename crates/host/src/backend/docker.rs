//! The back end on a Docker Engine (API 1.41 and later), by its API alone. Containers are made from
//! one empty image of ours: their root is the pool's subvolume (see the crate `dbc-runc`), so
//! nothing of the real image is needed in Docker any more, its `VOLUME`s make no unbounded folders,
//! and a workload starts again with the registry away.

mod errors;
mod observe;
mod plan;
mod pull;
mod unpack;

use std::{
    collections::HashMap,
    fs, io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use async_trait::async_trait;
use bollard::{
    Docker,
    query_parameters::{
        CreateContainerOptions, CreateImageOptions, InspectContainerOptions,
        RemoveContainerOptions, RemoveImageOptions, StopContainerOptions,
    },
};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream::BoxStream};

use self::errors::{engine, lacks_gpus};
pub(crate) use self::errors::{is_status, status_message};
use super::{
    Backend, BackendError, BackendEvent, ContainerPlan, EngineHealth, LogChunk, LogOptions,
    ObservedContainer, PullLimits, PullProgressFn,
};
use crate::{
    engine::Engine,
    ids::{ContainerId, LABEL_PLAN, NetworkId},
    image::{ImageRef, PulledImage},
};

/// Settings of the back end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DockerConfig {
    /// Whose containers these are.
    pub network: NetworkId,
    /// Name of our runtime in the engine's settings ([`crate::engine::settings::Runtime::name`]).
    pub runtime: String,
    /// Where the runtime looks for roots ([`crate::engine::settings::Runtime::roots_dir`]).
    pub roots_dir: PathBuf,
}

/// A [`Backend`] on Docker. Cheap to clone.
#[derive(Debug, Clone)]
pub struct DockerBackend {
    docker: Docker,
    config: DockerConfig,
    version: String,
    api_version: String,
}

impl DockerBackend {
    /// A back end on this engine. Nothing is asked of it yet.
    pub fn new(engine: &Engine, config: DockerConfig) -> Self {
        Self {
            docker: engine.docker().clone(),
            config,
            version: engine.version().to_owned(),
            api_version: engine.api_version().to_owned(),
        }
    }

    fn root_file(&self, id: &ContainerId) -> PathBuf {
        self.config.roots_dir.join(format!("{}.json", id.0))
    }

    /// Tells the runtime which root the container has.
    fn map_root(&self, id: &ContainerId, plan: &ContainerPlan) -> io::Result<()> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.config.roots_dir)?;
        let file = self.root_file(id);
        let new = file.with_extension("new");
        let text =
            serde_json::json!({ "root": plan.root, "network": self.config.network.as_str() });
        let mut options = fs::OpenOptions::new();
        let mut out = options.write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        io::Write::write_all(&mut out, text.to_string().as_bytes())?;
        out.sync_all()?;
        fs::rename(&new, &file)
    }

    /// The empty image, made when missing: an operator may prune images at any time.
    async fn ensure_empty_image(&self) -> Result<String, BackendError> {
        let name = empty_image(&self.config.network);
        match self.docker.inspect_image(&name).await {
            Ok(_) => return Ok(name),
            Err(error) if is_status(&error, 404) => {}
            Err(error) => return Err(engine("inspect the empty image", error)),
        }
        let (repo, tag) = name.split_once(':').expect("the name has a tag");
        let options = CreateImageOptions {
            from_src: Some("-".into()),
            repo: Some(repo.to_owned()),
            tag: Some(tag.to_owned()),
            ..Default::default()
        };
        // Two zero blocks are an empty tar.
        let body = bollard::body_full(Bytes::from_static(&[0; 1024]));
        let made = self.docker.create_image(Some(options), Some(body), None);
        made.try_collect::<Vec<_>>().await.map_err(|e| engine("make the empty image", e))?;
        Ok(name)
    }

    /// The container of this name with the hash of its plan, if there is one.
    async fn find(&self, name: &str) -> Result<Option<(ContainerId, String)>, BackendError> {
        match self.docker.inspect_container(name, None::<InspectContainerOptions>).await {
            Ok(found) => {
                let labels = found.config.and_then(|config| config.labels).unwrap_or_default();
                let plan = labels.get(LABEL_PLAN).cloned().unwrap_or_default();
                Ok(Some((ContainerId(found.id.unwrap_or_default()), plan)))
            }
            Err(error) if is_status(&error, 404) => Ok(None),
            Err(error) => Err(engine("inspect a container", error)),
        }
    }
}

/// Name of the image that containers of this network are made from.
pub(crate) fn empty_image(network: &NetworkId) -> String {
    format!("dbc-empty-{network}:1")
}

#[async_trait]
impl Backend for DockerBackend {
    async fn health(&self) -> Result<EngineHealth, BackendError> {
        let info = self.docker.info().await.map_err(|error| engine("tell its state", error))?;
        let runtimes = info.runtimes.unwrap_or_default();
        let cgroup = info.cgroup_version.map(|version| version.to_string());
        Ok(EngineHealth {
            version: info.server_version.unwrap_or_else(|| self.version.clone()),
            api_version: self.api_version.clone(),
            cgroup: if cgroup.as_deref() == Some("2") { 2 } else { 1 },
            runtime_ready: runtimes.contains_key(&self.config.runtime),
        })
    }

    async fn pull(
        &self,
        image: &ImageRef,
        limits: PullLimits,
        progress: &PullProgressFn<'_>,
    ) -> Result<PulledImage, BackendError> {
        pull::pull(&self.docker, image, limits, progress).await
    }

    async fn unpack(
        &self,
        image: &PulledImage,
        into: &Path,
        bytes_max: u64,
    ) -> Result<(), BackendError> {
        unpack::unpack(&self.docker, &self.config.network, image, into, bytes_max).await
    }

    async fn forget_image(&self, image: &PulledImage) -> Result<(), BackendError> {
        if !image.fetched {
            return Ok(());
        }
        let options = RemoveImageOptions { force: false, ..Default::default() };
        match self.docker.remove_image(image.id.as_str(), Some(options), None).await {
            Ok(_) => Ok(()),
            // 409: a foreign container or a second name uses it, and keeps it.
            Err(error) if is_status(&error, 404) || is_status(&error, 409) => Ok(()),
            Err(error) => Err(engine("remove an image", error)),
        }
    }

    async fn create(&self, plan: &ContainerPlan) -> Result<ContainerId, BackendError> {
        plan::check(plan)?;
        let name = self.config.network.container_name(plan.key);
        let hash = plan.hash();
        let image = self.ensure_empty_image().await?;
        let body = plan::body(plan, &self.config, &hash, &image);
        let options = CreateContainerOptions { name: Some(name.clone()), ..Default::default() };
        let made = match self.find(&name).await? {
            Some(found) => Some(found),
            None => match self.docker.create_container(Some(options), body).await {
                Ok(made) => Some((ContainerId(made.id), hash.clone())),
                Err(error) if is_status(&error, 409) => self.find(&name).await?,
                Err(error) if is_unknown_runtime(&error) => {
                    return Err(BackendError::NoRuntime { runtime: self.config.runtime.clone() });
                }
                Err(error) => return Err(engine("create a container", error)),
            },
        };
        let Some((id, found_hash)) = made else {
            let source = "the name is taken, yet nothing has it".into();
            return Err(BackendError::Engine { action: "create a container", source });
        };
        if found_hash != hash {
            return Err(BackendError::Conflict { key: plan.key, id });
        }
        self.map_root(&id, plan).map_err(|error| BackendError::Engine {
            action: "be told the container's root",
            source: error.into(),
        })?;
        Ok(id)
    }

    async fn start(&self, id: &ContainerId) -> Result<(), BackendError> {
        match self.docker.start_container(&id.0, None).await {
            Ok(()) => Ok(()),
            Err(error) if is_status(&error, 304) => Ok(()),
            Err(error) if is_status(&error, 404) && is_no_container(&error) => {
                Err(BackendError::NoContainer { id: id.clone() })
            }
            Err(error) if is_unknown_runtime(&error) => {
                Err(BackendError::NoRuntime { runtime: self.config.runtime.clone() })
            }
            Err(error) if status_message(&error).is_some_and(lacks_gpus) => {
                Err(BackendError::Gpus { id: id.clone(), source: error.into() })
            }
            Err(error) if status_message(&error).is_some() => {
                Err(BackendError::Start { id: id.clone(), source: error.into() })
            }
            Err(error) => Err(engine("start a container", error)),
        }
    }

    async fn stop(&self, id: &ContainerId, timeout: Duration) -> Result<(), BackendError> {
        let seconds = i32::try_from(timeout.as_secs()).unwrap_or(i32::MAX);
        let options = StopContainerOptions { t: Some(seconds), ..Default::default() };
        // Docker answers when the container has ended, so the call takes longer than `timeout`.
        let patient = self.docker.clone();
        let patient = patient.with_timeout(timeout.saturating_add(Duration::from_secs(60)));
        match patient.stop_container(&id.0, Some(options)).await {
            Ok(()) => Ok(()),
            Err(error) if is_status(&error, 304) => Ok(()),
            Err(error) if is_status(&error, 404) => {
                Err(BackendError::NoContainer { id: id.clone() })
            }
            Err(error) => Err(engine("stop a container", error)),
        }
    }

    async fn remove(&self, id: &ContainerId) -> Result<(), BackendError> {
        let options = RemoveContainerOptions { force: true, v: true, ..Default::default() };
        match self.docker.remove_container(&id.0, Some(options)).await {
            Ok(()) => {}
            // 409: it is being removed already.
            Err(error) if is_status(&error, 404) || is_status(&error, 409) => {}
            Err(error) => return Err(engine("remove a container", error)),
        }
        match fs::remove_file(self.root_file(id)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(BackendError::Engine {
                action: "forget the container's root",
                source: error.into(),
            }),
            _ => Ok(()),
        }
    }

    async fn list(&self) -> Result<Vec<ObservedContainer>, BackendError> {
        observe::list(&self.docker, &self.config.network).await
    }

    fn events(&self) -> BoxStream<'static, Result<BackendEvent, BackendError>> {
        observe::events(self.docker.clone(), &self.config.network).boxed()
    }

    fn logs(
        &self,
        id: &ContainerId,
        options: LogOptions,
    ) -> BoxStream<'static, Result<LogChunk, BackendError>> {
        observe::logs(self.docker.clone(), id.clone(), options).boxed()
    }
}

/// Filter for what belongs to this network.
pub(crate) fn of_network(network: &NetworkId) -> HashMap<String, Vec<String>> {
    let label = format!("{}={network}", crate::ids::LABEL_NETWORK);
    HashMap::from([("label".to_owned(), vec![label])])
}

fn is_no_container(error: &bollard::errors::Error) -> bool {
    status_message(error).is_some_and(|message| message.contains("No such container"))
}

fn is_unknown_runtime(error: &bollard::errors::Error) -> bool {
    let message = status_message(error).unwrap_or_default();
    // 20.10 and later in turn.
    message.contains("Unknown runtime specified") || message.contains("unknown or invalid runtime")
}
