//! 32-byte identities in their hexadecimal text form: machines, networks, device keys.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The text is not 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no {what} (64 hexadecimal digits)")]
pub struct IdParseError {
    what: &'static str,
    text: String,
}

macro_rules! ids {
    ($($(#[doc = $doc:literal])+ $name:ident = $what:literal;)+) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; 32]);

        impl $name {
            /// The first eight hexadecimal digits, for file names and tables.
            pub fn short(&self) -> String {
                hex::encode(&self.0[..4])
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdParseError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let mut bytes = [0; 32];
                let digits = text.strip_prefix("0x").unwrap_or(text);
                hex::decode_to_slice(digits, &mut bytes).map_err(|_| IdParseError {
                    what: $what,
                    text: text.chars().take(70).collect(),
                })?;
                Ok(Self(bytes))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )+};
}

ids! {
    /// A machine: its ed25519 public key.
    MachineId = "machine id";
    /// A network: the hash of its genesis block.
    Genesis = "genesis hash";
    /// The holder key of a device: what a grant names and what its connections authenticate with.
    HolderId = "holder key";
    /// Public half of a lease's access key, the root of its grants.
    AccessKeyId = "access key";
    /// Hash of a block or of an extrinsic.
    Hash = "hash";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_from_its_text() {
        let id = MachineId([0xab; 32]);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(format!("0x{id}").parse(), Ok(id));
        assert_eq!(id.short(), "abababab");
        for text in ["", "ab", &"g".repeat(64), &"a".repeat(66)] {
            assert!(text.parse::<MachineId>().is_err(), "{text}");
        }
    }
}
