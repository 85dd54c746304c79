//! A machine's ticket: one line of JSON with which its provider registers it from afar, one of many. It
//! says what the machine is and carries the proof that its key agrees to this provider on this
//! network; whoever else reads it can do nothing with it. `dbc provider join --fleet` reads it.

use dbc_chain_client::AccountId;
use dbc_primitives::{
    Gpu, HardwareFacts, Location, MachineClass,
    classes::{fitting, minimum},
};
use serde::Serialize;

use crate::keys::Keys;

/// Version of the line's form.
pub const VERSION: u32 = 1;
/// Relays that a machine can name, and bytes of each.
const RELAYS_MAX: usize = 4;
const RELAY_BYTES_MAX: usize = 128;

/// What the provider says of the machine beside what it is.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Genesis hash of the network.
    pub genesis: [u8; 32],
    /// Who registers it.
    pub provider: AccountId,
    /// Its class; the first that it has enough for without.
    pub class: Option<MachineClass>,
    /// Where it stands.
    pub location: Location,
    /// URLs of its home relays, best first.
    pub relays: Vec<String>,
    /// Upstream in Mbit/s.
    pub up_mbps: u32,
    /// Downstream in Mbit/s.
    pub down_mbps: u32,
}

/// Why there is no ticket.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum TicketError {
    /// The hardware is less than the class needs.
    #[error("this machine has less than class {0:?} needs")]
    BelowClass(MachineClass),
    /// The hardware is less than every class needs.
    #[error("this machine has less than any class needs")]
    NoClass,
    /// The class is for machines with cards, or without.
    #[error("class {0:?} is not for a machine with this number of GPUs")]
    WrongClass(MachineClass),
    /// Relays that the chain does not take.
    #[error("tunnel.relays: at most 4 of at most 128 bytes")]
    Relays,
}

/// The line; a field is written as `dbc` writes it elsewhere.
#[derive(Debug, Serialize)]
struct Ticket {
    version: u32,
    genesis: String,
    provider: AccountId,
    operator: AccountId,
    registration: Registration,
}

#[derive(Debug, Serialize)]
struct Registration {
    machine: String,
    proof: String,
    class: MachineClass,
    hardware: Hardware,
    location: Location,
    network: Network,
}

#[derive(Debug, Serialize)]
struct Hardware {
    gpus: Vec<Card>,
    cpu_model: String,
    cpu_cores: u16,
    memory_mib: u32,
    disk_gib: u32,
}

#[derive(Debug, Serialize)]
struct Card {
    uuid: String,
    pci: String,
    model: String,
    memory_mib: u32,
}

#[derive(Debug, Serialize)]
struct Network {
    endpoint: String,
    relays: Vec<String>,
    up_mbps: u32,
    down_mbps: u32,
}

/// Writes the ticket of the machine with these keys and this hardware, without a line's end.
///
/// # Errors
/// When the chain would not take such a machine.
pub fn ticket(keys: &Keys, facts: &HardwareFacts, wanted: Wanted) -> Result<String, TicketError> {
    let class = class_of(facts, wanted.class)?;
    let short = wanted.relays.iter().all(|relay| relay.len() <= RELAY_BYTES_MAX);
    if wanted.relays.len() > RELAYS_MAX || !short {
        return Err(TicketError::Relays);
    }
    let public = keys.public();
    let operator = dbc_chain_client::Signer::ed25519_from_seed(*keys.operator_seed()).account();
    let ticket = Ticket {
        version: VERSION,
        genesis: hex::encode(wanted.genesis),
        provider: wanted.provider,
        operator,
        registration: Registration {
            machine: public.machine,
            proof: hex::encode(keys.registration_proof(&wanted.genesis, &wanted.provider.0)),
            class,
            hardware: hardware(facts),
            location: wanted.location,
            network: Network {
                endpoint: public.endpoint,
                relays: wanted.relays,
                up_mbps: wanted.up_mbps,
                down_mbps: wanted.down_mbps,
            },
        },
    };
    Ok(serde_json::to_string(&ticket).expect("its keys are strings"))
}

fn class_of(
    facts: &HardwareFacts,
    wanted: Option<MachineClass>,
) -> Result<MachineClass, TicketError> {
    let Some(class) = wanted else { return fitting(facts).ok_or(TicketError::NoClass) };
    if (class == MachineClass::Cpu) != facts.gpus.is_empty() {
        return Err(TicketError::WrongClass(class));
    }
    match minimum(class).is_met(facts) {
        true => Ok(class),
        false => Err(TicketError::BelowClass(class)),
    }
}

fn hardware(facts: &HardwareFacts) -> Hardware {
    Hardware {
        gpus: facts.gpus.iter().map(card).collect(),
        cpu_model: text(&facts.cpu_model),
        cpu_cores: facts.cpu_cores,
        memory_mib: facts.memory_mib,
        disk_gib: facts.disk_gib,
    }
}

fn card(gpu: &Gpu) -> Card {
    let pci = gpu.id.pci;
    Card {
        uuid: hex::encode(gpu.id.uuid),
        pci: format!("{:04x}:{:02x}:{:02x}.{}", pci.domain, pci.bus, pci.device, pci.function),
        model: text(&gpu.model),
        memory_mib: gpu.memory_mib,
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use dbc_primitives::{GpuId, PciAddress};

    use super::*;

    fn facts() -> HardwareFacts {
        let card = Gpu {
            id: GpuId {
                uuid: [0xab; 16],
                pci: PciAddress { domain: 0, bus: 0x3b, device: 0, function: 1 },
            },
            model: b"NVIDIA GeForce RTX 4090".to_vec().try_into().unwrap(),
            memory_mib: 24_564,
        };
        HardwareFacts {
            gpus: vec![card].try_into().unwrap(),
            cpu_model: b"Some CPU".to_vec().try_into().unwrap(),
            cpu_cores: 16,
            memory_mib: 64_000,
            disk_gib: 500,
        }
    }

    fn wanted() -> Wanted {
        Wanted {
            genesis: [1; 32],
            provider: AccountId([2; 32]),
            class: None,
            location: Location { region: 276, site: 3 },
            relays: vec!["http://relay.example:3340".into()],
            up_mbps: 1_000,
            down_mbps: 2_000,
        }
    }

    #[test]
    fn d71_a_ticket_says_what_a_machine_is_and_its_key_signs_for_one_provider_and_network() {
        let dir = tempfile::tempdir().unwrap();
        let keys = Keys::load_or_create(dir.path()).unwrap();
        let line = ticket(&keys, &facts(), wanted()).unwrap();
        assert!(!line.contains('\n') && line.len() < 16 * 1024);
        let read: serde_json::Value = serde_json::from_str(&line).unwrap();
        let registration = &read["registration"];
        assert_eq!((&read["version"], &registration["class"]), (&1.into(), &"inference".into()));
        assert_eq!(read["provider"], AccountId([2; 32]).to_string());
        assert_eq!(registration["machine"], hex::encode(keys.machine()));
        let proof = hex::encode(keys.registration_proof(&[1; 32], &[2; 32]));
        assert_eq!(registration["proof"], proof);
        let card = &registration["hardware"]["gpus"][0];
        assert_eq!((&card["pci"], &card["memory_mib"]), (&"0000:3b:00.1".into(), &24_564.into()));
        assert_eq!(registration["location"], serde_json::json!({ "region": 276, "site": 3 }));
        assert_eq!(registration["network"]["up_mbps"], 1_000);
    }

    #[test]
    fn what_the_chain_would_refuse_has_no_ticket() {
        let dir = tempfile::tempdir().unwrap();
        let keys = Keys::load_or_create(dir.path()).unwrap();
        let refused = |facts: &HardwareFacts, wanted| ticket(&keys, facts, wanted).unwrap_err();
        let with = |class| Wanted { class: Some(class), ..wanted() };
        let poor = HardwareFacts { memory_mib: 100, ..facts() };
        assert_eq!(refused(&poor, wanted()), TicketError::NoClass);
        let few = HardwareFacts { cpu_cores: 4, ..facts() };
        let class = MachineClass::Training;
        assert_eq!(refused(&few, with(class)), TicketError::BelowClass(class));
        let class = MachineClass::Cpu;
        assert_eq!(refused(&facts(), with(class)), TicketError::WrongClass(class));
        let relays = vec!["http://relay".into(); 5];
        assert_eq!(refused(&facts(), Wanted { relays, ..wanted() }), TicketError::Relays);
        let relays = vec!["r".repeat(129)];
        assert_eq!(refused(&facts(), Wanted { relays, ..wanted() }), TicketError::Relays);
    }
}
