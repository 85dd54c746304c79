//! Accounts and the keys that sign for them. Here because signing needs the chain's own schemes
//! (sr25519 for people, ed25519 for operators and machines); it stores no key anywhere.

use std::{fmt, str::FromStr};

use codec::{Decode, Encode};
use ed25519_dalek::{Signer as _, SigningKey};
use rand::RngCore;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use subxt::{
    config::Config,
    utils::{AccountId32, MultiSignature},
};
use subxt_signer::{SecretUri, bip39::Mnemonic, sr25519};
use zeroize::Zeroizing;

/// An account of the chain: 32 bytes, shown and read in SS58 form.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct AccountId(pub [u8; 32]);

/// The text is no account.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is no account address (SS58, e.g. 5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY)"
)]
pub struct AccountParseError {
    text: String,
}

/// Longest address text that is looked at, in bytes.
const ADDRESS_BYTES_MAX: usize = 128;

impl AccountId {
    pub(crate) fn to_subxt(self) -> AccountId32 {
        AccountId32::from(self.0)
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_subxt().fmt(f)
    }
}

impl fmt::Debug for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for AccountId {
    type Err = AccountParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = || AccountParseError { text: text.chars().take(64).collect() };
        if text.len() > ADDRESS_BYTES_MAX {
            return Err(refused());
        }
        AccountId32::from_str(text).map(|account| Self(account.0)).map_err(|_| refused())
    }
}

impl Serialize for AccountId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for AccountId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A key that signs extrinsics. Cheap to clone; its secret never appears in debug output.
#[derive(Clone)]
pub struct Signer {
    account: AccountId,
    key: Key,
}

#[derive(Clone)]
enum Key {
    Sr25519(sr25519::Keypair),
    Ed25519(SigningKey),
}

/// The text or bytes make no signing key. The message never repeats the secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignerError {
    /// Not a BIP-39 phrase of 12 to 24 known words with a valid checksum.
    #[error("the phrase is not 12 to 24 known words with a fitting checksum")]
    Phrase,
    /// Not a secret URI.
    #[error("the secret is no URI such as //Alice or a phrase with //paths")]
    Uri,
    /// The seed cannot be used.
    #[error("the seed makes no key")]
    Seed,
    /// The system gave no random bytes.
    #[error("the system gives no random bytes")]
    Randomness,
}

impl Signer {
    /// The sr25519 key of a BIP-39 phrase, with the optional password that is part of the phrase's
    /// derivation (not the wallet file's password).
    pub fn from_phrase(phrase: &str, password: Option<&str>) -> Result<Self, SignerError> {
        let phrase = Mnemonic::parse(phrase).map_err(|_| SignerError::Phrase)?;
        let pair =
            sr25519::Keypair::from_phrase(&phrase, password).map_err(|_| SignerError::Phrase)?;
        Ok(Self::from_sr25519(pair))
    }

    /// The sr25519 key of a 32-byte seed.
    pub fn from_seed(seed: [u8; 32]) -> Result<Self, SignerError> {
        let pair = sr25519::Keypair::from_secret_key(seed).map_err(|_| SignerError::Seed)?;
        Ok(Self::from_sr25519(pair))
    }

    /// The sr25519 key of a secret URI: `//Alice` on development networks, or a phrase or hex seed
    /// with derivation paths.
    pub fn from_uri(uri: &str) -> Result<Self, SignerError> {
        let uri = SecretUri::from_str(uri).map_err(|_| SignerError::Uri)?;
        let pair = sr25519::Keypair::from_uri(&uri).map_err(|_| SignerError::Uri)?;
        Ok(Self::from_sr25519(pair))
    }

    /// The ed25519 key of a 32-byte seed; what operators and machines sign with.
    pub fn ed25519_from_seed(seed: [u8; 32]) -> Self {
        let key = SigningKey::from_bytes(&seed);
        Self { account: AccountId(key.verifying_key().to_bytes()), key: Key::Ed25519(key) }
    }

    /// A new BIP-39 phrase of twelve words from the system's randomness.
    pub fn generate_phrase() -> Result<Zeroizing<String>, SignerError> {
        let mut entropy = Zeroizing::new([0u8; 16]);
        rand::rngs::OsRng.try_fill_bytes(&mut *entropy).map_err(|_| SignerError::Randomness)?;
        let phrase = Mnemonic::from_entropy(&*entropy).map_err(|_| SignerError::Randomness)?;
        Ok(Zeroizing::new(phrase.to_string()))
    }

    fn from_sr25519(pair: sr25519::Keypair) -> Self {
        Self { account: AccountId(pair.public_key().0), key: Key::Sr25519(pair) }
    }

    /// The account that this key signs for.
    pub fn account(&self) -> AccountId {
        self.account
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Signer").field(&self.account).finish()
    }
}

impl<T> subxt::transactions::Signer<T> for Signer
where
    T: Config<AccountId = AccountId32, Signature = MultiSignature>,
{
    fn account_id(&self) -> AccountId32 {
        self.account.to_subxt()
    }

    fn sign(&self, payload: &[u8]) -> MultiSignature {
        match &self.key {
            Key::Sr25519(pair) => MultiSignature::Sr25519(pair.sign(payload).0),
            Key::Ed25519(key) => MultiSignature::Ed25519(key.sign(payload).to_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";

    #[test]
    fn the_development_account_has_its_known_address() {
        let alice = Signer::from_uri("//Alice").unwrap();
        assert_eq!(alice.account().to_string(), ALICE);
        assert_eq!(ALICE.parse(), Ok(alice.account()));
    }

    #[test]
    fn bad_addresses_are_refused_and_cut() {
        for text in ["", "5Grwva", &"5".repeat(10_000)] {
            let error = text.parse::<AccountId>().unwrap_err();
            assert!(error.to_string().len() < 200);
        }
    }

    #[test]
    fn a_refused_secret_is_not_repeated() {
        let secret = "correct horse battery staple";
        let error = Signer::from_phrase(secret, None).unwrap_err();
        assert!(!error.to_string().contains("horse"));
        assert!(!format!("{:?}", Signer::from_uri("//Alice").unwrap()).contains("//Alice"));
    }

    #[test]
    fn a_new_phrase_makes_a_key_and_differs_from_the_next() {
        let phrase = Signer::generate_phrase().unwrap();
        assert_eq!(phrase.split(' ').count(), 12);
        Signer::from_phrase(&phrase, None).unwrap();
        assert_ne!(phrase, Signer::generate_phrase().unwrap());
    }

    #[test]
    fn an_ed25519_account_is_its_public_key() {
        let seed = [7; 32];
        let key = SigningKey::from_bytes(&seed).verifying_key();
        assert_eq!(Signer::ed25519_from_seed(seed).account().0, key.to_bytes());
    }
}
