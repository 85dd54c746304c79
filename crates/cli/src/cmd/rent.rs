//! `dbc rent`: from a wish to a running workload, with each step shown.

use anyhow::{Context as _, Result};
use dbc_sdk::{
    ErrorCode, Filter, LeaseView, Market, Need, RentOrder, RentStep, RentUntil, Share, Signer,
    WorkloadSpec, WorkloadStatus,
    workload::{ContainerSpec, Port, WorkloadKind},
};

use super::{filter, money};
use crate::{args::Rent, context::Context, failure::coded, print, template};

/// Orders, waits, prints the lease and what to do next.
pub async fn run(context: &Context, args: Rent) -> Result<u8> {
    let market = context.market()?;
    let signer = context.signer()?;
    let order = match args.resume {
        Some(tag) => RentOrder { wait_s: args.wait, ..unfinished(&market, tag).await? },
        None => order(context, &market, &args).await?,
    };
    if !context.quiet() {
        let quote = &order.quote;
        let off = Share(u64::from(quote.off) * 1_000);
        let off = if off.0 > 0 { format!(", {off} off at its end") } else { String::new() };
        print::note(&format!(
            "machine {}: {} per hour, deposit {} for {}{off}",
            quote.machine_index,
            quote.rate.per_hour,
            quote.deposit,
            print::duration(quote.term_s)
        ));
    }
    let lease = place(&market, &signer, order, context.quiet()).await?;
    print::data(context.json, &lease, || {
        let id = lease.id;
        format!(
            "lease {id} runs\n\n  dbc ssh {id}            a terminal in it\n  dbc exec {id} -- nproc  one command\n  dbc lease show {id}     money and time\n  dbc lease end {id}      end it; unused money returns"
        )
    });
    Ok(0)
}

/// Places an order and shows its steps.
pub async fn place(
    market: &Market,
    signer: &Signer,
    order: RentOrder,
    quiet: bool,
) -> Result<LeaseView> {
    let mut step = print::Step::begin("rent", quiet);
    let mut tag = None;
    let rented = market
        .rent(signer, order, |event| {
            if let RentStep::Prepared { tag: given } = event {
                tag = Some(given);
            }
            step.say(&words(&event));
        })
        .await;
    match rented {
        Ok(lease) => {
            step.done(&format!("lease {}", lease.id));
            Ok(lease)
        }
        Err(error) => {
            let again = error.is_retryable();
            let error = anyhow::Error::from(error);
            match (again, tag) {
                (true, Some(tag)) => Err(error.context(format!(
                    "the order broke off; `dbc rent --resume {tag}` goes on with it"
                ))),
                _ => Err(error),
            }
        }
    }
}

/// What a step is called in progress.
pub fn words(step: &RentStep) -> String {
    match step {
        RentStep::Prepared { .. } => "order and access key stored".into(),
        RentStep::Submitted { .. } => "sent to the chain".into(),
        RentStep::InBlock { lease } => format!("lease {lease} is in a block"),
        RentStep::SpecAccepted => "the machine has the workload".into(),
        RentStep::Final => "the lease is final".into(),
        RentStep::Workload { status } => progress(status),
        RentStep::Started => "the meter runs".into(),
        _ => String::new(),
    }
}

/// A failure that is tried again is told with its reason.
fn progress(status: &WorkloadStatus) -> String {
    match &status.last_error {
        Some(error) if status.retry => format!("{}: {error} ({})", status.detail, error.code),
        _ if status.detail.is_empty() => format!("{:?}", status.phase).to_lowercase(),
        _ => status.detail.clone(),
    }
}

async fn unfinished(market: &Market, tag: u64) -> Result<RentOrder> {
    let orders = market.unfinished_orders().await?;
    let found = orders.into_iter().find(|(found, _)| *found == tag);
    let (_, order) = found.ok_or_else(|| {
        coded(ErrorCode::InvalidInput, format!("there is no unfinished order {tag}"))
    })?;
    Ok(RentOrder { tag: Some(tag), ..order })
}

async fn order(context: &Context, market: &Market, args: &Rent) -> Result<RentOrder> {
    let spec = spec(context, market, args).await?;
    spec.validate().map_err(|error| coded(ErrorCode::InvalidSpec, error.to_string()))?;
    let machine = match &args.machine {
        Some(text) => Some(market.find_machine(text).await?.id),
        None => None,
    };
    let max = args.wanted.max_price.as_deref();
    let filter = Filter {
        memory_mib_min: args.memory.unwrap_or_default(),
        disk_gib_min: args.disk.unwrap_or_default(),
        ..filter(&args.wanted, true)
    };
    let need = Need {
        machine,
        gpus: args.wanted.gpus,
        cpu_shares: args.shares,
        whole: args.whole,
        filter,
        term_s: args.term,
        max_per_hour: max.map(|text| money(text, "--max-price")).transpose()?,
    };
    let mut order = RentOrder::new(market.quote_by(&need, args.platform).await?, spec);
    order.platform = args.platform;
    order.voucher = args.voucher;
    order.publish_spec_hash = !args.no_spec_hash;
    if let Some(text) = &args.standby {
        order.standby = Some(market.find_machine(text).await?.id);
    }
    order.cap = args.cap.as_deref().map(|text| money(text, "--cap")).transpose()?;
    order.wait_s = args.wait;
    if args.detach {
        order.until = RentUntil::Final;
    }
    Ok(order)
}

async fn spec(context: &Context, market: &Market, args: &Rent) -> Result<WorkloadSpec> {
    let mut spec = match &args.image {
        Some(image) => WorkloadSpec::container(image),
        None => {
            let template = template::find(&args.template)?;
            let registry = match context.local(market).await? {
                Some(network) => network.registry(),
                None if template.image.contains("{registry}") => {
                    return Err(coded(
                        ErrorCode::InvalidInput,
                        "templates need the registry of the network on this machine; name an image with --image",
                    ));
                }
                None => String::new(),
            };
            template.spec(&registry)
        }
    };
    let WorkloadKind::Container(ContainerSpec { command, env, ports, resources, .. }) =
        &mut spec.kind
    else {
        return Ok(spec);
    };
    if !args.command.is_empty() {
        command.clone_from(&args.command);
    }
    for pair in &args.env {
        let (name, value) =
            pair.split_once('=').with_context(|| format!("--env {pair:?} is not NAME=VALUE"))?;
        env.insert(name.into(), value.into());
    }
    for pair in &args.port {
        let parsed = pair.split_once('=').and_then(|(name, port)| Some((name, port.parse().ok()?)));
        let (name, port) = parsed.with_context(|| format!("--port {pair:?} is not NAME=PORT"))?;
        ports.push(Port { name: name.into(), port });
    }
    if let Some(cpus) = args.cpus {
        anyhow::ensure!(
            (0.01..=4096.0).contains(&cpus),
            "--cpus {cpus} must be between 0.01 and 4096"
        );
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "bounded just above"
        )]
        let millis = (cpus * 1000.0) as u32;
        resources.cpu_millis = Some(millis);
    }
    resources.memory_mib = args.memory.or(resources.memory_mib);
    resources.disk_gib = args.disk.or(resources.disk_gib);
    Ok(spec)
}
