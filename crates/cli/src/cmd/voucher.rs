//! `dbc voucher …`: paying for somebody else's leases.

use anyhow::Result;
use dbc_sdk::{ErrorCode, MachineClass, VoucherView};

use super::{govern::account, money};
use crate::{args::Voucher, context::Context, failure::coded, print};

/// Runs one of the commands.
pub async fn run(context: &Context, args: Voucher) -> Result<u8> {
    let market = context.market()?;
    match args {
        Voucher::Issue { holder, budget, duration, class } => {
            let holder = account(context, &holder)?;
            let budget = money(&budget, "--budget")?;
            let class = class.as_deref().map(self::class).transpose()?;
            let signer = context.signer()?;
            let view = market.issue_voucher(&signer, holder, budget, class, duration).await?;
            print::data(context.json, &view, || {
                let id = view.id;
                format!(
                    "voucher {id} pays leases of {holder} up to {}; `dbc rent --voucher {id}` uses it",
                    view.budget
                )
            });
        }
        Voucher::List => {
            let all = market.vouchers(context.signer()?.account()).await?;
            print::data(context.json, &all, || list(&all));
        }
        Voucher::Revoke { voucher } => {
            let tx = market.revoke_voucher(&context.signer()?, voucher).await?;
            print::data(context.json, &tx, || {
                format!("voucher {voucher} pays nothing more; what leases use returns at their end")
            });
        }
    }
    Ok(0)
}

/// A class by its name.
fn class(text: &str) -> Result<MachineClass> {
    let name = serde_json::Value::String(text.to_ascii_lowercase().replace('-', "_"));
    serde_json::from_value(name).map_err(|_| {
        let why = "--class is one of cloud-game, hpc, inference, training, rendering, cpu";
        coded(ErrorCode::InvalidInput, why)
    })
}

fn list(all: &[VoucherView]) -> String {
    if all.is_empty() {
        return "no vouchers; `dbc voucher issue` makes one".into();
    }
    let rows = all.iter().map(|voucher| {
        let state = if voucher.revoked { "revoked" } else { "pays" };
        vec![
            voucher.id.to_string(),
            voucher.budget.to_string(),
            voucher.leases.to_string(),
            state.to_string(),
            voucher.issuer.to_string(),
            voucher.holder.to_string(),
        ]
    });
    let head = ["VOUCHER", "LEFT", "LEASES", "STATE", "ISSUER", "HOLDER"];
    print::table(&head, &rows.collect::<Vec<_>>())
}
