//! What a driver tells: that all is well, that something failed, how long it waits, where the
//! workload stands. Told to whoever watches, and stored.

use std::time::Instant;

use dbc_agent_api::{ApiError, ErrorCode, control::Phase};
use dbc_host::backend::{ContainerState, ObservedContainer};
use tracing::{info, warn};

use super::{Driver, Turn};
use crate::{
    chain::why_closed,
    entitlement::Entitlement,
    error::StepError,
    execute::runs,
    plan::{Container, Exit, Observed, Plan, RunState, Step},
    record::{StartId, WorkloadRecord},
};

/// A workload that ran this long crashes for the first time again.
const STEADY_S: i64 = 600;

impl Driver {
    /// Nothing is left to do.
    pub(super) async fn settle(&mut self, plan: &Plan, unfit: Option<ApiError>) -> Turn {
        self.pause.clear();
        let lost = || ApiError::new(ErrorCode::HostUnavailable, plan.detail);
        let running = runs(&self.workload.view);
        let failed = match unfit {
            Some(error) if !running && plan.phase == Phase::Accepted => Some(error),
            _ => (plan.phase == Phase::Failed).then(lost),
        };
        match failed {
            Some(error) => {
                self.workload.record.last_error = Some(error);
                self.workload.record.retry = false;
                self.publish(Phase::Failed, plan.detail);
            }
            None => {
                self.workload.record.last_error = None;
                match self.entitled {
                    Some(Entitlement::Closed { reason, .. }) => {
                        self.publish(plan.phase, why_closed(reason));
                    }
                    _ => self.publish(plan.phase, plan.detail),
                }
            }
        }
        if !running {
            for reply in self.stopping.drain(..) {
                let _ = reply.send(Ok(()));
            }
        }
        if let Err(error) = self.save().await {
            return self.fail("save", error).await;
        }
        Turn::Wait(None)
    }

    /// Until when the plan must wait, if it must: after a failure, or because the workload crashed.
    pub(super) async fn hold_back(&mut self, plan: &Plan, observed: &Observed) -> Option<Instant> {
        let now = Instant::now();
        if let Some(until) = self.pause.until(now) {
            return Some(until);
        }
        let Container::There { state: RunState::Exited(Exit::Crashed), .. } = observed.container
        else {
            return None;
        };
        if !plan.steps.contains(&Step::Start) || self.workload.record.restart {
            return None;
        }
        let container = self.workload.view.container.clone()?;
        let start = StartId::of(&container)?;
        if self.workload.memory.lost.is_some() {
            // Whatever it ended with, it is its card that keeps it from being started again.
            self.crashed = Some(start);
            return None;
        }
        if self.crashed.as_ref() != Some(&start) {
            let since = container.started_at.unwrap_or_default();
            if unix_now().saturating_sub(since) > STEADY_S {
                self.crash.clear();
            }
            self.crash.crashed(now);
            self.crashed = Some(start);
            let message = how_ended(&container);
            info!(how = message, "workload ended with an error");
            self.workload.record.last_error =
                Some(ApiError::new(ErrorCode::WorkloadFailed, message));
            self.workload.record.retry = false;
            self.publish(Phase::Failed, "ended with an error; will be started again");
            if let Err(error) = self.save().await {
                warn!(error = dbc_service::error_chain(&error), "state not stored");
            }
        }
        self.crash.until(now)
    }

    /// A step failed: told, stored, and tried again after a pause.
    pub(super) async fn fail(&mut self, what: &'static str, error: StepError) -> Turn {
        warn!(step = what, error = dbc_service::error_chain(&error), "step failed");
        self.looked = None;
        self.pause.failed(Instant::now(), error.is_retryable());
        let api = error.api();
        self.workload.record.last_error = Some(api.clone());
        self.workload.record.retry = error.is_retryable();
        let healthy = self.workload.record.phase == Phase::Running && runs(&self.workload.view);
        // What runs and is healthy stays so, whatever else failed; only a blind agent cannot say.
        if healthy && what != "observe" {
            self.publish(Phase::Running, "healthy");
        } else if self.workload.record.phase != Phase::Closed {
            self.publish(Phase::Failed, "will be tried again");
        }
        for reply in self.stopping.drain(..) {
            let _ = reply.send(Err(api.clone()));
        }
        if let Err(error) = self.save().await {
            warn!(error = dbc_service::error_chain(&error), "state not stored");
        }
        Turn::Wait(self.pause.until(Instant::now()))
    }

    /// Tells everybody who watches; stored with the next step.
    pub(super) fn publish(&mut self, phase: Phase, detail: &str) {
        let record = &mut self.workload.record;
        record.phase = phase;
        record.retry &= phase == Phase::Failed;
        detail.clone_into(&mut record.detail);
        let status = record.status();
        let before = self.status.borrow().phase;
        if before != phase {
            info!(?phase, detail, "phase");
            self.context.metrics.phase(Some(before), Some(phase));
        }
        self.status.send_if_modified(|seen| {
            let changed = *seen != status;
            *seen = status;
            changed
        });
    }

    /// Stores the record if anything in it changed but the use of its disk.
    pub(super) async fn save(&mut self) -> Result<(), StepError> {
        let record = &self.workload.record;
        let same = self.stored.as_ref().is_some_and(|stored| {
            let usage = record.usage;
            WorkloadRecord { usage, ..stored.clone() } == *record
        });
        if !same {
            self.context.executor.save(record).await?;
            self.stored = Some(record.clone());
        }
        Ok(())
    }
}

fn how_ended(container: &ObservedContainer) -> String {
    match container.state {
        ContainerState::Exited { oom: true, .. } => "ended: out of memory".into(),
        ContainerState::Exited { code, .. } => format!("ended with code {code}"),
        _ => "ended".into(),
    }
}

fn unix_now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    i64::try_from(since.unwrap_or_default().as_secs()).unwrap_or(i64::MAX)
}
