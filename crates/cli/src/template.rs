//! Ready workloads: declarative files in `templates/`, part of the program. `{registry}` stands for
//! the registry of the network on this machine.

use anyhow::{Context as _, Result};
use dbc_sdk::{
    ErrorCode, WorkloadSpec,
    workload::{ContainerSpec, Port, Probe, WorkloadKind},
};
use serde::{Deserialize, Serialize};

use crate::failure::coded;

const FILES: [(&str, &str); 3] = [
    ("base", include_str!("../../../templates/base.toml")),
    ("jupyter", include_str!("../../../templates/jupyter.toml")),
    ("node", include_str!("../../../templates/node.toml")),
];

/// A ready workload.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// Its name; filled in from the file's.
    #[serde(default)]
    pub name: String,
    /// One sentence.
    pub about: String,
    /// Image reference.
    pub image: String,
    /// Command instead of the image's.
    #[serde(default)]
    pub command: Vec<String>,
    /// Ports by name.
    #[serde(default)]
    pub ports: Vec<Port>,
    /// When it counts as healthy.
    #[serde(default)]
    pub probe: Option<Probe>,
}

/// All templates.
///
/// # Errors
/// A template file of this program is damaged.
pub fn all() -> Result<Vec<Template>> {
    let read = |(name, text): &(&str, &str)| {
        let mut template: Template =
            toml::from_str(text).with_context(|| format!("template {name} is damaged"))?;
        template.name = (*name).into();
        Ok(template)
    };
    FILES.iter().map(read).collect()
}

/// A template by name.
///
/// # Errors
/// When there is none.
pub fn find(name: &str) -> Result<Template> {
    let found = all()?.into_iter().find(|template| template.name == name);
    found.ok_or_else(|| {
        coded(
            ErrorCode::InvalidInput,
            format!("there is no template {name:?}; see `dbc templates`"),
        )
    })
}

impl Template {
    /// The workload that it stands for.
    pub fn spec(&self, registry: &str) -> WorkloadSpec {
        let mut spec = WorkloadSpec::container(self.image.replace("{registry}", registry));
        if let WorkloadKind::Container(ContainerSpec { command, ports, probe, .. }) = &mut spec.kind
        {
            command.clone_from(&self.command);
            ports.clone_from(&self.ports);
            probe.clone_from(&self.probe);
        }
        spec
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_is_a_valid_workload() {
        for template in all().unwrap() {
            assert_eq!(template.spec("localhost:5000").validate(), Ok(()), "{}", template.name);
        }
        assert!(find("nothing").is_err());
    }
}
