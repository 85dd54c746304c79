//! The agent's counters, all in one place. Served by `dbc-service`; nothing is decided by them.

use std::sync::Arc;

use dbc_agent_api::control::Phase;
use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder},
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

/// Every counter. Clones share their values.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    /// Workloads in each phase.
    pub phases: Family<PhaseLabel, Gauge>,
    /// Steps done, by step and result.
    pub steps: Family<StepLabel, Counter>,
    /// Streams accepted, by protocol.
    pub streams: Family<NameLabel, Counter>,
    /// Requests refused, by error code.
    pub refused: Family<NameLabel, Counter>,
    /// Leases that ended by this machine's fault.
    pub strikes: Gauge,
    /// Number of the newest finalized block.
    pub head: Gauge,
    /// How often the container engine's event stream broke.
    pub engine_breaks: Counter,
}

/// A phase.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct PhaseLabel {
    /// The phase.
    pub phase: PhaseName,
}

/// A phase by its word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PhaseName(pub Phase);

impl EncodeLabelValue for PhaseName {
    fn encode(&self, encoder: &mut LabelValueEncoder) -> Result<(), std::fmt::Error> {
        phase_word(self.0).encode(encoder)
    }
}

/// A step and how it went.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct StepLabel {
    /// The step.
    pub step: &'static str,
    /// `ok`, `failed` or `dropped`.
    pub result: &'static str,
}

/// A name from a fixed list.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct NameLabel {
    /// The name.
    pub name: &'static str,
}

impl Metrics {
    /// All counters in a registry of their own, with the prefix `dbc_agent`.
    pub fn registry(&self) -> Arc<Registry> {
        let mut registry = Registry::with_prefix("dbc_agent");
        registry.register("workloads", "Workloads in each phase", self.phases.clone());
        registry.register("steps", "Steps done, by step and result", self.steps.clone());
        registry.register("streams", "Streams accepted, by protocol", self.streams.clone());
        registry.register("refused", "Requests refused, by error code", self.refused.clone());
        registry.register("strikes", "Leases ended by this machine's fault", self.strikes.clone());
        registry.register("finalized_block", "Newest finalized block", self.head.clone());
        registry.register(
            "engine_breaks",
            "Breaks of the container engine's event stream",
            self.engine_breaks.clone(),
        );
        Arc::new(registry)
    }

    /// A workload went from one phase to another; `None` is outside.
    pub fn phase(&self, from: Option<Phase>, to: Option<Phase>) {
        let gauge = |phase| self.phases.get_or_create(&PhaseLabel { phase: PhaseName(phase) });
        if let Some(from) = from {
            gauge(from).dec();
        }
        if let Some(to) = to {
            gauge(to).inc();
        }
    }

    /// A step ended.
    pub fn step(&self, step: &'static str, result: &'static str) {
        self.steps.get_or_create(&StepLabel { step, result }).inc();
    }
}

fn phase_word(phase: Phase) -> &'static str {
    match phase {
        Phase::Absent => "absent",
        Phase::Accepted => "accepted",
        Phase::Pulling => "pulling",
        Phase::Preparing => "preparing",
        Phase::Starting => "starting",
        Phase::Probing => "probing",
        Phase::Running => "running",
        Phase::Stopped => "stopped",
        Phase::Failed => "failed",
        Phase::Closed => "closed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phase_is_counted_once() {
        let metrics = Metrics::default();
        metrics.phase(None, Some(Phase::Accepted));
        metrics.phase(Some(Phase::Accepted), Some(Phase::Running));
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &metrics.registry()).unwrap();
        assert!(text.contains("dbc_agent_workloads{phase=\"running\"} 1"), "{text}");
        assert!(text.contains("dbc_agent_workloads{phase=\"accepted\"} 0"), "{text}");
    }
}
