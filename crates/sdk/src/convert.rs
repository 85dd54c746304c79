//! Between the chain's records and what the facade shows and takes. The only file of this crate that
//! knows both; text from the chain is anybody's and is cleaned here.

use dbc_chain_client::{ChainError, Lease, Machine, Registration as ChainRegistration};
use dbc_primitives::{self as chain, Amount, BoundedVec, CloseReason, GpuId, PciAddress, Text};

use crate::{
    error::MarketError,
    id::{AccessKeyId, HolderId, MachineId},
    money::{Dollars, Money},
    order::{Quote, StoredOrder},
    view::{
        Ask, GpuFacts, GpuView, HardwareFacts, LeaseState, LeaseView, Location, MachineClass,
        MachineStatus, MachineView, MaintenanceView, Moment, NetworkFacts, OfferView, Price,
        Profile, Rate, Registration, Share, SuspendedView, UsdPrice,
    },
};

/// Chain time as a function of slots: slot 0 began in 1970.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Calendar {
    pub(crate) slot_ms: u64,
}

impl Calendar {
    pub(crate) fn moment(self, slot: u64) -> Moment {
        Moment { slot, unix: slot.saturating_mul(self.slot_ms) / 1000 }
    }

    pub(crate) fn seconds(self, slots: u64) -> u64 {
        slots.saturating_mul(self.slot_ms) / 1000
    }

    /// Slots that last at least so many seconds.
    pub(crate) fn slots(self, seconds: u64) -> u64 {
        seconds.saturating_mul(1000).div_ceil(self.slot_ms.max(1))
    }

    pub(crate) fn rate(self, per_slot: u128) -> Rate {
        let slots_per_hour = 3_600_000 / u128::from(self.slot_ms.max(1));
        Rate { per_slot: Money(per_slot), per_hour: Money(per_slot.saturating_mul(slots_per_hour)) }
    }
}

pub(crate) fn machine(machine: Machine, calendar: Calendar, average: Option<u128>) -> MachineView {
    let status = match machine.status {
        chain::MachineStatus::Registered => MachineStatus::Registered,
        chain::MachineStatus::Verified => MachineStatus::Verified,
        chain::MachineStatus::Listed => MachineStatus::Listed,
        chain::MachineStatus::Retiring { since } => {
            MachineStatus::Retiring { since: calendar.moment(since) }
        }
    };
    let gpus: Vec<GpuView> = (0u8..)
        .zip(&machine.facts.gpus)
        .map(|(slot, gpu)| GpuView {
            slot,
            facts: gpu_facts(gpu),
            leased: machine.gpus_leased.contains(&slot),
        })
        .collect();
    let shares = machine.offer.map_or(0, |offer| offer.cpu_shares);
    let free = shares > machine.cpu_leased || gpus.iter().any(|gpu| !gpu.leased);
    let offer = machine
        .offer
        .and_then(|offer| offer_view(&offer, machine.offer_version, calendar, average));
    MachineView {
        id: MachineId(machine.id.0),
        index: machine.index.index,
        provider: machine.provider,
        rentable: status == MachineStatus::Listed && free && offer.is_some(),
        status,
        class: class(machine.class),
        gpus,
        cpu_model: clean(&machine.facts.cpu_model),
        cpu_cores: machine.facts.cpu_cores,
        memory_mib: machine.facts.memory_mib,
        disk_gib: machine.facts.disk_gib,
        location: Location { region: machine.location.region, site: machine.location.site },
        network: NetworkFacts {
            endpoint: HolderId(machine.network.endpoint),
            relays: machine.network.relays.iter().map(clean).collect(),
            up_mbps: machine.network.up_mbps,
            down_mbps: machine.network.down_mbps,
        },
        stake: Money(machine.stake),
        offer,
        cpu_leased: machine.cpu_leased,
        strikes: machine.strikes,
        registered_at: calendar.moment(machine.registered_at),
        maintenance: machine.maintenance.map(|(from, until)| MaintenanceView {
            from: calendar.moment(from),
            until: calendar.moment(until),
        }),
        tier: machine.tier,
        pledge: Money(machine.pledge),
        unproven: machine.unproven,
        offered_to: machine.offered_to,
    }
}

/// An offer, with its price in DBC by what one costs; one in dollars while nobody knows that is not shown,
/// since it cannot be rented.
fn offer_view(
    offer: &chain::Offer,
    version: u32,
    calendar: Calendar,
    average: Option<u128>,
) -> Option<OfferView> {
    let (price, usd) = match (offer.price.gpu_hour, offer.price.cpu_hour) {
        (Amount::Dbc(gpu_hour), Amount::Dbc(cpu_hour)) => {
            (Price { gpu_hour: Money(gpu_hour), cpu_hour: Money(cpu_hour) }, None)
        }
        (Amount::UsdMicro(gpu_hour), Amount::UsdMicro(cpu_hour)) => {
            let usd = UsdPrice { gpu_hour: Dollars(gpu_hour), cpu_hour: Dollars(cpu_hour) };
            let gpu_hour = usd.gpu_hour.in_dbc(average?)?;
            let cpu_hour = usd.cpu_hour.in_dbc(average?)?;
            (Price { gpu_hour, cpu_hour }, Some(usd))
        }
        _ => return None,
    };
    Some(OfferView {
        version,
        price,
        usd,
        min_term_s: calendar.seconds(offer.min_term),
        max_term_s: calendar.seconds(offer.max_term),
        cpu_shares: offer.cpu_shares,
    })
}

fn gpu_facts(gpu: &chain::Gpu) -> GpuFacts {
    let PciAddress { domain, bus, device, function } = gpu.id.pci;
    GpuFacts {
        uuid: hex::encode(gpu.id.uuid),
        pci: format!("{domain:04x}:{bus:02x}:{device:02x}.{function}"),
        model: clean(&gpu.model),
        memory_mib: gpu.memory_mib,
    }
}

pub(crate) fn class(class: chain::MachineClass) -> MachineClass {
    match class {
        chain::MachineClass::CloudGame => MachineClass::CloudGame,
        chain::MachineClass::Hpc => MachineClass::Hpc,
        chain::MachineClass::Inference => MachineClass::Inference,
        chain::MachineClass::Training => MachineClass::Training,
        chain::MachineClass::Rendering => MachineClass::Rendering,
        chain::MachineClass::Cpu => MachineClass::Cpu,
    }
}

pub(crate) fn class_back(class: MachineClass) -> chain::MachineClass {
    match class {
        MachineClass::CloudGame => chain::MachineClass::CloudGame,
        MachineClass::Hpc => chain::MachineClass::Hpc,
        MachineClass::Inference => chain::MachineClass::Inference,
        MachineClass::Training => chain::MachineClass::Training,
        MachineClass::Rendering => chain::MachineClass::Rendering,
        MachineClass::Cpu => chain::MachineClass::Cpu,
    }
}

/// Text from the chain: what is not UTF-8 or could steer a terminal is replaced.
fn clean<const N: u32>(text: &Text<N>) -> String {
    let text = String::from_utf8_lossy(text);
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// Text from the chain on one line, without anything that a terminal obeys.
pub(crate) fn line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

pub(crate) fn lease(lease: Lease, finalized: bool, calendar: Calendar) -> LeaseView {
    let state = match lease.state {
        chain::LeaseState::Pending => LeaseState::Pending,
        chain::LeaseState::Running => LeaseState::Running,
        chain::LeaseState::Closed { reason: why, at } => {
            LeaseState::Closed { reason: reason(why), at: calendar.moment(at) }
        }
    };
    LeaseView {
        id: lease.id,
        renter: lease.renter,
        provider: lease.provider,
        machine: MachineId(lease.machine.0),
        gpus: lease.gpus,
        profile: match lease.profile {
            chain::Profile::Gpu => Profile::Gpu,
            chain::Profile::Cpu => Profile::Cpu,
        },
        cpu_shares: lease.cpu_shares,
        state,
        finalized,
        created_at: calendar.moment(lease.created_at),
        started_at: lease.started_at.map(|slot| calendar.moment(slot)),
        term_s: calendar.seconds(lease.term),
        start_by: (lease.state == chain::LeaseState::Pending)
            .then(|| calendar.moment(lease.ends_at)),
        ends_at: lease.started_at.map(|_| calendar.moment(lease.ends_at)),
        rate: calendar.rate(lease.leg.rate),
        max_rate: Money(lease.max_rate),
        off: share(lease.tiers.off(lease.term, lease.counted)),
        booked_off: share(lease.tiers.off(lease.term, lease.term)),
        cap: lease.cap.map(Money),
        deposit: Money(lease.deposit),
        // What is due counts as paid: it left the renter's money and waits for its receiver.
        paid: Money(lease.paid.saturating_add(lease.due)),
        fees: Money(lease.fees.saturating_add(lease.due_fees)),
        burned: Money(lease.burned),
        platform_fees: Money(lease.platform_fees.saturating_add(lease.due_platform)),
        refunded: Money(lease.refunded),
        settled_to: calendar.moment(lease.settled_to),
        charged_s: calendar.seconds(lease.charged),
        tail_until: lease.tail_until.map(|slot| calendar.moment(slot)),
        access_key: AccessKeyId(lease.access_key),
        grant_epoch: lease.grant_epoch,
        generation: lease.generation,
        standby: lease.standby.map(|machine| MachineId(machine.0)),
        platform: lease.platform,
        voucher: lease.voucher,
        suspended: lease.suspended.map(|found| SuspendedView {
            since: calendar.moment(found.since),
            gpus: found.gpus,
            free: found.pledged,
        }),
        down_since: lease.down_since.map(|slot| calendar.moment(slot)),
        disputed_since: lease.held_back.map(|held| calendar.moment(held.since)),
        spec_hash: lease.spec_hash.map(hex::encode),
        retain_until: lease.retain_until.map(|slot| calendar.moment(slot)),
    }
}

/// Millionths as a share.
pub(crate) fn share(millionths: u32) -> Share {
    Share(u64::from(millionths) * 1_000)
}

pub(crate) fn reason(reason: CloseReason) -> &'static str {
    match reason {
        CloseReason::EndedByRenter => "ended_by_renter",
        CloseReason::Expired => "expired",
        CloseReason::NotStarted => "not_started",
        CloseReason::ProviderFault => "provider_fault",
        CloseReason::MachineRetired => "machine_retired",
        CloseReason::CapReached => "cap_reached",
        CloseReason::DisputeUpheld => "dispute_upheld",
        CloseReason::LegTooDear => "leg_too_dear",
        CloseReason::LegUnpaid => "leg_unpaid",
    }
}

pub(crate) fn profile(profile: Profile) -> chain::Profile {
    match profile {
        Profile::Gpu => chain::Profile::Gpu,
        Profile::Cpu => chain::Profile::Cpu,
    }
}

pub(crate) fn ask(ask: Ask) -> chain::Price {
    match ask {
        Ask::Dbc(asked) => price(asked),
        Ask::Usd(asked) => chain::Price {
            gpu_hour: Amount::UsdMicro(asked.gpu_hour.0),
            cpu_hour: Amount::UsdMicro(asked.cpu_hour.0),
        },
    }
}

pub(crate) fn price(price: Price) -> chain::Price {
    chain::Price {
        gpu_hour: Amount::Dbc(price.gpu_hour.0),
        cpu_hour: Amount::Dbc(price.cpu_hour.0),
    }
}

/// The most that a quote may turn out to cost a slot: what a DBC costs may move a little until the order is
/// in a block.
fn most(quote: &Quote) -> Money {
    let rate = quote.rate.per_slot.0;
    if quote.in_dollars && quote.term_slots > chain::price::LEG_MAX {
        // The next legs' prices are not known yet; a quarter more is agreed to unless he says else.
        return Money(rate.saturating_add(rate / 4));
    }
    Money(if quote.in_dollars { rate.saturating_add(rate / 50) } else { rate })
}

/// The chain's form of an order.
pub(crate) fn order(
    stored: &StoredOrder,
    access_key: [u8; 32],
) -> Result<chain::Order<dbc_chain_client::AccountId>, MarketError> {
    let order = &stored.order;
    let spec = order.spec.as_ref().filter(|_| order.publish_spec_hash);
    Ok(chain::Order {
        machine: chain::MachineId(order.quote.machine.0),
        gpus: bounded("gpus", order.quote.gpus.clone())?,
        profile: profile(order.quote.profile),
        cpu_shares: order.quote.cpu_shares,
        term: order.quote.term_slots,
        offer_version: order.quote.offer_version,
        max_rate: order.max_rate.unwrap_or_else(|| most(&order.quote)).0,
        cap: order.cap.map(|cap| cap.0),
        access_key,
        spec_hash: spec.map(dbc_agent_api::WorkloadSpec::hash),
        platform: order.platform,
        voucher: order.voucher,
        standby: order.standby.map(|machine| chain::MachineId(machine.0)),
        receiver: order.receiver,
        tag: stored.tag,
    })
}

pub(crate) fn registration(from: &Registration) -> Result<ChainRegistration, MarketError> {
    let mut proof = [0; 64];
    hex::decode_to_slice(&from.proof, &mut proof)
        .map_err(|_| input("proof", "must be 128 hexadecimal digits"))?;
    Ok(ChainRegistration {
        machine: chain::MachineId(from.machine.0),
        proof,
        class: class_back(from.class),
        facts: hardware(&from.hardware)?,
        location: chain::Location { region: from.location.region, site: from.location.site },
        network: network(&from.network)?,
    })
}

pub(crate) fn hardware(from: &HardwareFacts) -> Result<chain::HardwareFacts, MarketError> {
    let gpus = from.gpus.iter().map(gpu_back).collect::<Result<Vec<_>, _>>()?;
    Ok(chain::HardwareFacts {
        gpus: bounded("hardware.gpus", gpus)?,
        cpu_model: text("hardware.cpu_model", &from.cpu_model)?,
        cpu_cores: from.cpu_cores,
        memory_mib: from.memory_mib,
        disk_gib: from.disk_gib,
    })
}

pub(crate) fn network(from: &NetworkFacts) -> Result<chain::NetworkFacts, MarketError> {
    let relays = from.relays.iter().map(|url| text("network.relays", url));
    Ok(chain::NetworkFacts {
        endpoint: from.endpoint.0,
        relays: bounded("network.relays", relays.collect::<Result<Vec<_>, _>>()?)?,
        up_mbps: from.up_mbps,
        down_mbps: from.down_mbps,
    })
}

fn gpu_back(gpu: &GpuFacts) -> Result<chain::Gpu, MarketError> {
    let mut uuid = [0; 16];
    hex::decode_to_slice(gpu.uuid.replace('-', ""), &mut uuid)
        .map_err(|_| input("hardware.gpus.uuid", "must be 32 hexadecimal digits"))?;
    let pci =
        pci(&gpu.pci).ok_or_else(|| input("hardware.gpus.pci", "must be like 0000:3b:00.0"))?;
    Ok(chain::Gpu {
        id: GpuId { uuid, pci },
        model: text("hardware.gpus.model", &gpu.model)?,
        memory_mib: gpu.memory_mib,
    })
}

fn pci(text: &str) -> Option<PciAddress> {
    let (rest, function) = text.split_once('.')?;
    let mut parts = rest.split(':');
    let (domain, bus, device) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    Some(PciAddress {
        domain: u32::from_str_radix(domain, 16).ok()?,
        bus: u8::from_str_radix(bus, 16).ok()?,
        device: u8::from_str_radix(device, 16).ok()?,
        function: function.parse().ok()?,
    })
}

fn text<const N: u32>(field: &'static str, text: &str) -> Result<Text<N>, MarketError> {
    Text::try_from(text.as_bytes().to_vec())
        .map_err(|_| input(field, format!("is {} bytes, at most {N} are allowed", text.len())))
}

fn bounded<T, S: bounded_collections::Get<u32>>(
    field: &'static str,
    items: Vec<T>,
) -> Result<BoundedVec<T, S>, MarketError> {
    let (have, most) = (items.len(), S::get());
    BoundedVec::try_from(items)
        .map_err(|_| input(field, format!("has {have} entries, at most {most} are allowed")))
}

fn input(field: &'static str, why: impl Into<String>) -> MarketError {
    MarketError::Input { field, why: why.into() }
}

/// Turns the refusals that a renter can act on into their own errors.
pub(crate) fn order_error(error: MarketError) -> MarketError {
    let MarketError::Chain(ChainError::Refused { pallet, error: name, docs }) = &error else {
        return error;
    };
    let why = docs.clone();
    match (pallet.as_str(), name.as_str()) {
        (_, "OfferChanged" | "RateTooHigh" | "RateChanged") => MarketError::OfferChanged { why },
        (
            "Machines",
            "WrongStatus" | "MachineNotFound" | "NoOffer" | "GpuUnavailable" | "CpuUnavailable"
            | "InMaintenance" | "UnderAudit",
        )
        | ("Leases", "MachineSilent") => MarketError::MachineTaken { why },
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALENDAR: Calendar = Calendar { slot_ms: 3000 };

    #[test]
    fn time_and_slots_round_in_the_renters_favour() {
        assert_eq!(CALENDAR.slots(1), 1);
        assert_eq!(CALENDAR.slots(3600), 1200);
        assert_eq!(CALENDAR.slots(3601), 1201);
        assert_eq!(CALENDAR.seconds(1201), 3603);
        assert_eq!(CALENDAR.rate(5).per_hour, Money(6000));
    }

    #[test]
    fn a_gpu_reads_back_from_its_text() {
        let facts = GpuFacts {
            uuid: "0123456789abcdef0123456789abcdef".into(),
            pci: "0001:3b:1f.7".into(),
            model: "NVIDIA H100".into(),
            memory_mib: 81_559,
        };
        assert_eq!(gpu_facts(&gpu_back(&facts).unwrap()), facts);
        let dashed =
            GpuFacts { uuid: "01234567-89ab-cdef-0123-456789abcdef".into(), ..facts.clone() };
        assert_eq!(gpu_back(&dashed).unwrap().id.uuid, gpu_back(&facts).unwrap().id.uuid);
        for pci in ["", "3b:00.0", "0000:3b:00", "0000:3b:00.0.0", "x:3b:00.0"] {
            assert!(gpu_back(&GpuFacts { pci: pci.into(), ..facts.clone() }).is_err(), "{pci}");
        }
    }

    #[test]
    fn text_of_the_chain_cannot_steer_a_terminal() {
        let text: Text<64> = b"RTX \x1b[2J\xff\n4090".to_vec().try_into().unwrap();
        assert_eq!(clean(&text), "RTX \u{fffd}[2J\u{fffd}\u{fffd}4090");
    }

    #[test]
    fn what_is_too_long_is_named() {
        let facts = NetworkFacts {
            endpoint: HolderId([0; 32]),
            relays: vec!["http://r".into(); 5],
            up_mbps: 1,
            down_mbps: 1,
        };
        let error = network(&facts).unwrap_err().to_string();
        assert_eq!(error, "network.relays: has 5 entries, at most 4 are allowed");
    }
}
