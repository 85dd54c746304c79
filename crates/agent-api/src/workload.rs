//! What a renter wants to run, versioned. Sent to the agent over the tunnel under a grant, stored
//! before it is acted on; its hash may stand on the lease.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Number of a workload inside its lease; a lease starts with workload 0.
pub type WorkloadId = u32;

/// A workload, in the newest version. An unknown field or version is refused, never ignored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkloadSpec {
    /// Version of this format; 1.
    pub version: u32,
    /// Container or virtual machine.
    pub kind: WorkloadKind,
}

/// The two back ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkloadKind {
    /// An OCI image.
    Container(ContainerSpec),
    /// A disk image under QEMU. The agent of this version refuses it with a clear error.
    Vm(VmSpec),
}

/// A container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContainerSpec {
    /// OCI image reference, e.g. `registry.example/dbc/base:12` or `…@sha256:…`.
    pub image: String,
    /// Replaces the image's entrypoint and command when not empty.
    #[serde(default)]
    pub command: Vec<String>,
    /// Added to the image's environment. Names `[A-Za-z_][A-Za-z0-9_]*`, not starting with `DBC_`.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// User inside, by name or number, instead of the image's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Absolute working directory instead of the image's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workdir: Option<String>,
    /// Named ports that can be forwarded.
    #[serde(default)]
    pub ports: Vec<Port>,
    /// Limits.
    #[serde(default)]
    pub resources: Resources,
    /// When the workload counts as healthy; without one, as soon as it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<Probe>,
}

/// A virtual machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VmSpec {
    /// OCI reference of the disk image.
    pub image: String,
    /// Limits.
    #[serde(default)]
    pub resources: Resources,
}

/// A port with a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Port {
    /// E.g. `jupyter`; lower-case letters, digits and `-`.
    pub name: String,
    /// TCP port inside the workload.
    pub port: u16,
}

/// Limits of a workload. `None` means the share of the machine that the lease pays for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resources {
    /// Thousandths of a CPU core.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_millis: Option<u32>,
    /// Memory in MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_mib: Option<u32>,
    /// Root file system in GiB: one quota over all that the workload writes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk_gib: Option<u32>,
    /// Processes and threads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pids: Option<u32>,
}

/// A health probe, run inside the workload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Probe {
    /// Healthy when the command exits with 0.
    Exec {
        /// Program and arguments; no shell is put between.
        command: Vec<String>,
        /// Seconds until the start counts as failed; 1 to 3,600.
        timeout_s: u32,
    },
    /// Healthy when the port accepts a connection.
    Tcp {
        /// Port inside the workload.
        port: u16,
        /// Seconds until the start counts as failed; 1 to 3,600.
        timeout_s: u32,
    },
}

/// A spec that is refused: which field, why, what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {why}")]
pub struct SpecError {
    /// Path of the field, e.g. `kind.container.env`.
    pub field: &'static str,
    /// What is wrong and what would be right.
    pub why: String,
}

const VERSION: u32 = 1;
const IMAGE_BYTES_MAX: usize = 255;
const COMMAND_WORDS_MAX: usize = 64;
const COMMAND_BYTES_MAX: usize = 16 * 1024;
const ENV_MAX: usize = 128;
const ENV_BYTES_MAX: usize = 32 * 1024;
const PORTS_MAX: usize = 32;
const MEMORY_MIB_MIN: u32 = 32;

impl WorkloadSpec {
    /// A container that runs `image` with everything else left to its defaults.
    pub fn container(image: impl Into<String>) -> Self {
        Self {
            version: VERSION,
            kind: WorkloadKind::Container(ContainerSpec {
                image: image.into(),
                command: Vec::new(),
                env: BTreeMap::new(),
                user: None,
                workdir: None,
                ports: Vec::new(),
                resources: Resources::default(),
                probe: None,
            }),
        }
    }

    /// SHA-256 of the canonical JSON form; what a lease's `spec_hash` holds.
    pub fn hash(&self) -> [u8; 32] {
        let json =
            serde_json::to_vec(self).expect("a spec of strings, numbers and maps always encodes");
        Sha256::digest(json).into()
    }

    /// Checks every bound. Errors name the field.
    pub fn validate(&self) -> Result<(), SpecError> {
        if self.version != VERSION {
            return Err(SpecError::new(
                "version",
                format!("is {}, this agent speaks {VERSION}", self.version),
            ));
        }
        match &self.kind {
            WorkloadKind::Container(container) => container.validate(),
            WorkloadKind::Vm(vm) => check_image(&vm.image).and_then(|()| vm.resources.validate()),
        }
    }
}

impl SpecError {
    fn new(field: &'static str, why: impl Into<String>) -> Self {
        Self { field, why: why.into() }
    }
}

impl ContainerSpec {
    fn validate(&self) -> Result<(), SpecError> {
        check_image(&self.image)?;
        check_words("kind.container.command", &self.command)?;
        self.check_env()?;
        self.check_ports()?;
        if let Some(user) = &self.user {
            let fine = (1..=64).contains(&user.len())
                && user.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-:.".contains(&b));
            if !fine {
                return Err(SpecError::new(
                    "kind.container.user",
                    "must be a user name or number of at most 64 characters",
                ));
            }
        }
        if let Some(dir) = &self.workdir {
            if !dir.starts_with('/') || dir.len() > 1024 || dir.contains('\0') {
                return Err(SpecError::new(
                    "kind.container.workdir",
                    "must be an absolute path of at most 1,024 bytes",
                ));
            }
        }
        self.resources.validate()?;
        match &self.probe {
            None => Ok(()),
            Some(Probe::Exec { command, timeout_s }) => {
                if command.is_empty() {
                    return Err(SpecError::new(
                        "kind.container.probe.exec.command",
                        "must name a program",
                    ));
                }
                check_words("kind.container.probe.exec.command", command)?;
                check_timeout(*timeout_s)
            }
            Some(Probe::Tcp { port, timeout_s }) => {
                if *port == 0 {
                    return Err(SpecError::new(
                        "kind.container.probe.tcp.port",
                        "must be 1 to 65535",
                    ));
                }
                check_timeout(*timeout_s)
            }
        }
    }

    fn check_env(&self) -> Result<(), SpecError> {
        const FIELD: &str = "kind.container.env";
        if self.env.len() > ENV_MAX {
            return Err(SpecError::new(
                FIELD,
                format!("has {} entries, at most {ENV_MAX} are allowed", self.env.len()),
            ));
        }
        let bytes: usize = self.env.iter().map(|(name, value)| name.len() + value.len()).sum();
        if bytes > ENV_BYTES_MAX {
            return Err(SpecError::new(
                FIELD,
                format!("is {bytes} bytes, at most {ENV_BYTES_MAX} are allowed"),
            ));
        }
        for (name, value) in &self.env {
            let mut bytes = name.bytes();
            let head = bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
            if !head
                || !bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
                || name.starts_with("DBC_")
            {
                return Err(SpecError::new(
                    FIELD,
                    format!("{name:?} is no allowed name ([A-Za-z_][A-Za-z0-9_]*, not DBC_…)"),
                ));
            }
            if value.contains('\0') {
                return Err(SpecError::new(
                    FIELD,
                    format!("the value of {name} contains a zero byte"),
                ));
            }
        }
        Ok(())
    }

    fn check_ports(&self) -> Result<(), SpecError> {
        const FIELD: &str = "kind.container.ports";
        if self.ports.len() > PORTS_MAX {
            return Err(SpecError::new(
                FIELD,
                format!("has {} entries, at most {PORTS_MAX} are allowed", self.ports.len()),
            ));
        }
        let mut names = BTreeSet::new();
        for port in &self.ports {
            let name_fine = (1..=32).contains(&port.name.len())
                && port
                    .name
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
            if !name_fine || port.port == 0 || !names.insert(&port.name) {
                return Err(SpecError::new(
                    FIELD,
                    format!(
                        "{:?} = {} is no allowed port (unique name of a-z, 0-9, -; port 1 to 65535)",
                        port.name, port.port
                    ),
                ));
            }
        }
        Ok(())
    }
}

impl Resources {
    fn validate(&self) -> Result<(), SpecError> {
        let too_small = |field, value: Option<u32>, least: u32| match value {
            Some(value) if value < least => {
                Err(SpecError::new(field, format!("is {value}, at least {least} is needed")))
            }
            _ => Ok(()),
        };
        too_small("resources.cpu_millis", self.cpu_millis, 10)?;
        too_small("resources.memory_mib", self.memory_mib, MEMORY_MIB_MIN)?;
        too_small("resources.disk_gib", self.disk_gib, 1)?;
        too_small("resources.pids", self.pids, 16)
    }
}

fn check_timeout(timeout_s: u32) -> Result<(), SpecError> {
    if (1..=3600).contains(&timeout_s) {
        return Ok(());
    }
    Err(SpecError::new("kind.container.probe.timeout_s", "must be 1 to 3600 seconds"))
}

fn check_words(field: &'static str, words: &[String]) -> Result<(), SpecError> {
    let bytes: usize = words.iter().map(String::len).sum();
    if words.len() > COMMAND_WORDS_MAX || bytes > COMMAND_BYTES_MAX {
        return Err(SpecError::new(
            field,
            format!(
                "has {} words and {bytes} bytes; at most {COMMAND_WORDS_MAX} and {COMMAND_BYTES_MAX} are allowed",
                words.len()
            ),
        ));
    }
    if words.iter().any(|word| word.contains('\0')) {
        return Err(SpecError::new(field, "contains a zero byte"));
    }
    if words.first().is_some_and(String::is_empty) {
        return Err(SpecError::new(field, "starts with an empty word"));
    }
    Ok(())
}

/// An image reference is `[host[:port]/]path[:tag][@sha256:hex]` in the characters that the OCI
/// distribution specification allows; anything else is refused before the engine sees it.
fn check_image(image: &str) -> Result<(), SpecError> {
    const FIELD: &str = "kind.container.image";
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._-/:@".contains(&b);
    if image.is_empty() || image.len() > IMAGE_BYTES_MAX || !image.bytes().all(allowed) {
        return Err(SpecError::new(
            FIELD,
            format!(
                "must be an OCI reference of at most {IMAGE_BYTES_MAX} characters, e.g. registry.example/dbc/base:12"
            ),
        ));
    }
    let (name, digest) = match image.split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => (image, None),
    };
    if let Some(digest) = digest {
        let fine = digest.strip_prefix("sha256:").is_some_and(|hex| {
            hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        });
        if !fine {
            return Err(SpecError::new(
                FIELD,
                "has a digest that is not sha256: and 64 lower-case hex digits",
            ));
        }
    }
    let fine = name.split('/').all(|part| {
        part.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric())
            && !part.contains("..")
            && !part.ends_with([':', '.', '-'])
    });
    if !fine {
        return Err(SpecError::new(
            FIELD,
            "has an empty part, or one that does not start with a letter or digit",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(change: impl FnOnce(&mut ContainerSpec)) -> &'static str {
        let mut spec = WorkloadSpec::container("localhost:5000/dbc/base:12");
        let WorkloadKind::Container(container) = &mut spec.kind else { unreachable!() };
        change(container);
        spec.validate().expect_err("refused").field
    }

    #[test]
    fn a_plain_container_is_fine() {
        for image in [
            "debian",
            "localhost:5000/dbc/base:12",
            "r.example/a/b@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        ] {
            assert_eq!(WorkloadSpec::container(image).validate(), Ok(()), "{image}");
        }
    }

    #[test]
    fn each_bad_field_is_named() {
        for image in
            ["", "a b", "--privileged", "a//b", "../../etc", "a@sha256:12", "a;rm", "x/.hidden"]
        {
            assert_eq!(refused(|c| c.image = image.into()), "kind.container.image", "{image}");
        }
        assert_eq!(refused(|c| c.command = vec!["a".into(); 65]), "kind.container.command");
        assert_eq!(refused(|c| c.command = vec!["a\0b".into()]), "kind.container.command");
        assert_eq!(
            refused(|c| drop(c.env.insert("1X".into(), String::new()))),
            "kind.container.env"
        );
        assert_eq!(
            refused(|c| drop(c.env.insert("DBC_ROOT".into(), "/".into()))),
            "kind.container.env"
        );
        assert_eq!(refused(|c| c.user = Some("a b".into())), "kind.container.user");
        assert_eq!(refused(|c| c.workdir = Some("relative".into())), "kind.container.workdir");
        assert_eq!(
            refused(|c| c.ports = vec![Port { name: "Web".into(), port: 80 }]),
            "kind.container.ports"
        );
        assert_eq!(refused(|c| c.resources.memory_mib = Some(1)), "resources.memory_mib");
        assert_eq!(
            refused(|c| c.probe = Some(Probe::Tcp { port: 80, timeout_s: 0 })),
            "kind.container.probe.timeout_s"
        );
    }

    #[test]
    fn unknown_fields_and_versions_are_refused() {
        assert!(
            serde_json::from_str::<WorkloadSpec>(
                r#"{"version":1,"kind":{"container":{"image":"a","privileged":true}}}"#
            )
            .is_err()
        );
        let mut spec = WorkloadSpec::container("a");
        spec.version = 2;
        assert_eq!(spec.validate().unwrap_err().field, "version");
    }

    #[test]
    fn the_hash_is_stable_and_depends_on_content() {
        let spec = WorkloadSpec::container("a");
        let again: WorkloadSpec =
            serde_json::from_slice(&serde_json::to_vec(&spec).unwrap()).unwrap();
        assert_eq!(spec.hash(), again.hash());
        assert_ne!(spec.hash(), WorkloadSpec::container("b").hash());
    }
}
