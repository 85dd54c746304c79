//! `dbc platform …`: who sells the network's machines under his own name.

use anyhow::Result;
use dbc_sdk::{ErrorCode, PlatformView, Share};

use super::govern::account;
use crate::{args::Platform, context::Context, failure::coded, print};

/// Runs one of the commands.
pub async fn run(context: &Context, args: Platform) -> Result<u8> {
    let market = context.market()?;
    match args {
        Platform::Register { fee, beneficiary } => {
            let signer = context.signer()?;
            let beneficiary = match beneficiary {
                Some(text) => account(context, &text)?,
                None => signer.account(),
            };
            let view = market.register_platform(&signer, share(&fee)?, beneficiary).await?;
            print::data(context.json, &view, || {
                let id = view.id;
                format!(
                    "platform {id} takes {} on top; `dbc rent --platform {id}` sells by it",
                    view.fee
                )
            });
        }
        Platform::Set { platform, fee, beneficiary } => {
            let found = market.platform(platform).await?.ok_or_else(|| missing(platform))?;
            let fee = fee.as_deref().map(share).transpose()?.unwrap_or(found.fee);
            let beneficiary = match beneficiary {
                Some(text) => account(context, &text)?,
                None => found.beneficiary,
            };
            let tx = market.set_platform(&context.signer()?, platform, fee, beneficiary).await?;
            print::data(context.json, &tx, || {
                format!("platform {platform} takes {fee} of what is ordered from now on")
            });
        }
        Platform::Show { platform: Some(platform) } => {
            let found = market.platform(platform).await?.ok_or_else(|| missing(platform))?;
            print::data(context.json, &found, || list(std::slice::from_ref(&found)));
        }
        Platform::Show { platform: None } => {
            let all = market.platforms().await?;
            print::data(context.json, &all, || list(&all));
        }
        Platform::Close { platform } => {
            let tx = market.close_platform(&context.signer()?, platform).await?;
            print::data(context.json, &tx, || format!("platform {platform} sells nothing more"));
        }
    }
    Ok(0)
}

fn share(text: &str) -> Result<Share> {
    text.parse().map_err(|error| coded(ErrorCode::InvalidInput, format!("--fee: {error}")))
}

fn missing(platform: u32) -> anyhow::Error {
    coded(ErrorCode::InvalidInput, format!("there is no platform {platform}"))
}

fn list(all: &[PlatformView]) -> String {
    if all.is_empty() {
        return "no platforms; `dbc platform register` makes one".into();
    }
    let rows = all.iter().map(|platform| {
        vec![
            platform.id.to_string(),
            platform.fee.to_string(),
            platform.owner.to_string(),
            platform.beneficiary.to_string(),
        ]
    });
    print::table(&["PLATFORM", "FEE", "OWNER", "BENEFICIARY"], &rows.collect::<Vec<_>>())
}
