//! The format of a wallet file: JSON with the address in clear and the secret sealed.

use crypto_secretbox::{KeyInit as _, XSalsa20Poly1305, aead::Aead as _};
use dbc_sdk::Signer;
use rand::RngCore as _;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::WalletError;

const VERSION: u32 = 1;
/// scrypt parameters of new files: 32 MiB and about a tenth of a second (as polkadot-js writes them).
const LOG_N: u8 = 15;
const R: u32 = 8;
const P: u32 = 1;
/// The most that a file may ask for, so that a hostile one cannot take all memory: 128 MiB.
const LOG_N_MAX: u8 = 17;

/// A wallet, as it lies on disk.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WalletFile {
    version: u32,
    name: String,
    address: String,
    secret: Secret,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Secret {
    /// The phrase in clear; for development only.
    Plain(String),
    /// The phrase under a password.
    Sealed { log_n: u8, r: u32, p: u32, salt: String, nonce: String, ciphertext: String },
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

impl WalletFile {
    /// Seals a phrase (or another secret that [`Signer::from_uri`] reads) under a password.
    ///
    /// # Errors
    /// When the phrase is none.
    pub fn seal(name: &str, phrase: &str, password: Option<&str>) -> Result<Self, WalletError> {
        let damaged = |why: String| WalletError::Damaged { name: name.into(), why };
        let signer = Signer::from_uri(phrase).map_err(|error| damaged(error.to_string()))?;
        let secret = match password {
            None => Secret::Plain(phrase.into()),
            Some(password) => {
                let (mut salt, mut nonce) = ([0; 32], [0; 24]);
                rand::rngs::OsRng.fill_bytes(&mut salt);
                rand::rngs::OsRng.fill_bytes(&mut nonce);
                let key = key(password, &salt, LOG_N, R, P).map_err(damaged)?;
                let ciphertext = XSalsa20Poly1305::new(key.as_slice().into())
                    .encrypt((&nonce).into(), phrase.as_bytes())
                    .map_err(|_| damaged("it cannot be encrypted".into()))?;
                Secret::Sealed {
                    log_n: LOG_N,
                    r: R,
                    p: P,
                    salt: hex::encode(salt),
                    nonce: hex::encode(nonce),
                    ciphertext: hex::encode(ciphertext),
                }
            }
        };
        let address = signer.account().to_string();
        Ok(Self { version: VERSION, name: name.into(), address, secret })
    }

    /// Reads a file's text.
    ///
    /// # Errors
    /// Anything that this version would not have written.
    pub fn parse(name: &str, text: &str) -> Result<Self, WalletError> {
        let damaged = |why: String| WalletError::Damaged { name: name.into(), why };
        let file: Self = serde_json::from_str(text).map_err(|error| damaged(error.to_string()))?;
        if file.version != VERSION {
            return Err(damaged(format!("version {} is unknown", file.version)));
        }
        Ok(Self { name: name.into(), ..file })
    }

    /// The file's text.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("strings and numbers always encode")
    }

    /// Name of the wallet.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Address of its account.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Whether a password is needed.
    pub fn is_protected(&self) -> bool {
        matches!(self.secret, Secret::Sealed { .. })
    }

    /// The key inside.
    ///
    /// # Errors
    /// Wrong password, or a file whose parts do not fit together.
    pub fn unlock(&self, password: Option<&str>) -> Result<Signer, WalletError> {
        let damaged = |why: &str| WalletError::Damaged { name: self.name.clone(), why: why.into() };
        let phrase = match &self.secret {
            Secret::Plain(phrase) => Zeroizing::new(phrase.clone()),
            Secret::Sealed { log_n, r, p, salt, nonce, ciphertext } => {
                let wrong = || WalletError::Password(self.name.clone());
                let password = password.ok_or_else(wrong)?;
                let decode = |text: &str| {
                    hex::decode(text).map_err(|_| damaged("a field is not hexadecimal"))
                };
                let (salt, nonce, ciphertext) =
                    (decode(salt)?, decode(nonce)?, decode(ciphertext)?);
                let nonce: [u8; 24] =
                    nonce.try_into().map_err(|_| damaged("the nonce is not 24 bytes"))?;
                if *log_n > LOG_N_MAX || *r > 16 || *p > 4 {
                    return Err(damaged("its key function asks for too much"));
                }
                let key = key(password, &salt, *log_n, *r, *p).map_err(|why| damaged(&why))?;
                let clear = XSalsa20Poly1305::new(key.as_slice().into())
                    .decrypt((&nonce).into(), ciphertext.as_slice())
                    .map_err(|_| wrong())?;
                Zeroizing::new(
                    String::from_utf8(clear).map_err(|_| damaged("its secret is no text"))?,
                )
            }
        };
        let signer = Signer::from_uri(&phrase).map_err(|_| damaged("its secret is no phrase"))?;
        if signer.account().to_string() != self.address {
            return Err(damaged("its address is not that of its secret"));
        }
        Ok(signer)
    }
}

fn key(
    password: &str,
    salt: &[u8],
    log_n: u8,
    r: u32,
    p: u32,
) -> Result<Zeroizing<Vec<u8>>, String> {
    let params = scrypt::Params::new(log_n, r, p, 32).map_err(|error| error.to_string())?;
    let mut key = Zeroizing::new(vec![0; 32]);
    scrypt::scrypt(password.as_bytes(), salt, &params, &mut key)
        .map_err(|error| error.to_string())?;
    Ok(key)
}
