//! What a light client keeps on disk: its last finalized head with all that it takes to go on from there, its
//! peers and the runtime. One file, replaced whole. Written as smoldot writes it; of it we read the head alone.

use std::{
    fs,
    io::{ErrorKind, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use dbc_chain_client::Head;
use dbc_primitives::SLOT_SECONDS;
use serde::Deserialize;

/// Most bytes that are kept: heads and peers take some kilobytes, a packed runtime below two megabytes.
pub(crate) const KEPT_BYTES_MAX: u64 = 8 << 20;

/// Length of a slot in milliseconds.
pub(crate) const SLOT_MS: u64 = SLOT_SECONDS * 1_000;

#[derive(Deserialize)]
struct Kept {
    #[serde(rename = "genesisHash")]
    genesis: String,
    chain: Option<Chain>,
}

#[derive(Deserialize)]
struct Chain {
    finalized_block_header: String,
}

/// What was kept; nothing when there is no such file or it cannot be used.
pub(crate) fn load(path: &Path) -> Option<String> {
    let text = read(path, KEPT_BYTES_MAX).ok()?;
    serde_json::from_str::<Kept>(&text).ok().map(|_| text)
}

/// The finalized head of it, when it is of the network with this genesis (hex).
pub(crate) fn head(kept: &str, genesis: &str) -> Option<Head> {
    let kept: Kept = serde_json::from_str(kept).ok()?;
    if kept.genesis != genesis {
        return None;
    }
    Head::of_encoded(&hex::decode(kept.chain?.finalized_block_header).ok()?, SLOT_MS)
}

/// Replaces the file.
///
/// # Errors
/// The file system's.
pub(crate) fn save(path: &Path, text: &str) -> std::io::Result<()> {
    let part = path.with_extension("part");
    let mut file =
        fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(part, path)
}

/// A file of at most so many bytes.
///
/// # Errors
/// The file system's; `InvalidData` for a larger one.
pub(crate) fn read(path: &Path, max: u64) -> std::io::Result<String> {
    let mut text = String::new();
    let size = fs::File::open(path)?.take(max + 1).read_to_string(&mut text)?;
    if size as u64 > max {
        return Err(std::io::Error::new(
            ErrorKind::InvalidData,
            format!("it is larger than {max} bytes"),
        ));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header of height 7 and slot 100.
    fn header() -> String {
        let fields = ["11".repeat(32), "1c".into(), "22".repeat(32), "33".repeat(32)].concat();
        let slot = hex::encode(100u64.to_le_bytes());
        let item = format!("06{}34{}{}{slot}", hex::encode("BABE"), "03", "00000000");
        format!("{fields}04{item}")
    }

    #[test]
    fn rule_33_the_last_finalized_head_survives_and_is_of_one_network() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("light.json");
        assert_eq!(load(&path), None);
        let text = serde_json::json!({
            "genesisHash": "ab", "nodes": {}, "chain": { "finalized_block_header": header() },
        });
        save(&path, &text.to_string()).unwrap();
        let kept = load(&path).unwrap();
        let found = head(&kept, "ab").unwrap();
        assert_eq!((found.number, found.slot, found.unix_s()), (7, 100, 300));
        assert_eq!(head(&kept, "cd"), None, "of another network");
    }

    #[test]
    fn a_damaged_file_is_no_file_and_a_huge_one_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("light.json");
        for text in ["", "{", "<too-large>", "{\"genesisHash\":1}"] {
            fs::write(&path, text).unwrap();
            assert_eq!(load(&path), None, "{text}");
        }
        fs::write(&path, "{\"genesisHash\":\"ab\"}").unwrap();
        assert_eq!(head(&load(&path).unwrap(), "ab"), None);
        assert_eq!(read(&path, 4).unwrap_err().kind(), ErrorKind::InvalidData);
    }
}
