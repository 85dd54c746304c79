//! `dbc report`: a machine is not there, or not what it says.

use std::{io::Read as _, path::Path, time::Duration};

use anyhow::{Context as _, Result};
use dbc_audit::evidence::{self, EvidenceError};
use dbc_sdk::{ErrorCode, Market, OffenceKind, OffenceStage, OffenceView, Signer};

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
    let machine = market.find_machine(&args.machine).await?;
    let kind = match args.kind {
        Fault::Unreachable => OffenceKind::Unreachable,
        Fault::Malfunction => OffenceKind::Malfunction,
        Fault::Counterfeit => OffenceKind::Counterfeit,
        Fault::NotRentable => OffenceKind::NotRentable,
    };
    let evidence = args.evidence.as_deref().map(read_evidence).transpose()?;
    let mut step = print::Step::begin("report", context.quiet());
    let report = match &evidence {
        Some(evidence) => {
            let hash = evidence::hash(evidence);
            market.report_with_evidence(&signer, machine.id, kind, args.lease, hash).await?
        }
        None => market.report(&signer, machine.id, kind, args.lease).await?,
    };
    if args.no_wait {
        step.done(&format!("report {}: auditors will look at the machine", report.id));
        print::data(context.json, &report, || format!("report {}", report.id));
        return Ok(0);
    }
    let mut found = Some(report);
    while let Some(OffenceView { id, stage: OffenceStage::Reported, .. }) = found {
        let audits = market.audits(machine.id).await?;
        match &audits.open {
            Some(open) => step.say(&format!("{id}: audit {}", crate::up::market::stand(open))),
            None => step.say(&format!("{id}: the auditors are done")),
        }
        if let (Some(evidence), Some(report)) = (&evidence, &found) {
            hand(&market, &signer, report, evidence, &mut step).await?;
        }
        tokio::time::sleep(POLL).await;
        found = market.offence(id).await?;
    }
    // While another offence of the machine runs a right report adds nothing to it, and costs nothing.
    let of_machine = market.offences(machine.provider).await?;
    let known = of_machine.iter().any(|offence| offence.machine == machine.id);
    let upheld = found.is_some() || known;
    let said = match (found.is_some(), known) {
        (true, _) => {
            "upheld: it costs the machine's stake unless it is appealed against with success"
        }
        (_, true) => {
            "of a machine that answers for an offence already; a right report's bond returns"
        }
        _ => "not upheld: the machine answered the auditors, or nobody could say",
    };
    step.done(said);
    let all = serde_json::json!({"report": report.id, "upheld": upheld, "offence": found});
    print::data(context.json, &all, || format!("report {} is {said}", report.id));
    Ok(0)
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

/// Hands the evidence to every auditor who named a key and does not have it.
async fn hand(
    market: &Market,
    signer: &Signer,
    report: &OffenceView,
    evidence: &[u8],
    step: &mut print::Step,
) -> Result<()> {
    let Some(check) = market.check(report).await? else { return Ok(()) };
    for by in check.auditors.iter().filter(|by| !by.handed) {
        let Some(key) = by.key else { continue };
        let sealed = evidence::seal(&key, evidence)?;
        // Whoever is too late hears it from the chain; the others are still to be handed theirs.
        match market.hand_evidence(signer, report.id, by.auditor, sealed).await {
            Ok(_) => step.say(&format!("{}: evidence handed to {}", report.id, by.auditor)),
            Err(error) => print::note(&format!("{} was not handed it: {error}", by.auditor)),
        }
    }
    Ok(())
}
