//! Joining the market: wallets with test money, the machine bonded, offered, audited, listed. Each step looks
//! first whether it is done.

use anyhow::{Context as _, Result};
use dbc_sdk::{
    AccountId, Ask, AuditPhase, AuditView, Filter, GpuFacts, HardwareFacts, Location, MachineClass,
    MachineId, MachineStatus, MachineView, Market, Money, NetworkFacts, OpenAuditView,
    Registration, Signer,
};

use super::{agent, state::Network};
use crate::{
    args::Offer,
    context::Context,
    print::Step,
    wallet::{WalletError, WalletFile, Wallets},
};

/// Who has test money on development networks.
const FAUCET: &str = "//Alice";
/// Wallets get this much when they have less than half of it.
const RENTER_DBC: u64 = 10_000;
const PROVIDER_DBC: u64 = 200_000;
const OPERATOR_DBC: u64 = 100;
/// Least memory and disk of a CPU share of this machine.
const SHARE_MEMORY_MIB: u32 = 2_048;
const SHARE_DISK_GIB: u32 = 2;
/// Pause between two looks at an audit.
const AUDIT_POLL: std::time::Duration = std::time::Duration::from_secs(2);

/// Keys of the two sides.
pub struct Accounts {
    /// Rents.
    pub renter: Signer,
    /// Provides.
    pub provider: Signer,
}

/// Makes the wallets `default` and `provider` when they are missing, and fills them up.
pub async fn wallets(context: &Context, market: &Market, step: &mut Step) -> Result<Accounts> {
    let faucet = Signer::from_uri(FAUCET)?;
    let renter = wallet(context, "default")?;
    let provider = wallet(context, "provider")?;
    step.say("test money for the wallets");
    fund(market, &faucet, renter.account(), RENTER_DBC).await?;
    fund(market, &faucet, provider.account(), PROVIDER_DBC).await?;
    Ok(Accounts { renter, provider })
}

fn wallet(context: &Context, name: &str) -> Result<Signer> {
    let wallets = Wallets::at(&context.home);
    match wallets.load(name) {
        Ok(_) => {}
        Err(WalletError::NotFound(_)) => {
            let phrase = Signer::generate_phrase()?;
            wallets.store(&WalletFile::seal(name, &phrase, None)?)?;
        }
        Err(error) => return Err(error.into()),
    }
    context.signer_of(name)
}

async fn fund(market: &Market, faucet: &Signer, account: AccountId, dbc: u64) -> Result<()> {
    if market.balance(account).await?.spendable < Money::dbc(dbc / 2) {
        market.transfer(faucet, account, Money::dbc(dbc)).await?;
    }
    Ok(())
}

/// Brings the machine of this network onto the market.
pub async fn join(
    market: &Market,
    provider: &Signer,
    network: &Network,
    ask: &Ask,
    offer: &Offer,
    step: &mut Step,
) -> Result<MachineView> {
    let keys = agent::keys(network).await?;
    let operator: [u8; 32] = hex::decode(&keys.operator)
        .ok()
        .and_then(|bytes| bytes.try_into().ok())
        .context("the operator's key is no 32 bytes")?;
    let operator = AccountId(operator);
    if market.operator(provider.account()).await? != Some(operator) {
        step.say("naming the operator");
        market.set_operator(provider, operator).await?;
    }
    step.say("money for the operator's fees");
    if market.balance(operator).await?.spendable < Money::dbc(OPERATOR_DBC / 2) {
        market.transfer(provider, operator, Money::dbc(OPERATOR_DBC)).await?;
    }
    let mine = Filter { provider: Some(provider.account()), ..Filter::default() };
    let found = market
        .machines(&mine)
        .await?
        .into_iter()
        .find(|machine| machine.id.to_string() == keys.machine);
    let machine = match found {
        Some(machine) => machine,
        None => {
            step.say("bonding the machine");
            let registration = registration(network, provider.account(), offer.region).await?;
            market.register(provider, &registration).await?;
            market.machine(registration.machine).await?
        }
    };
    let before = machine.offer.as_ref().map(|found| found.cpu_shares);
    let shares = offer.cpu_shares.or(before).unwrap_or_else(|| shares_of(&machine));
    let offered = machine
        .offer
        .as_ref()
        .is_some_and(|found| found.ask() == *ask && found.cpu_shares == shares);
    if !offered {
        step.say("making the offer");
        let (min, max) = (offer.min_term, offer.max_term);
        market.set_offer(provider, machine.id, *ask, min, max, shares).await?;
    }
    let mut status = machine.status;
    if status == MachineStatus::Registered {
        audit(market, provider, machine.id, step).await?;
        status = MachineStatus::Verified;
    }
    if status == MachineStatus::Verified {
        step.say("listing the machine");
        market.list(provider, machine.id).await?;
    }
    Ok(market.machine(machine.id).await?)
}

/// CPU shares that a machine offers unless its provider says: none beside cards, two where each is a machine to
/// work on.
pub fn shares_of(machine: &MachineView) -> u16 {
    let room = |all: u32, least: u32| all / 2 >= least;
    let two = room(machine.cpu_cores.into(), 1)
        && room(machine.memory_mib, SHARE_MEMORY_MIB)
        && room(machine.disk_gib, SHARE_DISK_GIB);
    match (machine.gpus.is_empty(), two) {
        (false, _) => 0,
        (true, two) => 1 + u16::from(two),
    }
}

/// Has a machine audited and waits for the verdict; goes on with an audit that is open.
///
/// # Errors
/// When it did not pass, and what to do.
pub async fn audit(
    market: &Market,
    provider: &Signer,
    machine: MachineId,
    step: &mut Step,
) -> Result<AuditView> {
    let mut found = market.audits(machine).await?;
    let number = match &found.open {
        Some(open) => open.audit,
        None => {
            while let Some(until) = found.backs_off_until {
                step.say(&format!(
                    "it failed a short while ago; the next is booked at slot {}",
                    until.slot
                ));
                tokio::time::sleep(AUDIT_POLL).await;
                found = market.audits(machine).await?;
            }
            step.say("booking an audit");
            market.request_audit(provider, machine).await?;
            found = market.audits(machine).await?;
            found.open.as_ref().map_or(0, |open| open.audit)
        }
    };
    while let Some(open) = &found.open {
        step.say(&stand(open));
        tokio::time::sleep(AUDIT_POLL).await;
        found = market.audits(machine).await?;
    }
    let passed = found.proof.is_some_and(|proof| proof.audit == number);
    anyhow::ensure!(
        passed,
        "the machine did not pass audit {number}; `dbc audit show {number}` says what was found, and \
         the auditor's log why. Is the agent running, and the processor free?"
    );
    Ok(found)
}

/// Where an audit stands, in a line.
pub fn stand(open: &OpenAuditView) -> String {
    let OpenAuditView { audit, auditors, committed, revealed, .. } = open;
    match open.phase {
        AuditPhase::Booked => {
            format!("{audit}: auditors are drawn by blocks to come, at slot {}", open.next.slot)
        }
        AuditPhase::Commit => {
            format!("{audit}: auditors challenge the machine, {committed} of {auditors} are done")
        }
        _ => format!("{audit}: auditors reveal what they found, {revealed} of {auditors}"),
    }
}

/// What registers this machine: its facts, and the proof that its key agrees.
async fn registration(network: &Network, provider: AccountId, region: u16) -> Result<Registration> {
    let genesis =
        network.genesis.as_deref().context("the chain has not answered yet; run `dbc up`")?;
    let provider = provider.to_string();
    let words = ["key", "--provider", &provider, "--genesis", genesis.trim_start_matches("0x")];
    let proven: agent::Keys = agent::ask(network, &words).await?;
    let facts = facts(network).await?;
    Ok(Registration {
        machine: proven.machine.parse().context("the machine's key")?,
        proof: proven.proof.context("dbc-agent printed no proof")?,
        class: class_of(&facts),
        hardware: hardware(&facts),
        location: Location { region, site: 0 },
        network: NetworkFacts {
            endpoint: proven.endpoint.parse().context("the endpoint's key")?,
            relays: vec![network.relay_url()],
            up_mbps: 0,
            down_mbps: 0,
        },
    })
}

/// What the agent of this machine says that it has.
pub async fn facts(network: &Network) -> Result<dbc_primitives::HardwareFacts> {
    agent::ask(network, &["facts"]).await
}

/// The first class that it has enough for; of one that has too little for any, the chain says so.
pub fn class_of(facts: &dbc_primitives::HardwareFacts) -> MachineClass {
    use dbc_primitives::MachineClass as Class;
    match dbc_primitives::classes::fitting(facts) {
        Some(Class::Rendering) => MachineClass::Rendering,
        Some(Class::CloudGame) => MachineClass::CloudGame,
        Some(Class::Cpu) => MachineClass::Cpu,
        _ if facts.gpus.is_empty() => MachineClass::Cpu,
        _ => MachineClass::Inference,
    }
}

/// A machine's hardware as the facade takes it.
pub fn hardware(facts: &dbc_primitives::HardwareFacts) -> HardwareFacts {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let gpu = |gpu: &dbc_primitives::Gpu| {
        let pci = gpu.id.pci;
        GpuFacts {
            uuid: hex::encode(gpu.id.uuid),
            pci: format!(
                "{:04x}:{:02x}:{:02x}.{:x}",
                pci.domain, pci.bus, pci.device, pci.function
            ),
            model: text(&gpu.model),
            memory_mib: gpu.memory_mib,
        }
    };
    HardwareFacts {
        gpus: facts.gpus.iter().map(gpu).collect(),
        cpu_model: text(&facts.cpu_model),
        cpu_cores: facts.cpu_cores,
        memory_mib: facts.memory_mib,
        disk_gib: facts.disk_gib,
    }
}
