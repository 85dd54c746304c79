//! What the agent remembers of a workload. Written to the store before each step that relies on it,
//! so that an agent that dies anywhere finds out where it stood. Data only; what follows from it is
//! [`crate::observe`]'s and [`crate::plan`]'s.

use std::path::PathBuf;

use dbc_agent_api::{
    ApiError, WorkloadSpec,
    control::{Phase, WorkloadStatus},
    workload::WorkloadKind,
};
use dbc_host::{Digest, WorkloadKey, backend::ObservedContainer, image::PulledImage, pool::Usage};
use serde::{Deserialize, Serialize};

use crate::plan::Want;

/// A workload as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkloadRecord {
    /// Which one.
    pub key: WorkloadKey,
    /// What the renter sent.
    pub spec: WorkloadSpec,
    /// What the renter wants of it now.
    pub want: Want,
    /// A restart was asked for and not done yet.
    pub restart: bool,
    /// The image in the pool.
    pub image: Option<StoredImage>,
    /// Image that the root is made from; stored before the root is made.
    pub root_image: Option<Digest>,
    /// Where the root is; for the container's plan.
    pub root_path: Option<PathBuf>,
    /// Engine's name of the lease's network; for the container's plan.
    pub network: Option<String>,
    /// Whether a start was ever tried. From then on the root holds a renter's work.
    pub ever_started: bool,
    /// Successful starts.
    pub starts: u32,
    /// What the container was made from; stored before it is made.
    pub made: Option<Made>,
    /// The start whose probe passed.
    pub healthy: Option<StartId>,
    /// The start that we stopped; stored before it is stopped.
    pub stopped: Option<StartId>,
    /// The start that ended by itself.
    pub done: Option<StartId>,
    /// Where it stood last.
    pub phase: Phase,
    /// One line for a person.
    pub detail: String,
    /// Why the last step failed.
    pub last_error: Option<ApiError>,
    /// Whether trying that again may help by itself.
    #[serde(default)]
    pub retry: bool,
    /// Use of the root's quota when last looked.
    pub usage: Usage,
}

/// An image that was put into the pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredImage {
    /// The reference in the spec that led to it. A tag that moves later changes nothing.
    pub reference: String,
    /// What it is.
    pub pulled: PulledImage,
}

/// What a container was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// Hash of the whole plan.
    pub plan: String,
    /// Hash of what the renter asked for and pays for; see [`crate::shape::Shape::basis`].
    pub basis: String,
    /// UUIDs of its cards.
    #[serde(default)]
    pub gpus: Vec<String>,
}

/// One start of one container.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StartId(String);

impl StartId {
    /// The start that `container` shows; `None` when it was never started.
    pub fn of(container: &ObservedContainer) -> Option<Self> {
        container.started_at.map(|at| Self(format!("{}@{at}", container.id.0)))
    }
}

impl WorkloadRecord {
    /// A workload of which only the spec is known.
    pub fn new(key: WorkloadKey, spec: WorkloadSpec) -> Self {
        Self {
            key,
            spec,
            want: Want::Run,
            restart: false,
            image: None,
            root_image: None,
            root_path: None,
            network: None,
            ever_started: false,
            starts: 0,
            made: None,
            healthy: None,
            stopped: None,
            done: None,
            phase: Phase::Accepted,
            detail: "spec stored".into(),
            last_error: None,
            retry: false,
            usage: Usage::default(),
        }
    }

    /// Reference of the image that the spec names.
    pub fn reference(&self) -> &str {
        match &self.spec.kind {
            WorkloadKind::Container(container) => &container.image,
            WorkloadKind::Vm(vm) => &vm.image,
        }
    }

    /// The stored image, if it is the one that the spec names.
    pub fn current_image(&self) -> Option<&PulledImage> {
        let image = self.image.as_ref()?;
        (image.reference == self.reference()).then_some(&image.pulled)
    }

    /// UUIDs of the cards that its container was made with.
    pub fn cards(&self) -> &[String] {
        self.made.as_ref().map_or(&[], |made| &made.gpus)
    }

    /// What a client is told.
    pub fn status(&self) -> WorkloadStatus {
        let ports = match &self.spec.kind {
            WorkloadKind::Container(container) => container.ports.clone(),
            WorkloadKind::Vm(_) => Vec::new(),
        };
        let image_digest = self
            .current_image()
            .map(|image| image.manifest.as_ref().unwrap_or(&image.id).as_str().to_owned());
        WorkloadStatus {
            phase: self.phase,
            detail: self.detail.clone(),
            last_error: self.last_error.clone(),
            retry: self.retry,
            spec_hash: Some(hex::encode(self.spec.hash())),
            image_digest,
            ports,
            starts: self.starts,
            disk_used_bytes: self.usage.used_bytes,
            disk_limit_bytes: self.usage.limit_bytes,
        }
    }
}

/// The status of a workload for which no spec was sent.
pub fn absent_status() -> WorkloadStatus {
    WorkloadStatus {
        phase: Phase::Absent,
        detail: "no spec was sent yet".into(),
        last_error: None,
        retry: false,
        spec_hash: None,
        image_digest: None,
        ports: Vec::new(),
        starts: 0,
        disk_used_bytes: 0,
        disk_limit_bytes: 0,
    }
}
