//! `dbc machines`: what can be rented, at which price.

use anyhow::Result;
use dbc_sdk::MachineView;

use super::{filter, money};
use crate::{args::Machines, context::Context, print};

/// Lists machines, cheapest first.
pub async fn run(context: &Context, args: Machines) -> Result<u8> {
    let market = context.market()?;
    let mut machines = market.machines(&filter(&args.wanted, !args.all)).await?;
    if let Some(max) = &args.wanted.max_price {
        let max = money(max, "--max-price")?;
        machines.retain(|machine| {
            machine.offer.as_ref().is_some_and(|offer| asked(machine, offer) <= max)
        });
    }
    print::data(context.json, &machines, || match machines.is_empty() {
        true => {
            "no machine fits; `dbc machines --all` lists those that are leased or not listed, too"
                .into()
        }
        false => print::table(
            &["NR", "CLASS", "GPUS", "FREE", "CPU", "MEMORY", "DISK", "DBC/HOUR", "STATUS"],
            &machines.iter().map(row).collect::<Vec<_>>(),
        ),
    });
    Ok(0)
}

fn asked(machine: &MachineView, offer: &dbc_sdk::OfferView) -> dbc_sdk::Money {
    if machine.gpus.is_empty() { offer.price.cpu_hour } else { offer.price.gpu_hour }
}

/// What of it can be leased: GPUs, CPU shares.
fn free(machine: &MachineView) -> String {
    let gpus = machine.gpus.iter().filter(|gpu| !gpu.leased).count();
    let offered = machine.offer.as_ref().map_or(0, |offer| offer.cpu_shares);
    let shares = format!("{} of {offered} shares", machine.cpu_free());
    match (machine.gpus.is_empty(), offered) {
        (true, _) => shares,
        (false, 0) => format!("{gpus} GPUs"),
        (false, _) => format!("{gpus} GPUs, {shares}"),
    }
}

fn row(machine: &MachineView) -> Vec<String> {
    let gpus = match machine.gpus.first() {
        Some(gpu) => format!("{} × {}", machine.gpus.len(), gpu.facts.model),
        None => "none".into(),
    };
    let price = machine.offer.as_ref().map_or("no offer".into(), |offer| {
        asked(machine, offer).to_string().trim_end_matches(" DBC").to_string()
    });
    vec![
        machine.index.to_string(),
        machine.class.to_string(),
        gpus,
        free(machine),
        format!("{} × {}", machine.cpu_cores, machine.cpu_model),
        format!("{} GiB", machine.memory_mib / 1024),
        format!("{} GiB", machine.disk_gib),
        price,
        machine.status.to_string(),
    ]
}
