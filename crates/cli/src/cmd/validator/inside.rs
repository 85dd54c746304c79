//! The node of a rented validator, asked from inside its container on its own loopback: nothing of it listens
//! for anybody else. What it answers is the machine's word, and is bounded and checked.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use dbc_sdk::{AccountId, Agent, LogStream};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::timeout;

/// Where the node's chain spec is, inside.
const SPEC: &str = "/root/chain.json";
/// Where the node answers, inside.
const RPC: &str = "http://127.0.0.1:9944";
/// Port on which it meets others.
const PEERS_PORT: u16 = 30_333;
/// Largest answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// Longest reason that is shown, in characters.
const REASON_CHARS_MAX: usize = 300;
/// How long a command may take inside.
const COMMAND_TIME: Duration = Duration::from_secs(60);
/// How long the chain spec may take to it.
const UPLOAD_TIME: Duration = Duration::from_secs(600);

/// How far the node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Health {
    /// Others that it knows.
    pub peers: u64,
    /// Whether it is still catching up.
    pub syncing: bool,
    /// Its newest final block.
    pub finalized: u64,
}

/// Runs a command inside and gives what it wrote, if it ended well.
pub async fn run(agent: &Agent, words: &[&str]) -> Result<String> {
    let words: Vec<String> = words.iter().map(ToString::to_string).collect();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let ran = agent.exec(&words, |stream, bytes| {
        let into = if stream == LogStream::Stdout { &mut out } else { &mut err };
        let room = ANSWER_BYTES_MAX.saturating_sub(into.len());
        into.extend_from_slice(&bytes[..bytes.len().min(room)]);
    });
    let ran = timeout(COMMAND_TIME, ran).await;
    let status = ran.with_context(|| format!("`{}` does not end", words[0]))??;
    if status.shell_code() != 0 {
        let why = reason(&String::from_utf8_lossy(&err));
        bail!("`{}` ended with {}: {why}", words[0], status.shell_code());
    }
    ensure!(out.len() < ANSWER_BYTES_MAX, "`{}` says more than is read", words[0]);
    String::from_utf8(out).with_context(|| format!("`{}` writes no text", words[0]))
}

/// What is shown of words of the machine: the beginning, on one line.
fn reason(words: &str) -> String {
    let plain = words.trim().chars().map(|c| if c.is_control() { ' ' } else { c });
    plain.take(REASON_CHARS_MAX).collect()
}

/// Gives the node its chain spec: whole or not at all, as the node waits for the name.
pub async fn send_spec(agent: &Agent, file: &Path) -> Result<()> {
    let part = format!("{SPEC}.part");
    let sent = timeout(UPLOAD_TIME, agent.upload(file, &part, |_| {})).await;
    sent.context("the chain spec does not get there")??;
    run(agent, &["mv", "-f", &part, SPEC]).await.map(drop)
}

/// Whether the node has its chain spec already.
pub async fn has_spec(agent: &Agent) -> Result<bool> {
    let found =
        run(agent, &["sh", "-c", &format!("test -s {SPEC} && echo yes || echo no")]).await?;
    Ok(found.trim() == "yes")
}

/// How far the node is; an error while it does not answer.
pub async fn health(agent: &Agent) -> Result<Health> {
    let health: Value = ask(agent, "system_health", json!([])).await?;
    let head: String = ask(agent, "chain_getFinalizedHead", json!([])).await?;
    let header: Value = ask(agent, "chain_getHeader", json!([head])).await?;
    let number = header["number"].as_str().and_then(|text| text.strip_prefix("0x"));
    let number = number.and_then(|text| u64::from_str_radix(text, 16).ok());
    Ok(Health {
        peers: health["peers"].as_u64().context("the node tells no number of peers")?,
        syncing: health["isSyncing"].as_bool().context("the node tells not whether it syncs")?,
        finalized: number.context("the node tells no height")?,
    })
}

/// Makes session keys in the node; gives them and the proof that they are the owner's.
pub async fn make_keys(agent: &Agent, owner: AccountId) -> Result<(String, String)> {
    let owner = format!("0x{}", hex::encode(owner.0));
    let made: Value = ask(agent, "author_rotateKeysWithOwner", json!([owner])).await?;
    let part = |name: &str| -> Result<String> {
        let text = made[name].as_str().with_context(|| format!("the node gives no {name}"))?;
        let digits = text.strip_prefix("0x").unwrap_or(text);
        ensure!(hex::decode(digits).is_ok(), "the node's {name} is no hexadecimal");
        Ok(format!("0x{digits}"))
    };
    Ok((part("keys")?, part("proof")?))
}

/// Whether the node has the secret halves of keys.
pub async fn has_keys(agent: &Agent, keys: &str) -> Result<bool> {
    ask(agent, "author_hasSessionKeys", json!([keys])).await
}

/// A way to the node for whoever is on its host: the address of its container.
pub async fn address(agent: &Agent) -> Result<String> {
    let peer: String = ask(agent, "system_localPeerId", json!([])).await?;
    ensure!(
        peer.len() <= 128 && peer.bytes().all(|byte| byte.is_ascii_alphanumeric()),
        "the node's name among its peers is no such name"
    );
    let told = run(agent, &["ip", "-4", "-o", "addr", "show", "scope", "global"]).await?;
    let ip = own_address(&told).context("the container has no address")?;
    Ok(format!("/ip4/{ip}/tcp/{PEERS_PORT}/p2p/{peer}"))
}

/// The first address in what `ip -4 -o addr` says.
fn own_address(told: &str) -> Option<std::net::Ipv4Addr> {
    let words: Vec<&str> = told.split_whitespace().collect();
    let at = words.iter().position(|word| *word == "inet")?;
    words.get(at + 1)?.split('/').next()?.parse().ok()
}

async fn ask<Answer: DeserializeOwned>(
    agent: &Agent,
    method: &str,
    params: Value,
) -> Result<Answer> {
    let question = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    let header = "Content-Type: application/json";
    let text = question.to_string();
    let words = ["curl", "-sS", "--max-time", "20", "-H", header, "-d", &text, RPC];
    answer(method, &run(agent, &words).await?)
}

fn answer<Answer: DeserializeOwned>(method: &str, text: &str) -> Result<Answer> {
    let said: Value = serde_json::from_str(text)
        .with_context(|| format!("the node's answer to {method} is no JSON"))?;
    if let Some(error) = said.get("error") {
        let why = reason(error["message"].as_str().unwrap_or("no reason"));
        bail!("the node refuses {method}: {why}");
    }
    let result = said.get("result").cloned().unwrap_or_default();
    serde_json::from_value(result)
        .with_context(|| format!("the node's answer to {method} makes no sense"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_result_or_a_reason() {
        assert!(answer::<bool>("m", r#"{"jsonrpc":"2.0","id":1,"result":true}"#).unwrap());
        let refused = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"not here"}}"#;
        assert!(answer::<bool>("m", refused).unwrap_err().to_string().contains("not here"));
        let hostile = r#"{"error":{"message":"a\u001b[2J\u009b1m\nhint: b"}}"#;
        let why = answer::<bool>("m", hostile).unwrap_err().to_string();
        assert!(why.ends_with("m: a [2J 1m hint: b"), "{why:?}");
        for nonsense in ["", "[]", "{}", r#"{"result":"yes"}"#] {
            assert!(answer::<bool>("m", nonsense).is_err(), "{nonsense}");
        }
    }

    #[test]
    fn the_address_is_found_among_many_words() {
        let told = "7: eth0    inet 10.200.0.66/26 brd 10.200.0.127 scope global eth0\\ valid_lft";
        assert_eq!(own_address(told), Some("10.200.0.66".parse().unwrap()));
        for nothing in ["", "7: eth0 inet", "inet x/26"] {
            assert_eq!(own_address(nothing), None);
        }
    }
}
