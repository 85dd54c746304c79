//! `dbc council …`: motions of the council and of the technical committee.

use anyhow::Result;
use dbc_sdk::{Body, CouncilView, Market, MotionView};

use super::govern::call_bytes;
use crate::{
    args::{Council, Which},
    context::Context,
    print,
};

/// Runs one of the commands.
pub async fn run(context: &Context, args: Council) -> Result<u8> {
    let market = context.market()?;
    let which = match args {
        Council::List { which } => which,
        Council::Propose { which, call, threshold } => {
            let (signer, bytes) = (context.signer()?, call_bytes(&call)?);
            market.council_propose(&signer, body(which), threshold, &bytes).await?;
            which
        }
        Council::Aye { which, motion } => {
            market.council_vote(&context.signer()?, body(which), motion, true).await?;
            which
        }
        Council::Nay { which, motion } => {
            market.council_vote(&context.signer()?, body(which), motion, false).await?;
            which
        }
        Council::Close { which, motion } => {
            market.council_close(&context.signer()?, body(which), motion).await?;
            which
        }
    };
    show(context, &market, body(which)).await?;
    Ok(0)
}

fn body(which: Which) -> Body {
    if which.technical { Body::Technical } else { Body::Council }
}

async fn show(context: &Context, market: &Market, body: Body) -> Result<()> {
    let view = market.council(body).await?;
    print::data(context.json, &view, || words(&view));
    Ok(())
}

fn words(view: &CouncilView) -> String {
    let mut text: String = view.seats.iter().map(|seat| format!("seat       {seat}\n")).collect();
    if view.motions.is_empty() {
        return text + "no motion is open";
    }
    let rows = view.motions.iter().map(|motion| {
        vec![
            motion.id.to_string(),
            does(motion),
            format!("{} of {}", motion.ayes.len(), motion.threshold),
            motion.nays.len().to_string(),
            format!("block {}, in about {}", motion.ends, print::duration(motion.ends_in_s)),
        ]
    });
    text += &print::table(&["MOTION", "DOES", "AYES", "NAYS", "ENDS"], &rows.collect::<Vec<_>>());
    text
}

fn does(motion: &MotionView) -> String {
    if motion.sets.is_empty() {
        return motion.call.clone();
    }
    let all = motion.sets.iter().map(|set| format!("{} to {}", set.name, set.value));
    format!("sets {}", all.collect::<Vec<_>>().join(", "))
}
