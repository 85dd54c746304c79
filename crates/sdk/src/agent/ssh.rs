//! The SSH client inside the tunnel: opens a connection on a stream whose host key the machine key
//! vouches for. Authentication is the tunnel's and the grant's work, so the SSH side asks for none.

use std::{sync::Arc, time::Duration};

use dbc_agent_api::hello::{HostKey, host_key_message};
use ed25519_dalek::{Signature, VerifyingKey};
use russh::{
    Disconnect,
    client::{self, AuthResult, Handle, Msg},
    keys::{PublicKey, PublicKeyOrCertificate},
};
use tokio::time::timeout;

use super::stream::ByteStream;
use crate::{
    MarketError,
    id::{Genesis, MachineId},
};

/// Longest host key line that is read, in bytes.
const KEY_LINE_BYTES_MAX: usize = 1024;
/// The name that the server ignores: who may do what stands in the grant.
const USER: &str = "dbc";

/// Checks that the machine key vouches for the host key of this lease; returns the key line.
pub(super) fn vouched(
    host_key: &HostKey,
    genesis: &Genesis,
    machine: MachineId,
    lease: u64,
) -> Result<PublicKey, MarketError> {
    let refused = || MarketError::HostKey { machine };
    if host_key.openssh.len() > KEY_LINE_BYTES_MAX {
        return Err(refused());
    }
    let mut signature = [0; 64];
    hex::decode_to_slice(&host_key.signature, &mut signature).map_err(|_| refused())?;
    let message = host_key_message(&genesis.0, lease, &host_key.openssh);
    VerifyingKey::from_bytes(&machine.0)
        .and_then(|key| key.verify_strict(&message, &Signature::from_bytes(&signature)))
        .map_err(|_| refused())?;
    PublicKey::from_openssh(&host_key.openssh).map_err(|_| refused())
}

/// An open SSH connection; it ends with a good-bye when dropped, so that the machine need not wait
/// whether somebody comes back.
pub(super) struct Ssh {
    handle: Arc<Handle<Vouched>>,
    machine: MachineId,
}

/// How long a good-bye may take.
const BYE_TIME: Duration = Duration::from_secs(2);

impl Drop for Ssh {
    fn drop(&mut self) {
        let handle = self.handle.clone();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { drop(timeout(BYE_TIME, bye(&handle)).await) });
        }
    }
}

async fn bye(handle: &Handle<Vouched>) {
    // Best effort: without it the machine notices the end by itself.
    drop(handle.disconnect(Disconnect::ByApplication, "", "en").await);
}

/// Accepts the vouched key and no other.
pub(super) struct Vouched(PublicKey);

impl client::Handler for Vouched {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        offered: &PublicKeyOrCertificate,
    ) -> Result<bool, Self::Error> {
        Ok(offered.certificate().is_none() && offered.public_key().key_data() == self.0.key_data())
    }
}

impl Ssh {
    pub(super) async fn connect(
        stream: ByteStream,
        key: PublicKey,
        machine: MachineId,
    ) -> Result<Self, MarketError> {
        let config = client::Config {
            keepalive_interval: Some(Duration::from_secs(20)),
            keepalive_max: 6,
            ..Default::default()
        };
        let connected = client::connect_stream(Arc::new(config), stream, Vouched(key)).await;
        let mut handle = connected.map_err(|error| match error {
            russh::Error::UnknownKey => MarketError::HostKey { machine },
            other => broken(machine, &other),
        })?;
        match handle.authenticate_none(USER).await {
            Ok(AuthResult::Success) => Ok(Self { handle: Arc::new(handle), machine }),
            Ok(AuthResult::Failure { .. }) => Err(MarketError::Broken {
                machine,
                why: "its SSH server asks for a password".into(),
            }),
            Err(error) => Err(broken(machine, &error)),
        }
    }

    pub(super) async fn channel(&self) -> Result<russh::Channel<Msg>, MarketError> {
        self.handle.channel_open_session().await.map_err(|error| broken(self.machine, &error))
    }

    pub(super) fn machine(&self) -> MachineId {
        self.machine
    }

    /// Says good-bye; best effort.
    pub(super) async fn close(&self) {
        bye(&self.handle).await;
    }
}

pub(super) fn broken(machine: MachineId, error: &russh::Error) -> MarketError {
    MarketError::Broken { machine, why: error.to_string() }
}

/// One shell word of an argument, so that the command arrives as it was given.
pub(super) fn shell_words(argv: &[String]) -> String {
    let mut line = String::new();
    for word in argv {
        if !line.is_empty() {
            line.push(' ');
        }
        let plain = !word.is_empty()
            && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-./=:,+@%".contains(&b));
        if plain {
            line.push_str(word);
        } else {
            line.push('\'');
            line.push_str(&word.replace('\'', "'\\''"));
            line.push('\'');
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signer, SigningKey};

    use super::*;

    const LINE: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";
    const GENESIS: Genesis = Genesis([3; 32]);

    fn host_key(lease: u64) -> (HostKey, MachineId) {
        let key = SigningKey::from_bytes(&[9; 32]);
        let signature = key.sign(&host_key_message(&GENESIS.0, lease, LINE));
        let host_key =
            HostKey { openssh: LINE.into(), signature: hex::encode(signature.to_bytes()) };
        (host_key, MachineId(key.verifying_key().to_bytes()))
    }

    #[test]
    fn a_host_key_is_taken_only_under_its_own_machine_lease_and_network() {
        let (key, machine) = host_key(7);
        vouched(&key, &GENESIS, machine, 7).unwrap();
        assert!(vouched(&key, &GENESIS, machine, 8).is_err());
        assert!(vouched(&key, &Genesis([4; 32]), machine, 7).is_err());
        assert!(vouched(&key, &GENESIS, MachineId([1; 32]), 7).is_err());
        let other = HostKey { openssh: format!("{LINE} x"), ..key };
        assert!(vouched(&other, &GENESIS, machine, 7).is_err());
    }

    #[test]
    fn arguments_arrive_as_they_were_given() {
        let argv = ["sh", "-c", "echo 'a b' $HOME", "", "x=1"].map(String::from);
        assert_eq!(shell_words(&argv), r"sh -c 'echo '\''a b'\'' $HOME' '' x=1");
    }
}
