//! `dbc report`: a machine is not there, or not what it says.

use std::time::Duration;

use anyhow::Result;
use dbc_sdk::{OffenceKind, OffenceStage, OffenceView};

use crate::{
    args::{Fault, Report},
    context::Context,
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
    let mut step = print::Step::begin("report", context.quiet());
    let report = market.report(&signer, machine.id, kind, args.lease).await?;
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
