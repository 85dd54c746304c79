//! Image references and what an image says about itself. Parsing only, no I/O: a reference that
//! got through [`ImageRef::parse`] holds no character that an engine could take for anything else.

use std::{collections::BTreeSet, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Longest image reference, in bytes.
pub const IMAGE_REF_BYTES_MAX: usize = 255;

/// A SHA-256 digest in the form `sha256:<64 hex digits>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(String);

/// The text is no digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no digest: sha256: and 64 lower-case hex digits are expected")]
pub struct BadDigest(String);

impl Digest {
    /// With the `sha256:` prefix.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The 64 hex digits, fit for a file name.
    pub fn hex(&self) -> &str {
        &self.0["sha256:".len()..]
    }
}

impl FromStr for Digest {
    type Err = BadDigest;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fine = text.strip_prefix("sha256:").is_some_and(|hex| {
            hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        });
        if fine {
            return Ok(Self(text.to_owned()));
        }
        Err(BadDigest(text.chars().take(100).collect()))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Digest {
    type Error = BadDigest;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.0
    }
}

/// An image reference: `[host[:port]/]path[:tag][@sha256:…]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ImageRef {
    /// Registry and path, without tag and digest.
    pub name: String,
    /// Tag; when the text has neither tag nor digest, `latest`.
    pub tag: Option<String>,
    /// Digest of the manifest; when given, the engine checks it.
    pub digest: Option<Digest>,
}

/// The text is no image reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no image reference: {why}")]
pub struct BadImageRef {
    text: String,
    why: &'static str,
}

impl ImageRef {
    /// Reads a reference. Bounded by [`IMAGE_REF_BYTES_MAX`].
    pub fn parse(text: &str) -> Result<Self, BadImageRef> {
        let bad = |why| BadImageRef { text: text.chars().take(IMAGE_REF_BYTES_MAX).collect(), why };
        if text.is_empty() || text.len() > IMAGE_REF_BYTES_MAX {
            return Err(bad("it must have 1 to 255 characters"));
        }
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => {
                (rest, Some(digest.parse().map_err(|_| bad("the digest is malformed"))?))
            }
            None => (text, None),
        };
        // A colon after the last slash starts the tag; one before it, a port.
        let path_start = rest.rfind('/').map_or(0, |at| at + 1);
        let (name, tag) = match rest[path_start..].split_once(':') {
            Some((last, tag)) => (&rest[..path_start + last.len()], Some(tag.to_owned())),
            None => (rest, None),
        };
        let part_fine = |part: &str| {
            part.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric())
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-:".contains(&b))
                && !part.contains("..")
        };
        if !name.split('/').all(part_fine) {
            return Err(bad("a part is empty or has characters that are not allowed"));
        }
        let tag_fine = |tag: &str| {
            (1..=128).contains(&tag.len())
                && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
                && !tag.starts_with(['.', '-'])
        };
        if !tag.as_deref().is_none_or(tag_fine) {
            return Err(bad("the tag is malformed"));
        }
        let tag = tag.or_else(|| digest.is_none().then(|| "latest".to_owned()));
        Ok(Self { name: name.to_owned(), tag, digest })
    }

    /// Host (and port) of the registry that the name leads to; Docker Hub when it names none.
    pub fn registry(&self) -> &str {
        match self.name.split_once('/') {
            Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => host,
            _ => "docker.io",
        }
    }
}

impl fmt::Display for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

impl FromStr for ImageRef {
    type Err = BadImageRef;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl TryFrom<String> for ImageRef {
    type Error = BadImageRef;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<ImageRef> for String {
    fn from(image: ImageRef) -> Self {
        image.to_string()
    }
}

/// What an image says about how it wants to run. All of it comes from a stranger.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ImageConfig {
    /// Program and first arguments; may be empty.
    pub entrypoint: Vec<String>,
    /// Further arguments, or the program when there is no entrypoint; may be empty.
    pub cmd: Vec<String>,
    /// `NAME=value` entries.
    pub env: Vec<String>,
    /// `user[:group]` by name or number; empty means root.
    pub user: String,
    /// Working directory; empty means `/`.
    pub workdir: String,
    /// TCP ports that the image declares.
    pub ports: BTreeSet<u16>,
    /// Signal that asks the program to end, e.g. `SIGTERM`; `None` means that.
    pub stop_signal: Option<String>,
}

impl ImageConfig {
    /// Entrypoint and command as one list.
    pub fn command(&self) -> Vec<String> {
        self.entrypoint.iter().chain(&self.cmd).cloned().collect()
    }
}

/// An image that the engine holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PulledImage {
    /// Digest of the image's configuration: names the whole content, the same from any registry.
    /// The pool's copy has this name.
    pub id: Digest,
    /// Digest of the manifest as the registry has it, to show and to pin; `None` for an image that
    /// was never in a registry.
    pub manifest: Option<Digest>,
    /// How it wants to run.
    pub config: ImageConfig,
    /// Bytes of all layers, unpacked.
    pub size_bytes: u64,
    /// E.g. `linux/amd64`.
    pub platform: String,
    /// Whether the pull brought it into the engine; false when it was there, maybe somebody else's.
    pub fetched: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn references_are_taken_apart() {
        let image = ImageRef::parse("localhost:5000/dbc/base:12").unwrap();
        assert_eq!(
            (image.name.as_str(), image.tag.as_deref()),
            ("localhost:5000/dbc/base", Some("12"))
        );
        assert_eq!(image.registry(), "localhost:5000");
        assert_eq!(ImageRef::parse("debian").unwrap().to_string(), "debian:latest");
        assert_eq!(ImageRef::parse("a/b").unwrap().registry(), "docker.io");
        let pinned = ImageRef::parse(&format!("r.example/a@{DIGEST}")).unwrap();
        assert_eq!(pinned.tag, None);
        assert_eq!(pinned.to_string(), format!("r.example/a@{DIGEST}"));
        assert_eq!(ImageRef::parse("h:5000/a").unwrap().to_string(), "h:5000/a:latest");
    }

    #[test]
    fn anything_else_is_refused() {
        let long = "a".repeat(256);
        for text in [
            "",
            "a b",
            "--privileged",
            "a//b",
            "../../etc",
            "a@sha256:12",
            "a;rm",
            "x/.y",
            "a:",
            "a:-b",
            &long,
        ] {
            assert!(ImageRef::parse(text).is_err(), "{text}");
        }
    }
}
