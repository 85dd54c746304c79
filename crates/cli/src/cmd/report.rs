//! `dbc report`: a machine is not there, or not what it says.

use std::{io::Read as _, path::Path, time::Duration};

use anyhow::{Context as _, Result};
use dbc_audit::evidence::{self, EvidenceError};
use dbc_sdk::{ErrorCode, Market, MarketError, OffenceKind, OffenceStage, OffenceView, Signer};

use crate::{
    args::{Fault, Report},
    context::Context,
    failure::coded,
    print,
};

/// Pause between two looks at a report.
const POLL: Duration = Duration::from_secs(3);

/// Runs the command.
pub async fn run(context: &Context, args: Report) -> Result<u8> {
    let market = context.market()?;
    let signer = context.signer()?;
    let evidence = args.evidence.as_deref().map(read_evidence).transpose()?;
    let mut step = print::Step::begin("report", context.quiet());
    let report = match args.resume {
        Some(number) => known(&market, number, evidence.as_deref()).await?,
        None => make(&market, &signer, &args, evidence.as_deref()).await?,
    };
    let id = report.id;
    if args.no_wait {
        step.done(&format!("report {id}: auditors will look at the machine"));
        print::data(context.json, &report, || format!("report {id}"));
        return Ok(0);
    }
    let watch = Watched { market: &market, signer: &signer, evidence: evidence.as_deref() };
    let found = watch.to_the_end(report, &mut step).await.with_context(|| {
        let evidence = if evidence.is_some() { " --evidence FILE" } else { "" };
        format!("report {id} is made; `dbc report --resume {id}{evidence}` goes on with it")
    })?;
    let (said, upheld) = match found {
        Found::Upheld(_) => (
            "upheld: it costs the machine's stake unless it is appealed against with success",
            true,
        ),
        // While another offence of the machine runs a right report adds nothing to it, and costs nothing.
        Found::Known => (
            "of a machine that answers for an offence already; a right report's bond returns",
            true,
        ),
        Found::Not => ("not upheld: the machine answered the auditors, or nobody could say", false),
    };
    step.done(said);
    let offence = match found {
        Found::Upheld(offence) => Some(offence),
        Found::Known | Found::Not => None,
    };
    let all = serde_json::json!({"report": id, "upheld": upheld, "offence": offence});
    print::data(context.json, &all, || format!("report {id} is {said}"));
    Ok(0)
}

/// A new report.
async fn make(
    market: &Market,
    signer: &Signer,
    args: &Report,
    evidence: Option<&[u8]>,
) -> Result<OffenceView> {
    // Both are there unless a report is gone on with.
    let machine = args.machine.as_deref().context("names no machine")?;
    let machine = market.find_machine(machine).await?.id;
    let kind = match args.kind.context("names no kind")? {
        Fault::Unreachable => OffenceKind::Unreachable,
        Fault::Malfunction => OffenceKind::Malfunction,
        Fault::Counterfeit => OffenceKind::Counterfeit,
        Fault::NotRentable => OffenceKind::NotRentable,
    };
    Ok(match evidence {
        Some(evidence) => {
            let hash = evidence::hash(evidence);
            market.report_with_evidence(signer, machine, kind, args.lease, hash).await?
        }
        None => market.report(signer, machine, kind, args.lease).await?,
    })
}

/// A report that was made before, with the evidence that was promised then.
async fn known(market: &Market, number: u64, evidence: Option<&[u8]>) -> Result<OffenceView> {
    let refused = |why: String| Err(coded(ErrorCode::InvalidInput, why));
    let Some(report) = market.offence(number).await? else {
        return refused(format!("there is no report {number} whose check is not over"));
    };
    let promised = market.promised(number).await?;
    match (promised, evidence.map(evidence::hash)) {
        (Some(promised), Some(given)) if promised != given => {
            refused("--evidence: is not what was promised with the report".into())
        }
        (Some(_), None) if report.stage == OffenceStage::Reported => {
            refused(format!("evidence was promised with report {number}; name it: --evidence"))
        }
        _ => Ok(report),
    }
}

/// What became of a report.
enum Found {
    /// It is right.
    Upheld(OffenceView),
    /// The machine answers for another offence.
    Known,
    /// It is not.
    Not,
}

/// A report until it is decided.
struct Watched<'a> {
    market: &'a Market,
    signer: &'a Signer,
    evidence: Option<&'a [u8]>,
}

impl Watched<'_> {
    /// Hands its evidence out and waits for what the auditors find. A node or a transaction that fails costs the
    /// bond if nobody tries again: whatever may pass is tried until it does.
    async fn to_the_end(&self, report: OffenceView, step: &mut print::Step) -> Result<Found> {
        let id = report.id;
        loop {
            match self.look(&report, step).await {
                Ok(Some(found)) => return Ok(found),
                Ok(None) => {}
                Err(error) if may_pass(&error) => {
                    step.say(&format!("{id}: {error}; it is tried again"));
                }
                Err(error) => return Err(error.into()),
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// One look; `None` while the auditors are at it.
    async fn look(
        &self,
        report: &OffenceView,
        step: &mut print::Step,
    ) -> Result<Option<Found>, MarketError> {
        let id = report.id;
        let now = self.market.offence(id).await?;
        if now.as_ref().is_none_or(|now| now.stage != OffenceStage::Reported) {
            let machine = self.market.machine(report.machine).await?;
            let others = self.market.offences(machine.provider).await?;
            let known = others.iter().any(|offence| offence.machine == machine.id);
            return Ok(Some(match now {
                Some(offence) => Found::Upheld(offence),
                None if known => Found::Known,
                None => Found::Not,
            }));
        }
        let audits = self.market.audits(report.machine).await?;
        match &audits.open {
            Some(open) => step.say(&format!("{id}: audit {}", crate::up::market::stand(open))),
            None => step.say(&format!("{id}: the auditors are done")),
        }
        if let Some(evidence) = self.evidence {
            self.hand(report, evidence, step).await?;
        }
        Ok(None)
    }

    /// Hands the evidence to every auditor who named a key and does not have it.
    async fn hand(
        &self,
        report: &OffenceView,
        evidence: &[u8],
        step: &mut print::Step,
    ) -> Result<(), MarketError> {
        let Some(check) = self.market.check(report).await? else { return Ok(()) };
        for by in check.auditors.iter().filter(|by| !by.handed) {
            let Some(key) = by.key else { continue };
            // A key that nothing can be sealed to is its auditor's fault.
            let Ok(sealed) = evidence::seal(&key, evidence) else { continue };
            // Whoever is too late hears it from the chain; the others are still to be handed theirs.
            let handed = self.market.hand_evidence(self.signer, report.id, by.auditor, sealed);
            match handed.await {
                Ok(_) => step.say(&format!("{}: evidence handed to {}", report.id, by.auditor)),
                Err(error) => print::note(&format!("{} was not handed it: {error}", by.auditor)),
            }
        }
        Ok(())
    }
}

/// Whether the same may succeed a moment later: also where it is not known whether a transaction got into a block,
/// since what is handed already is looked up before it is handed again.
fn may_pass(error: &MarketError) -> bool {
    error.is_retryable() || error.code() == ErrorCode::ChainUnreachable
}

/// Reads what was seen.
fn read_evidence(path: &Path) -> Result<Vec<u8>> {
    let what = || format!("cannot read the evidence in {}", path.display());
    let file = std::fs::File::open(path).with_context(what)?;
    let mut evidence = Vec::new();
    // One byte more than there may be, so that a longer file is noticed and not cut.
    let most = evidence::EVIDENCE_MAX as u64 + 1;
    file.take(most).read_to_end(&mut evidence).with_context(what)?;
    if evidence.is_empty() || evidence.len() > evidence::EVIDENCE_MAX {
        return Err(coded(ErrorCode::InvalidInput, EvidenceError::Size.to_string()));
    }
    Ok(evidence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_is_away_ends_no_report() {
        let away = MarketError::MachineUnreachable {
            machine: dbc_sdk::MachineId([0; 32]),
            why: String::new(),
        };
        assert!(may_pass(&away));
        assert!(!may_pass(&MarketError::LeaseNotFound { lease: 1 }));
        assert!(!may_pass(&MarketError::Internal("a bug".into())));
    }
}
