//! Why a step failed, and the one place where causes inside the agent become codes that a renter
//! sees. Internal detail goes to the log, not over the wire.

use std::io::ErrorKind;

use dbc_agent_api::{ApiError, ErrorCode};
use dbc_host::{BackendError, NetworkError, PoolError};

use crate::{cards::LostCard, chain::ChainError, store::StoreError};

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StepError {
    /// The container engine.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// The data pool.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// The lease's network.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The agent's database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The chain.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// A folder of the workload.
    #[error("failed to {action} the workload's run folder")]
    RunDir {
        /// What was tried.
        action: &'static str,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The workload ended, or did not get healthy in time.
    #[error("the workload is not healthy: {0}")]
    Unhealthy(String),
    /// A workload that is to be stopped still runs on its cards.
    #[error("another workload has not given the lease's GPUs up yet")]
    CardsTaken,
    /// A card that the workload needs is lost.
    #[error(transparent)]
    CardLost(#[from] LostCard),
    /// A disk of the machine is full, and not by what the workload may fill of it.
    #[error("the machine's disk is full")]
    HostFull(#[source] Box<StepError>),
    /// What the renter asked for cannot be done.
    #[error(transparent)]
    Refused(#[from] ApiError),
    /// A step that the state of things does not allow; a fault of ours.
    #[error("step refused: {0}")]
    Guard(&'static str),
}

impl StepError {
    /// Whether the same step may succeed soon with nothing changed by the renter.
    pub fn is_retryable(&self) -> bool {
        match self {
            _ if self.is_for_want_of_room() => true,
            Self::Backend(error) => error.is_retryable(),
            Self::Pool(error) => match find_backend(error) {
                Some(error) => error.is_retryable(),
                None => error.is_retryable(),
            },
            Self::Network(error) => error.is_retryable(),
            Self::Chain(error) => error.is_away(),
            Self::Store(_)
            | Self::RunDir { .. }
            | Self::CardsTaken
            | Self::CardLost(_)
            | Self::HostFull(_) => true,
            Self::Unhealthy(_) | Self::Refused(_) | Self::Guard(_) => false,
        }
    }

    /// Whether a disk was full: the engine tells in words alone. Whose doing that is, it does not say.
    pub fn is_for_want_of_room(&self) -> bool {
        if matches!(self, Self::Pool(PoolError::Full | PoolError::HostFull { .. })) {
            return true;
        }
        let full = |error: &(dyn std::error::Error + 'static)| {
            let kind = error.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
            matches!(kind, Some(ErrorKind::StorageFull | ErrorKind::QuotaExceeded))
                || error.to_string().contains("no space left on device")
        };
        std::iter::successors(std::error::Error::source(self), |error| error.source()).any(full)
    }

    /// What the renter is told.
    pub fn api(&self) -> ApiError {
        match self {
            Self::HostFull(_) => ApiError::new(ErrorCode::HostUnavailable, self.to_string()),
            Self::Pool(error @ (PoolError::Full | PoolError::HostFull { .. })) => pool(error),
            _ if self.is_for_want_of_room() => {
                ApiError::new(ErrorCode::DiskFull, format!("{self}: a disk is full"))
            }
            Self::Backend(error) => backend(error),
            Self::Pool(error) => match find_backend(error) {
                Some(error) => backend(error),
                None => pool(error),
            },
            Self::Unhealthy(why) => ApiError::new(ErrorCode::WorkloadFailed, why),
            Self::Refused(error) => error.clone(),
            Self::Chain(error) if error.is_away() => {
                ApiError::new(ErrorCode::ChainUnreachable, error.to_string())
            }
            Self::Chain(error) => ApiError::new(ErrorCode::ChainRefused, error.to_string()),
            Self::Guard(_) => ApiError::new(ErrorCode::Internal, self.to_string()),
            Self::Network(_)
            | Self::Store(_)
            | Self::RunDir { .. }
            | Self::CardsTaken
            | Self::CardLost(_) => ApiError::new(ErrorCode::HostUnavailable, self.to_string()),
        }
    }
}

fn backend(error: &BackendError) -> ApiError {
    let (code, message) = match error {
        BackendError::ImageNotFound { .. } => (ErrorCode::ImageNotFound, error.to_string()),
        BackendError::RegistryUnreachable { .. } => {
            (ErrorCode::RegistryUnreachable, error.to_string())
        }
        BackendError::ImagePlatform { .. } => (ErrorCode::ImagePlatform, error.to_string()),
        BackendError::ImageTooLarge { .. } => (ErrorCode::ImageTooLarge, error.to_string()),
        BackendError::BadPlan { .. } => (ErrorCode::InvalidSpec, error.to_string()),
        // Its cause is what the renter needs: the program that does not exist.
        BackendError::Start { .. } => (ErrorCode::WorkloadFailed, dbc_service::error_chain(error)),
        _ => (ErrorCode::HostUnavailable, error.to_string()),
    };
    ApiError::new(code, message)
}

fn pool(error: &PoolError) -> ApiError {
    let code = match error {
        PoolError::Full | PoolError::HostFull { .. } => ErrorCode::DiskFull,
        _ => ErrorCode::HostUnavailable,
    };
    ApiError::new(code, error.to_string())
}

/// The back end's error inside of a pool's: filling an image is the back end's work.
fn find_backend(error: &PoolError) -> Option<&BackendError> {
    match error {
        PoolError::Fill { source, .. } => source.downcast_ref(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use dbc_host::ImageRef;

    use super::*;

    #[test]
    fn a_fault_while_unpacking_is_told_as_the_image_s() {
        let large = BackendError::ImageTooLarge { image: "a".into(), limit_bytes: 1 };
        let hex = "0".repeat(64);
        let image = format!("sha256:{hex}").parse().unwrap();
        let error = StepError::from(PoolError::Fill { image, source: large.into() });
        assert_eq!(error.api().code, ErrorCode::ImageTooLarge);
        assert!(!error.is_retryable());
    }

    #[test]
    fn a_full_disk_is_told_whoever_met_it() {
        let io = std::io::Error::from(ErrorKind::StorageFull);
        let unpack = BackendError::Unpack { image: "a".into(), source: io.into() };
        let image = format!("sha256:{}", "0".repeat(64)).parse().unwrap();
        let told = BackendError::Engine {
            action: "pull an image",
            source: "failed to register layer: write /x: no space left on device".into(),
        };
        for error in [
            StepError::from(PoolError::Fill { image, source: unpack.into() }),
            StepError::from(told),
        ] {
            assert_eq!(error.api().code, ErrorCode::DiskFull, "{error}");
            assert!(error.is_retryable());
        }
        let other = BackendError::Unpack { image: "a".into(), source: "no tar".into() };
        assert_eq!(StepError::from(other).api().code, ErrorCode::HostUnavailable);
        // Known to be the machine's own.
        let own = StepError::HostFull(Box::new(PoolError::Full.into()));
        assert_eq!(own.api().code, ErrorCode::HostUnavailable);
        assert!(own.is_retryable());
    }

    #[test]
    fn rule_35_a_start_fails_by_its_program_or_by_its_cards() {
        let id = || dbc_host::ContainerId("c1".into());
        let program = BackendError::Start { id: id(), source: "no such file".into() };
        let program = StepError::from(program);
        assert_eq!(
            (program.api().code, program.is_retryable()),
            (ErrorCode::WorkloadFailed, false)
        );
        let gpus = BackendError::Gpus { id: id(), source: "unknown device".into() };
        let lost = LostCard { uuid: "GPU-1".into(), why: dbc_host::gpus::Loss::Gone };
        for error in [StepError::from(gpus), lost.into()] {
            assert_eq!(
                (error.api().code, error.is_retryable()),
                (ErrorCode::HostUnavailable, true)
            );
        }
    }

    #[test]
    fn what_heals_by_itself_is_retried() {
        let image = ImageRef::parse("a").unwrap();
        let gone = BackendError::ImageNotFound { image: image.clone(), source: "404".into() };
        let away = BackendError::RegistryUnreachable { image, source: "reset".into() };
        assert!(!StepError::from(gone).is_retryable());
        let away = StepError::from(away);
        assert!(away.is_retryable());
        assert_eq!(away.api().code, ErrorCode::RegistryUnreachable);
        assert!(StepError::from(PoolError::Full).is_retryable());
    }
}
