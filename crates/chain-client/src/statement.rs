//! Statements: signed messages that nodes keep for a while and hand on to each other, without a
//! transaction and without a fee. Who may keep how much is state of the chain. Encoded here as the
//! store's `Vec<Field>`; only what we use of it.

use codec::{Compact, Decode, Encode, Input};
use serde::Deserialize;
use subxt::rpcs::{client::RpcSubscription, rpc_params};

use crate::{client::ChainClient, error::ChainError};

/// Most bytes of a statement that is read.
const STATEMENT_BYTES_MAX: usize = 4_096;
/// Most statements of one event.
const BATCH_MAX: usize = 65_536;
/// Topics that one subscription can ask for.
pub const TOPICS_MAX: usize = 128;

/// A statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Who signed it, by ed25519.
    pub signer: [u8; 32],
    /// When nodes drop it, in seconds since 1970.
    pub expires_s: u32,
    /// Of two on one channel, the later one stays; of two with one expiry, that with the higher number.
    pub sequence: u32,
    /// The signer's channel.
    pub channel: [u8; 32],
    /// What it is about.
    pub topic: [u8; 32],
    /// What it says.
    pub data: Vec<u8>,
}

impl Statement {
    /// What its signature covers.
    pub fn signed_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.data.len() + 80);
        let expiry = u64::from(self.expires_s) << 32 | u64::from(self.sequence);
        (2u8, expiry).encode_to(&mut bytes);
        (3u8, self.channel).encode_to(&mut bytes);
        (4u8, self.topic).encode_to(&mut bytes);
        (8u8, &self.data).encode_to(&mut bytes);
        bytes
    }

    /// As nodes keep it.
    pub fn encode_with(&self, signature: &[u8; 64]) -> Vec<u8> {
        let mut bytes = Compact(5u32).encode();
        // Field 0, a proof; its form 1, ed25519.
        (0u8, 1u8, signature, self.signer).encode_to(&mut bytes);
        bytes.extend(self.signed_bytes());
        bytes
    }

    /// Reads one that a node handed out. The node checked its signature; whoever does not trust it
    /// checks what is inside. `None` for a form that is not ours.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > STATEMENT_BYTES_MAX {
            return None;
        }
        let input = &mut &bytes[..];
        let fields = Compact::<u32>::decode(input).ok()?.0;
        let mut found = Self {
            signer: [0; 32],
            expires_s: 0,
            sequence: 0,
            channel: [0; 32],
            topic: [0; 32],
            data: Vec::new(),
        };
        for _ in 0..fields.min(9) {
            match input.read_byte().ok()? {
                0 => {
                    let (form, _, signer): (u8, [u8; 64], [u8; 32]) = Decode::decode(input).ok()?;
                    if form != 1 {
                        return None;
                    }
                    found.signer = signer;
                }
                2 => {
                    let expiry = u64::decode(input).ok()?;
                    found.expires_s = (expiry >> 32) as u32;
                    found.sequence = expiry as u32;
                }
                3 => found.channel = Decode::decode(input).ok()?,
                4 => found.topic = Decode::decode(input).ok()?,
                8 => found.data = Decode::decode(input).ok()?,
                _ => return None,
            }
        }
        Some(found)
    }
}

/// What a node said of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Submitted {
    /// It keeps it.
    New,
    /// It has it already.
    Known,
    /// It does not take it, and why.
    Refused(String),
}

#[derive(Deserialize)]
struct Answer {
    status: String,
    reason: Option<String>,
}

/// Statements as they come. Ends when the connection breaks; subscribe again then.
pub struct Statements(RpcSubscription<Event>);

#[derive(Deserialize)]
#[serde(tag = "event", content = "data", rename_all = "camelCase")]
enum Event {
    NewStatements { statements: Vec<String> },
}

impl ChainClient {
    /// Hands a statement to the node.
    ///
    /// Errors: [`ChainError::Unreachable`].
    pub async fn submit_statement(&self, encoded: &[u8]) -> Result<Submitted, ChainError> {
        self.shared.usable()?;
        let params = rpc_params![format!("0x{}", hex::encode(encoded))];
        let call = self.shared.plain.request::<Answer>("statement_submit", params);
        let answer = self.shared.rpc("statement", call).await?;
        Ok(match answer.status.as_str() {
            "new" => Submitted::New,
            "known" => Submitted::Known,
            _ => Submitted::Refused(crate::error::cut(
                answer
                    .reason
                    .map_or(answer.status.clone(), |why| format!("{}: {why}", answer.status)),
            )),
        })
    }

    /// Statements about any of these topics, at most [`TOPICS_MAX`]: those that the node has, then
    /// those that come.
    ///
    /// Errors: [`ChainError::Unreachable`].
    pub async fn statements(&self, topics: &[[u8; 32]]) -> Result<Statements, ChainError> {
        self.shared.usable()?;
        let topics: Vec<String> = topics
            .iter()
            .take(TOPICS_MAX)
            .map(|topic| format!("0x{}", hex::encode(topic)))
            .collect();
        let filter = serde_json::json!({ "matchAny": topics });
        let (begin, end) = ("statement_subscribeStatement", "statement_unsubscribeStatement");
        let call = self.shared.plain.subscribe::<Event>(begin, rpc_params![filter], end);
        Ok(Statements(self.shared.rpc("statements", call).await?))
    }
}

impl Statements {
    /// The next ones, those that cannot be read left out; `None` when the connection is gone.
    pub async fn next(&mut self) -> Option<Vec<Statement>> {
        let Event::NewStatements { statements } = self.0.next().await?.ok()?;
        let read = |text: &String| {
            let bytes = hex::decode(text.strip_prefix("0x")?).ok()?;
            Statement::decode(&bytes)
        };
        Some(statements.iter().take(BATCH_MAX).filter_map(read).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement() -> Statement {
        Statement {
            signer: [7; 32],
            expires_s: 1_800_000_000,
            sequence: 3,
            channel: [1; 32],
            topic: [2; 32],
            data: vec![5; 100],
        }
    }

    #[test]
    fn what_is_encoded_is_decoded() {
        let bytes = statement().encode_with(&[9; 64]);
        assert_eq!(Statement::decode(&bytes), Some(statement()));
    }

    #[test]
    fn damaged_bytes_are_no_statement_and_no_panic() {
        let bytes = statement().encode_with(&[9; 64]);
        for length in 0..bytes.len() {
            assert_eq!(Statement::decode(&bytes[..length]), None, "cut to {length}");
        }
        for place in 0..bytes.len() {
            let mut bad = bytes.clone();
            bad[place] = bad[place].wrapping_add(1);
            let _ = Statement::decode(&bad);
        }
        assert_eq!(Statement::decode(&vec![0; STATEMENT_BYTES_MAX + 1]), None);
    }
}
