//! Images for the registry, built here: a Debian base by debootstrap, and one with Python and
//! JupyterLab on top. Built once; the recipe's hash says whether it changed.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use dbc_host::Engine;
use sha2::{Digest as _, Sha256};
use tokio::process::Command;

use super::{Component, state::Network};
use crate::print::Step;

/// The recipes; a change makes the images anew.
const BASE: &str = include_str!("../../../../images/base.sh");
const JUPYTER: &str = include_str!("../../../../images/jupyter.sh");
const NODE: &str = include_str!("../../../../images/node.sh");
/// Where programs of the system are, whatever the caller's environment says.
const SYSTEM_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The images.
pub struct Images;

struct Image {
    name: &'static str,
    tag: &'static str,
    recipe: &'static str,
    changes: &'static [&'static str],
    /// A program of ours that the recipe puts in.
    program: Option<&'static str>,
}

const IMAGES: [Image; 2] = [
    Image {
        name: "dbc/base",
        tag: "12",
        recipe: BASE,
        changes: &["ENV LANG=C.UTF-8", "WORKDIR /root"],
        program: None,
    },
    Image {
        name: "dbc/jupyter",
        tag: "1",
        recipe: JUPYTER,
        changes: &[
            "ENV LANG=C.UTF-8",
            "WORKDIR /root",
            r#"CMD ["/opt/jupyter/bin/jupyter", "lab", "--allow-root", "--no-browser", "--ip=127.0.0.1", "--port=8888", "--IdentityProvider.token="]"#,
        ],
        program: None,
    },
];

/// Not among those that a network begins with: built when somebody first rents a validator.
const VALIDATOR: Image = Image {
    name: "dbc/node",
    tag: "1",
    recipe: NODE,
    changes: &["ENV LANG=C.UTF-8", "WORKDIR /root", r#"CMD ["/usr/local/bin/validate"]"#],
    program: Some("dbc-node"),
};

/// Builds and publishes the image with the node, unless it is there.
///
/// # Errors
/// When no engine runs, or the recipe fails.
pub async fn ensure_node(network: &Network, step: &mut Step) -> Result<String> {
    let engine = Engine::find().await?;
    publish(&engine, network, &IMAGES[0], step).await?;
    publish(&engine, network, &VALIDATOR, step).await?;
    Ok(format!("{}:{}", VALIDATOR.name, VALIDATOR.tag))
}

#[async_trait]
impl Component for Images {
    fn name(&self) -> &'static str {
        "images"
    }

    async fn ensure(&self, network: &mut Network, step: &mut Step) -> Result<String> {
        let engine = Engine::find().await?;
        for image in &IMAGES {
            publish(&engine, network, image, step).await?;
        }
        Ok(IMAGES.map(|image| format!("{}:{}", image.name, image.tag)).join(", "))
    }

    async fn health(&self, network: &Network) -> Result<String> {
        let missing: Vec<_> = IMAGES
            .iter()
            .filter(|image| {
                !network
                    .dir
                    .join("registry")
                    .join(format!("{}.published", image.name.replace('/', "-")))
                    .is_file()
            })
            .map(|image| image.name)
            .collect();
        anyhow::ensure!(missing.is_empty(), "not built: {}", missing.join(", "));
        Ok(IMAGES.map(|image| format!("{}:{}", image.name, image.tag)).join(", "))
    }

    async fn stop(&self, _: &Network) -> Result<()> {
        Ok(())
    }
}

/// Builds an image and puts it into the registry, unless the same was put there before.
async fn publish(engine: &Engine, network: &Network, image: &Image, step: &mut Step) -> Result<()> {
    let cache = cache_dir(network);
    std::fs::create_dir_all(&cache)?;
    let program = image.program.map(|name| network.program(name));
    let tree = tree(&cache, image, program.as_deref())?;
    let mark =
        network.dir.join("registry").join(format!("{}.published", image.name.replace('/', "-")));
    let wanted = tree.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if std::fs::read_to_string(&mark).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    if !tree.is_file() {
        step.say(&format!("building {}", image.name));
        build(image, &cache, &tree, program.as_deref(), &network.log("images")).await?;
    }
    step.say(&format!("publishing {}", image.name));
    let repo = format!("{}/{}", network.registry(), image.name);
    engine.publish(&tree, &repo, image.tag, image.changes).await?;
    std::fs::write(&mark, wanted)?;
    Ok(())
}

/// Trees outlive a purge where the caller keeps a cache for several networks.
fn cache_dir(network: &Network) -> PathBuf {
    std::env::var_os("DBC_IMAGE_CACHE").map_or_else(|| network.dir.join("images"), PathBuf::from)
}

/// Where an image's tree is: its recipe's hash says whether it changed, and its program's size and time.
fn tree(cache: &Path, image: &Image, program: Option<&Path>) -> Result<PathBuf> {
    let mut hash = Sha256::new();
    hash.update(BASE);
    hash.update(image.recipe);
    if let Some(program) = program {
        let about = std::fs::metadata(program)
            .with_context(|| format!("{} is not built", program.display()))?;
        let built = about.modified()?.duration_since(std::time::UNIX_EPOCH)?;
        hash.update(format!("{} {}", about.len(), built.as_nanos()));
    }
    let hash = hex::encode(hash.finalize());
    Ok(cache.join(format!("{}-{}.tar", image.name.replace('/', "-"), &hash[..12])))
}

/// Runs the recipe: a script of ours with the base's tree, the file to make and the program, if it wants one, as
/// its arguments.
async fn build(
    image: &Image,
    cache: &Path,
    tree_file: &Path,
    program: Option<&Path>,
    log: &Path,
) -> Result<()> {
    let base = tree(cache, &IMAGES[0], None)?;
    let part = tree_file.with_extension("part");
    let script = cache.join(format!("{}.sh", image.name.replace('/', "-")));
    std::fs::write(&script, image.recipe)?;
    let output = std::fs::OpenOptions::new().create(true).append(true).open(log)?;
    let status = Command::new("/bin/sh")
        .arg("-eu")
        .arg(&script)
        .arg(&base)
        .arg(&part)
        .args(program)
        .env("PATH", SYSTEM_PATH)
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        .status()
        .await
        .context("cannot run the recipe")?;
    anyhow::ensure!(status.success(), "building {} failed; see {}", image.name, log.display());
    std::fs::rename(&part, tree_file)?;
    Ok(())
}
