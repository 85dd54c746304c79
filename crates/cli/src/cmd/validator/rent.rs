//! `dbc validator rent`: a bond, a lease, a node in it with keys that were made there, and its candidacy. Each
//! step looks first whether it is done, and what it needs is on disk before it is taken.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use dbc_sdk::{
    Agent, ErrorCode, Filter, Market, MarketError, Money, Need, RentOrder, RentStep, RoleView,
    Signer, WorkloadSpec,
    workload::{ContainerSpec, WorkloadKind},
};

use super::{Plan, inside, is_open, mine, share, show};
use crate::{
    args::RentNode,
    cmd::{money, rent::words},
    context::Context,
    failure::coded,
    print::Step,
    template, up,
};

/// Name of the template and, on the network of this machine, of its image.
const TEMPLATE: &str = "node";
/// How long the node may take to have the newest final block.
const SYNC_PATIENCE: Duration = Duration::from_secs(30 * 60);
/// How long it may say nothing at all, while it starts.
const SILENCE_MAX: Duration = Duration::from_secs(8 * 60);
/// Final blocks that it may lag behind and still count as synced.
const LAG_MAX: u64 = 5;
/// Pause between two looks.
const POLL: Duration = Duration::from_secs(3);

/// Runs the command.
pub async fn run(context: &Context, market: &Market, args: &RentNode) -> Result<()> {
    let bond = money(&args.bond, "--bond")?;
    share(&args.commission)?;
    let (signer, known) = mine(context, market).await?;
    let mut plan = match known {
        Some(known) => known,
        None => Plan::make(context, market, signer.account(), args, bond).await?,
    };
    anyhow::ensure!(
        !plan.ending,
        "this validator is being ended; `dbc validator end` goes on with that"
    );
    let begun = begun(market, &plan).await?;
    let fixed = begun.is_some() || has_lease(market, &plan).await?;
    plan.name(args, fixed)?;
    (plan.bond, plan.commission) = (bond, args.commission.clone());
    plan.save()?;
    match steps(context, market, &signer, args, &mut plan, begun).await {
        // Nothing goes on in a lease that is closed, whatever was seen of it.
        Err(error) if plan.lease.is_some() && !has_lease(market, &plan).await.unwrap_or(true) => {
            plan.forget_lease()?;
            Err(error).context("its lease is over; this command once more begins anew")
        }
        Err(error) => Err(error),
        Ok(()) => show(context, market, signer.account(), None).await,
    }
}

async fn steps(
    context: &Context,
    market: &Market,
    signer: &Signer,
    args: &RentNode,
    plan: &mut Plan,
    begun: Option<RentOrder>,
) -> Result<()> {
    lease(context, market, signer, args, plan, begun).await?;
    let id = plan.lease.context("the lease has no number")?;
    let agent = market.agent(id).await?;
    bring_up(context, market, &agent, plan).await?;
    keys(context, market, signer, &agent, plan).await?;
    stand(context, market, signer, plan).await
}

/// The order of a plan that did not get as far as it should.
async fn begun(market: &Market, plan: &Plan) -> Result<Option<RentOrder>> {
    let orders = market.unfinished_orders().await?;
    Ok(orders.into_iter().find(|(tag, _)| *tag == plan.tag).map(|(_, order)| order))
}

/// Whether the plan has a lease that is not closed.
async fn has_lease(market: &Market, plan: &Plan) -> Result<bool> {
    match plan.lease {
        Some(lease) => is_open(market, lease).await,
        None => Ok(false),
    }
}

/// A lease that runs the node.
async fn lease(
    context: &Context,
    market: &Market,
    signer: &Signer,
    args: &RentNode,
    plan: &mut Plan,
    begun: Option<RentOrder>,
) -> Result<()> {
    let order = match begun {
        Some(order) => order,
        None if has_lease(market, plan).await? => return Ok(()),
        None => {
            if plan.lease.is_some() {
                plan.forget_lease()?;
            }
            order(context, market, args, plan).await?
        }
    };
    let mut step = Step::begin("lease", context.quiet());
    let order = RentOrder { tag: Some(plan.tag), ..order };
    let mut written = Ok(());
    let leased = market
        .rent(signer, order, |event| {
            if let RentStep::InBlock { lease } = event {
                plan.lease = Some(lease);
                written = plan.save();
            }
            step.say(&words(&event));
        })
        .await;
    written?;
    match leased {
        Ok(leased) => {
            step.done(&format!("lease {}", leased.id));
            plan.lease = Some(leased.id);
            plan.save()
        }
        Err(error @ MarketError::LeaseClosed { .. }) => {
            Err(error).context("the node was not started in time")
        }
        Err(error) => Err(error).context("the lease broke off; call this again to go on with it"),
    }
}

/// What to lease, if there is money for it and for the bond.
async fn order(
    context: &Context,
    market: &Market,
    args: &RentNode,
    plan: &Plan,
) -> Result<RentOrder> {
    // Before anything is paid: whoever has no spec gets no further.
    spec_file(context, market, plan).await?;
    let workload = workload(context, market, args, plan).await?;
    let max = args.max_price.as_deref();
    let need = Need {
        machine: match &args.machine {
            Some(text) => Some(market.find_machine(text).await?.id),
            None => None,
        },
        filter: Filter {
            rentable: true,
            memory_mib_min: args.memory.unwrap_or_default(),
            disk_gib_min: args.disk.unwrap_or_default(),
            ..Filter::default()
        },
        max_per_hour: max.map(|text| money(text, "--max-price")).transpose()?,
        cpu_shares: args.shares,
        ..Need::cpu(args.term)
    };
    let quote = market.quote(&need).await?;
    let missing = missing_bond(market, plan).await?;
    let have = market.balance(plan.account).await?.spendable;
    if have.0 < quote.deposit.0.saturating_add(missing.0) {
        let deposit = quote.deposit;
        let why = format!(
            "{deposit} for the lease and {missing} for the bond are needed, {have} can be spent"
        );
        return Err(coded(ErrorCode::InsufficientFunds, why));
    }
    Ok(RentOrder::new(quote, workload))
}

/// The node as a workload.
async fn workload(
    context: &Context,
    market: &Market,
    args: &RentNode,
    plan: &Plan,
) -> Result<WorkloadSpec> {
    let mut spec = match (&plan.image, context.local(market).await?) {
        (Some(image), _) => WorkloadSpec::container(image),
        (None, Some(network)) => {
            let mut step = Step::begin("image", context.quiet());
            let built = up::images::ensure_node(&network, &mut step).await?;
            step.done(&built);
            template::find(TEMPLATE)?.spec(&network.registry())
        }
        (None, None) => {
            let why =
                "the network does not run on this machine; name an image with the node: --image";
            return Err(coded(ErrorCode::InvalidInput, why));
        }
    };
    if let WorkloadKind::Container(ContainerSpec { resources, .. }) = &mut spec.kind {
        resources.memory_mib = args.memory.or(resources.memory_mib);
        resources.disk_gib = args.disk.or(resources.disk_gib);
    }
    spec.validate().map_err(|error| coded(ErrorCode::InvalidSpec, error.to_string()))?;
    Ok(spec)
}

/// The chain spec that the node gets.
async fn spec_file(context: &Context, market: &Market, plan: &Plan) -> Result<PathBuf> {
    let file = match (&plan.spec, context.local(market).await?) {
        (Some(file), _) => file.clone(),
        (None, Some(network)) => network.dir.join("chain.json"),
        (None, None) => {
            let why = "the network does not run on this machine; name its chain spec: --spec";
            return Err(coded(ErrorCode::InvalidInput, why));
        }
    };
    match file.is_file() {
        true => Ok(file),
        false => {
            Err(coded(ErrorCode::InvalidInput, format!("--spec: {} is no file", file.display())))
        }
    }
}

/// Gives the node its chain spec and waits until it has what is final.
async fn bring_up(context: &Context, market: &Market, agent: &Agent, plan: &Plan) -> Result<()> {
    let mut step = Step::begin("node", context.quiet());
    if !inside::has_spec(agent).await? {
        step.say("sending the chain spec");
        inside::send_spec(agent, &spec_file(context, market, plan).await?).await?;
    }
    let (since, mut answered) = (Instant::now(), Instant::now());
    let mut introduced = false;
    loop {
        let wanted = market.network().await?.finalized.number;
        match inside::health(agent).await {
            Ok(health) => {
                answered = Instant::now();
                if health.peers > 0
                    && !health.syncing
                    && health.finalized.saturating_add(LAG_MAX) >= wanted
                {
                    step.done(&format!("it has block {}", health.finalized));
                    return Ok(());
                }
                if health.peers == 0 && !introduced {
                    introduced = true;
                    // It may find others by itself.
                    if let Err(error) = introduce(context, market, agent).await {
                        step.say(&format!("nobody was told the way to it: {error:#}"));
                    }
                }
                step.say(&format!(
                    "block {} of {wanted}, {} peers",
                    health.finalized, health.peers
                ));
            }
            Err(error) if answered.elapsed() > SILENCE_MAX => {
                return Err(error)
                    .context("the node does not answer; `dbc logs` of its lease says why");
            }
            Err(_) => step.say("it starts"),
        }
        anyhow::ensure!(
            since.elapsed() < SYNC_PATIENCE,
            "the node is not synced yet; call this again to go on waiting"
        );
        tokio::time::sleep(POLL).await;
    }
}

/// On the network of this machine: a container cannot reach its host, so the nodes there are told the way to it.
async fn introduce(context: &Context, market: &Market, agent: &Agent) -> Result<()> {
    let Some(network) = context.local(market).await? else { return Ok(()) };
    let address = inside::address(agent).await?;
    for node in 0..u16::from(network.validators) {
        market.introduce(&format!("ws://127.0.0.1:{}", network.rpc_port + node), &address).await?;
    }
    Ok(())
}

/// Session keys, made in the node, named on the chain.
async fn keys(
    context: &Context,
    market: &Market,
    signer: &Signer,
    agent: &Agent,
    plan: &mut Plan,
) -> Result<()> {
    let mut step = Step::begin("keys", context.quiet());
    let there = match &plan.keys {
        Some((keys, _)) => inside::has_keys(agent, keys).await?,
        None => false,
    };
    if !there {
        step.say("making them in the node");
        plan.keys = Some(inside::make_keys(agent, plan.account).await?);
        plan.save()?;
    }
    let (keys, proof) = plan.keys.clone().context("there are no keys")?;
    if market.session(plan.account).await?.keys.as_deref() != Some(keys.as_str()) {
        step.say("naming them on the chain");
        market.set_keys(signer, &keys, &proof).await?;
    }
    step.done("they count two sessions later");
    Ok(())
}

/// Bond and candidacy.
async fn stand(context: &Context, market: &Market, signer: &Signer, plan: &mut Plan) -> Result<()> {
    let mut step = Step::begin("election", context.quiet());
    let missing = missing_bond(market, plan).await?;
    if missing.0 > 0 {
        step.say(&format!("bonding {missing}"));
        plan.before = plan.before.or(Some(market.stake(plan.account).await?.active));
        plan.save()?;
        market.bond(signer, missing).await?;
    }
    let wanted = share(&plan.commission)?;
    let role = market.stake(plan.account).await?.role;
    if role != (RoleView::Validates { commission: wanted }) {
        step.say("standing for election");
        market.validate(signer, wanted).await?;
    }
    step.done("the next election that is won gives it a seat");
    Ok(())
}

async fn missing_bond(market: &Market, plan: &Plan) -> Result<Money> {
    let active = market.stake(plan.account).await?.active;
    Ok(Money(plan.bond.0.saturating_sub(active.0)))
}
