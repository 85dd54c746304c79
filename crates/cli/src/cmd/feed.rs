//! `dbc feed …`: the duty of a price feeder.

use anyhow::Result;
use dbc_feed::{BadSource, Feeder, FeederView, Source, Sources};
use dbc_sdk::{Dollars, ErrorCode, Money};

use crate::{args::Feed, context::Context, failure::coded, print};

/// Runs one of the commands.
pub async fn run(context: &Context, args: Feed) -> Result<u8> {
    // What is typed is looked at before anybody is asked.
    let sources = match &args {
        Feed::Run { source, fixed } => Some(sources(source, fixed.as_deref())?),
        _ => None,
    };
    let client = dbc_feed::connect(&context.chain_url()?).await?;
    let signer = context.signer()?;
    let account = signer.account();
    match (args, sources) {
        (Feed::Run { .. }, Some(sources)) => {
            dbc_service::logs::init("info")?;
            let shutdown = dbc_service::shutdown::token()?;
            let json = context.json;
            let mut feeder = Feeder::open(client, signer, sources).await?;
            feeder
                .run(shutdown, |told| match json {
                    true => print::data(true, &told, String::new),
                    false => print::note(&format!("a DBC is {}", Dollars(told.price))),
                })
                .await?;
        }
        (Feed::Join, _) => {
            dbc_feed::join(&client, &signer).await?;
            show(context, &dbc_feed::status(&client, account).await?);
        }
        (Feed::Leave, _) => {
            dbc_feed::leave(&client, &signer).await?;
            show(context, &dbc_feed::status(&client, account).await?);
        }
        (Feed::Status | Feed::Run { .. }, _) => {
            show(context, &dbc_feed::status(&client, account).await?);
        }
    }
    Ok(0)
}

fn sources(texts: &[String], fixed: Option<&str>) -> Result<Sources> {
    let parsed: Result<Vec<Source>, BadSource> = match fixed {
        Some(price) => Source::fixed(price).map(|source| vec![source]),
        None => texts.iter().map(|text| Source::parse(text)).collect(),
    };
    let all = parsed.map_err(|error| coded(ErrorCode::InvalidInput, error.to_string()))?;
    Sources::new(all)
}

fn show(context: &Context, view: &FeederView) {
    print::data(context.json, view, || {
        let average = match view.average {
            Some(micro) => format!("{} a DBC", Dollars(micro)),
            None => "nobody knows: leases in dollars cannot start".to_owned(),
        };
        if !view.seated {
            return format!(
                "{} has no seat; a referendum on `operations` gives one\naverage    {average}",
                view.account
            );
        }
        let told = match view.told {
            Some((price, slot)) => format!("{} in slot {slot}", Dollars(price)),
            None => "nothing yet".to_owned(),
        };
        let suspended = if view.suspended { "\nsuspended  its values do not count" } else { "" };
        format!(
            "feeder     {}\nbond       {}\ntold       {told}\nstrikes    {}\naverage    {average}{suspended}",
            view.account,
            Money(view.bond),
            view.strikes,
        )
    });
}
