//! Tickets of machines: what `dbc-agent ticket` prints on each machine, and a provider registers many by.
//! Lines of a file are anybody's: each is bounded, and checked before anything is signed.

use std::{
    collections::HashSet,
    io::{BufRead, Read as _},
};

use dbc_chain_client::Registration as ChainRegistration;
use dbc_primitives::{classes::minimum, proof::register_message};
use ed25519_dalek::{Signature, VerifyingKey};
use serde::{Deserialize, Serialize};

use crate::{account::AccountId, convert, error::MarketError, id::Genesis, view::Registration};

/// Machines of one file.
pub const FLEET_MAX: usize = 1_000;
/// Bytes of a line.
pub const LINE_BYTES_MAX: usize = 16 * 1024;
/// Version of the form.
const VERSION: u32 = 1;

/// A machine's ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ticket {
    /// Version of this form.
    pub version: u32,
    /// The network.
    pub genesis: Genesis,
    /// Who may register it.
    pub provider: AccountId,
    /// The account with which its agent reports starts.
    pub operator: AccountId,
    /// What it is.
    pub registration: Registration,
}

impl Ticket {
    /// Reads a line and checks all that can be checked without the chain.
    ///
    /// # Errors
    /// What is wrong with it, in words for a person.
    pub fn read(line: &str) -> Result<Self, String> {
        if line.len() > LINE_BYTES_MAX {
            return Err(format!("is {} bytes, at most {LINE_BYTES_MAX} are allowed", line.len()));
        }
        // Read apart from the rest, so that another version is called that and not a wrong field.
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let malformed = |error: serde_json::Error| format!("is no ticket: {error}");
        let Versioned { version } = serde_json::from_str(line).map_err(malformed)?;
        if version != VERSION {
            return Err(format!("is of version {version}, this program reads {VERSION}"));
        }
        let ticket: Self = serde_json::from_str(line).map_err(malformed)?;
        let registration = ticket.to_chain().map_err(|error| error.to_string())?;
        ticket.check(&registration)?;
        Ok(ticket)
    }

    /// Whether it is for this network and provider.
    ///
    /// # Errors
    /// What it is for instead.
    pub fn is_for(&self, genesis: Genesis, provider: AccountId) -> Result<(), String> {
        if self.genesis != genesis {
            return Err(format!("is for network {}, not {genesis}", self.genesis));
        }
        if self.provider != provider {
            return Err(format!("is for provider {}, not {provider}", self.provider));
        }
        Ok(())
    }

    /// The chain's form.
    pub(crate) fn to_chain(&self) -> Result<ChainRegistration, MarketError> {
        convert::registration(&self.registration)
    }

    fn check(&self, registration: &ChainRegistration) -> Result<(), String> {
        let ChainRegistration { machine, proof, class, facts, .. } = registration;
        if (*class == dbc_primitives::MachineClass::Cpu) != facts.gpus.is_empty() {
            return Err("is of class cpu with GPUs, or of another without".into());
        }
        let least = minimum(*class);
        if !least.is_met(facts) {
            return Err(format!(
                "has less than class {} needs: {} GPUs of {} MiB, {} cores, {} MiB, {} GiB of disk",
                self.registration.class,
                least.gpus,
                least.gpu_memory_mib,
                least.cpu_cores,
                least.memory_mib,
                least.disk_gib,
            ));
        }
        let message = register_message(&self.genesis.0, &self.provider.0);
        let key = VerifyingKey::from_bytes(&machine.0).map_err(|_| "its machine is no key")?;
        key.verify_strict(&message, &Signature::from_bytes(proof))
            .map_err(|_| "its machine did not sign for this provider and network".into())
    }
}

/// Reads a file of tickets, one a line; empty lines are passed over.
///
/// # Errors
/// The first line that is wrong, by its number, and why; more than [`FLEET_MAX`] machines; one twice; different
/// operators, since a provider has one.
pub fn read_fleet(file: impl BufRead) -> Result<Vec<Ticket>, MarketError> {
    let refused = |why: String| MarketError::Input { field: "fleet", why };
    // One byte more than allowed is enough to tell.
    let most = (FLEET_MAX * (LINE_BYTES_MAX + 2)) as u64;
    let mut text = String::new();
    file.take(most + 1)
        .read_to_string(&mut text)
        .map_err(|error| refused(format!("cannot be read: {error}")))?;
    if text.len() as u64 > most {
        return Err(refused(format!("is larger than {FLEET_MAX} machines can be")));
    }
    let mut tickets: Vec<Ticket> = Vec::new();
    let mut seen = HashSet::new();
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        let at = |why: String| refused(format!("line {number} {why}"));
        if tickets.len() == FLEET_MAX {
            return Err(at(format!(
                "is machine {}, at most {FLEET_MAX} go at once",
                FLEET_MAX + 1
            )));
        }
        let ticket = Ticket::read(line.trim()).map_err(at)?;
        if !seen.insert(ticket.registration.machine) {
            return Err(at(format!("names machine {} again", ticket.registration.machine)));
        }
        if let Some(first) = tickets.first().filter(|first| first.operator != ticket.operator) {
            return Err(at(format!(
                "has operator {}, the first has {}; a provider has one: copy `keys/operator.key` of one machine to \
                 all",
                ticket.operator, first.operator
            )));
        }
        tickets.push(ticket);
    }
    match tickets.is_empty() {
        true => Err(refused("has no machine".into())),
        false => Ok(tickets),
    }
}

#[cfg(test)]
mod tests {
    use dbc_chain_client::Signer;
    use ed25519_dalek::{Signer as _, SigningKey};
    use proptest::prelude::*;

    use super::*;
    use crate::{
        id::{HolderId, MachineId},
        view::{HardwareFacts, Location, MachineClass, NetworkFacts},
    };

    const GENESIS: Genesis = Genesis([9; 32]);

    fn provider() -> AccountId {
        Signer::from_uri("//Bob").unwrap().account()
    }

    fn ticket(number: u8) -> Ticket {
        let key = SigningKey::from_bytes(&[number; 32]);
        let proof = key.sign(&register_message(&GENESIS.0, &provider().0)).to_bytes();
        Ticket {
            version: 1,
            genesis: GENESIS,
            provider: provider(),
            operator: AccountId([7; 32]),
            registration: Registration {
                machine: MachineId(key.verifying_key().to_bytes()),
                proof: hex::encode(proof),
                class: MachineClass::Cpu,
                hardware: HardwareFacts {
                    gpus: vec![],
                    cpu_model: "Some CPU".into(),
                    cpu_cores: 2,
                    memory_mib: 4_096,
                    disk_gib: 20,
                },
                location: Location { region: 276, site: 1 },
                network: NetworkFacts {
                    endpoint: HolderId([3; 32]),
                    relays: vec!["http://relay.example:3340".into()],
                    up_mbps: 1,
                    down_mbps: 1,
                },
            },
        }
    }

    fn line(ticket: &Ticket) -> String {
        serde_json::to_string(ticket).unwrap()
    }

    fn why(text: &str) -> String {
        read_fleet(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn d71_a_fleet_is_read_line_by_line() {
        let text = format!("{}\n\n  {}\r\n", line(&ticket(1)), line(&ticket(2)));
        assert_eq!(read_fleet(text.as_bytes()).unwrap(), [ticket(1), ticket(2)]);
        assert_eq!(ticket(1).is_for(GENESIS, provider()), Ok(()));
        let other = ticket(1).is_for(Genesis([1; 32]), provider()).unwrap_err();
        assert!(other.contains("is for network 0909"), "{other}");
        assert!(ticket(1).is_for(GENESIS, AccountId([1; 32])).is_err());
    }

    #[test]
    fn d71_what_is_wrong_is_named_by_its_line() {
        let good = line(&ticket(1));
        let with = |change: fn(&mut Ticket)| {
            let mut wrong = ticket(2);
            change(&mut wrong);
            why(&format!("{good}\n\n{}", line(&wrong)))
        };
        let cases = [
            (with(|t| t.version = 2), "line 3 is of version 2"),
            (with(|t| t.registration.proof = "00".into()), "line 3 proof: must be 128"),
            (with(|t| t.provider = AccountId([1; 32])), "line 3 its machine did not sign"),
            (with(|t| t.genesis = Genesis([1; 32])), "line 3 its machine did not sign"),
            (with(|t| t.registration.hardware.memory_mib = 5), "line 3 has less than class cpu"),
            (with(|t| t.registration.class = MachineClass::Hpc), "line 3 is of class cpu with"),
            (with(|t| t.registration.network.relays = vec![String::new(); 5]), "line 3 network"),
            (with(|t| t.operator = AccountId([1; 32])), "line 3 has operator"),
            (with(|t| *t = ticket(1)), "line 3 names machine"),
        ];
        for (found, expected) in cases {
            assert!(found.contains(expected), "{found}\nis not {expected}");
        }
        let unknown = good.replacen('{', "{\"more\":1,", 1);
        assert!(why(&unknown).contains("line 1 is no ticket"), "{}", why(&unknown));
        assert!(why("\n").contains("has no machine"));
    }

    #[test]
    fn d71_a_fleet_is_bounded() {
        let long = format!("{{\"version\":1,\"x\":\"{}\"}}", "y".repeat(LINE_BYTES_MAX));
        assert!(why(&long).contains("line 1 is 16"), "{}", why(&long));
        // A file without an end is left after what a fleet can be.
        let endless = std::io::BufReader::new(std::io::repeat(b' '));
        let refused = read_fleet(endless).unwrap_err().to_string();
        assert!(refused.contains("is larger than 1000 machines"), "{refused}");
        assert!(read_fleet(&[0xff, 0xfe][..]).is_err());
    }

    proptest! {
        #[test]
        fn whatever_a_line_is_it_is_read_or_refused(text in ".{0,300}") {
            let _ = Ticket::read(&text);
        }

        #[test]
        fn a_line_with_a_byte_changed_registers_nothing_else(at in any::<prop::sample::Index>(), to in 32u8..127) {
            let mut bytes = line(&ticket(1)).into_bytes();
            let at = at.index(bytes.len());
            bytes[at] = to;
            if let Ok(read) = Ticket::read(std::str::from_utf8(&bytes).unwrap()) {
                prop_assert_eq!(read.registration.machine, ticket(1).registration.machine);
                prop_assert!(read.is_for(GENESIS, provider()).is_ok());
            }
        }
    }
}
