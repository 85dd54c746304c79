//! The two secret keys of a renter: the access key, which signs a lease's grants, and the holder
//! key, by which a device proves to be the one that a grant names. Both are ed25519 seeds, kept in
//! files of mode 0600 as 64 hex characters, and wiped from memory when dropped.

use std::{
    fmt,
    fs::{File, OpenOptions},
    io::{ErrorKind, Read, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
};

use biscuit_auth::{Algorithm, KeyPair, PrivateKey};
use ed25519_dalek::{Signer, SigningKey};
use zeroize::Zeroizing;

use crate::error::KeyError;

macro_rules! secret_key {
    ($(#[doc = $doc:literal])+ $name:ident) => {
        $(#[doc = $doc])+
        #[derive(Clone)]
        pub struct $name(SigningKey);

        impl $name {
            /// A fresh key from the system's source of randomness.
            pub fn generate() -> Self {
                Self(SigningKey::generate(&mut rand::rngs::OsRng))
            }

            /// The key with this seed.
            pub fn from_seed(seed: &[u8; 32]) -> Self {
                Self(SigningKey::from_bytes(seed))
            }

            /// Reads 64 hex characters.
            pub fn from_hex(text: &str) -> Result<Self, KeyError> {
                parse(text.as_bytes()).map(|seed| Self::from_seed(&seed))
            }

            /// The seed as 64 hex characters. It is the secret: for storage only.
            pub fn to_hex(&self) -> Zeroizing<String> {
                Zeroizing::new(hex::encode(&*self.seed()))
            }

            /// The seed. It is the secret.
            pub fn seed(&self) -> Zeroizing<[u8; 32]> {
                Zeroizing::new(self.0.to_bytes())
            }

            /// The public key.
            pub fn public(&self) -> [u8; 32] {
                self.0.verifying_key().to_bytes()
            }

            /// Signs a message; callers put its purpose at its beginning.
            pub fn sign(&self, message: &[u8]) -> [u8; 64] {
                self.0.sign(message).to_bytes()
            }

            /// Reads the key from a file that nobody but its owner can read.
            pub fn load(path: &Path) -> Result<Self, KeyError> {
                load(path).map(|seed| Self::from_seed(&seed))
            }

            /// Writes the key to a new file of mode 0600; never replaces one.
            pub fn save(&self, path: &Path) -> Result<(), KeyError> {
                save(path, &self.to_hex())
            }

            /// Reads the key, or makes one and stores it when there is no file yet. Two processes
            /// that do so at once get the same key.
            pub fn load_or_create(path: &Path) -> Result<Self, KeyError> {
                match Self::load(path) {
                    Err(KeyError::Read { source, .. }) if source.kind() == ErrorKind::NotFound => {}
                    loaded => return loaded,
                }
                let key = Self::generate();
                match key.save(path) {
                    Ok(()) => Ok(key),
                    Err(KeyError::Write { source, .. })
                        if source.kind() == ErrorKind::AlreadyExists =>
                    {
                        Self::load(path)
                    }
                    Err(error) => Err(error),
                }
            }

            pub(crate) fn pair(&self) -> KeyPair {
                let secret = PrivateKey::from_bytes(&*self.seed(), Algorithm::Ed25519)
                    .expect("a seed of 32 bytes is an ed25519 key");
                KeyPair::from(&secret)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), hex::encode(self.public()))
            }
        }
    };
}

secret_key! {
    /// Signs the grants of a lease; its public half stands in the lease on the chain.
    AccessKey
}
secret_key! {
    /// Names a device or a person in grants. The same seed makes the device's network key, so that
    /// a connection proves its holder.
    HolderKey
}

const HEX_BYTES: usize = 64;

fn parse(text: &[u8]) -> Result<Zeroizing<[u8; 32]>, KeyError> {
    let mut seed = Zeroizing::new([0; 32]);
    hex::decode_to_slice(text.trim_ascii(), &mut *seed).map_err(|_| KeyError::Format)?;
    Ok(seed)
}

fn load(path: &Path) -> Result<Zeroizing<[u8; 32]>, KeyError> {
    let read_error = |source| KeyError::Read { path: path.to_owned(), source };
    let file = File::open(path).map_err(read_error)?;
    let mode = file.metadata().map_err(read_error)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(KeyError::Mode { path: path.to_owned(), mode });
    }
    let mut text = Zeroizing::new(Vec::with_capacity(HEX_BYTES * 2));
    file.take(HEX_BYTES as u64 * 2).read_to_end(&mut text).map_err(read_error)?;
    parse(&text).map_err(|_| KeyError::Damaged { path: path.to_owned() })
}

fn save(path: &Path, hex: &str) -> Result<(), KeyError> {
    let write_error = |source| KeyError::Write { path: path.to_owned(), source };
    // Written beside its place and linked there when complete: a crash leaves no half a key, and
    // linking, unlike renaming, cannot replace a key that is there.
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{:016x}.new", rand::random::<u64>()));
    let beside = path.with_file_name(name);
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&beside)
        .and_then(|mut file| {
            file.write_all(hex.as_bytes())?;
            file.write_all(b"\n")?;
            file.sync_all()
        })
        .and_then(|()| std::fs::hard_link(&beside, path));
    // Best effort: what is left is a key nobody uses, unreadable for others.
    let _ = std::fs::remove_file(&beside);
    written.map_err(write_error)
}
