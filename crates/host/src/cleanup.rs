//! Taking everything of one network away from a host: found by label, name and place, never by
//! guess, so that nothing of anybody else is touched. [`inventory`] lists it, [`purge`] removes it in
//! an order in which each step can succeed. The engine's settings are undone apart from this, by
//! [`crate::engine::settings::unregister`], and packages stay.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

use bollard::query_parameters::{
    ListContainersOptions, ListImagesOptions, ListNetworksOptions, RemoveContainerOptions,
    RemoveImageOptions,
};

use crate::{
    Cause,
    backend::{empty_image, is_status, of_network},
    engine::Engine,
    execute::execute,
    ids::NetworkId,
    mounts::{loops, mount_at, mounts},
    pool::{PoolConfig, PoolDisk, delete, detach, unmount},
    rundir,
};

/// What of whom to look for.
#[derive(Debug, Clone)]
pub struct Scope {
    /// The network; things of other networks stay.
    pub network: NetworkId,
    /// The engine; `None` when none runs, and then its containers and networks are not looked for.
    pub engine: Option<Engine>,
    /// The pool. Its file goes too, unless roots of another network lie in it.
    pub pool: Option<PoolConfig>,
    /// Folder of all run folders ([`rundir`]).
    pub run_dir: Option<PathBuf>,
    /// Folder that tells the runtime about roots.
    pub roots_dir: Option<PathBuf>,
}

/// A thing of ours on a host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Leftover {
    /// A container, by name.
    Container(String),
    /// A network of Docker, by name.
    Network(String),
    /// The empty image, by name.
    Image(String),
    /// A bridge of the kernel that Docker may not know any more.
    Bridge(String),
    /// A table of nftables (family `inet`).
    Table(String),
    /// A run folder.
    RunDir(PathBuf),
    /// What the runtime is told about a container.
    RootFile(PathBuf),
    /// A note about a root of the pool.
    Note(PathBuf),
    /// A subvolume of the pool.
    Subvolume(PathBuf),
    /// The pool's mount.
    Mount(PathBuf),
    /// A loop device of the pool's file.
    Loop(PathBuf),
    /// The pool's file.
    PoolFile(PathBuf),
}

impl fmt::Display for Leftover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Container(name) => write!(f, "container {name}"),
            Self::Network(name) => write!(f, "Docker network {name}"),
            Self::Image(name) => write!(f, "image {name}"),
            Self::Bridge(name) => write!(f, "bridge {name}"),
            Self::Table(name) => write!(f, "nftables table inet {name}"),
            Self::RunDir(path) => write!(f, "run folder {}", path.display()),
            Self::RootFile(path) => write!(f, "runtime file {}", path.display()),
            Self::Note(path) => write!(f, "note {}", path.display()),
            Self::Subvolume(path) => write!(f, "subvolume {}", path.display()),
            Self::Mount(path) => write!(f, "mount {}", path.display()),
            Self::Loop(path) => write!(f, "loop device {}", path.display()),
            Self::PoolFile(path) => write!(f, "pool file {}", path.display()),
        }
    }
}

/// Why things could not be listed.
#[derive(Debug, thiserror::Error)]
#[error("cannot list {what}")]
pub struct InventoryError {
    what: &'static str,
    #[source]
    source: Cause,
}

/// What [`purge`] did.
#[derive(Debug, Default)]
pub struct Purged {
    /// Removed.
    pub removed: Vec<Leftover>,
    /// Still there, and why.
    pub failed: Vec<(Leftover, Cause)>,
}

/// Everything of the network on this host, in the order in which it can be removed.
pub async fn inventory(scope: &Scope) -> Result<Vec<Leftover>, InventoryError> {
    let mut found = Vec::new();
    if let Some(engine) = &scope.engine {
        in_engine(engine, &scope.network, &mut found)
            .await
            .map_err(|source| InventoryError { what: "things in Docker", source })?;
        // Docker lists in any order. The order of the variants is that of removal.
        found.sort();
    }
    let io = |what| move |error: io::Error| InventoryError { what, source: error.into() };
    bridges(&scope.network, &mut found);
    let table = scope.network.table_name();
    if execute("nft", &["list", "table", "inet", &table]).await.is_ok() {
        found.push(Leftover::Table(table));
    }
    if let Some(dir) = &scope.roots_dir {
        root_files(dir, &scope.network, &mut found);
    }
    if let Some(dir) = &scope.run_dir {
        found.extend(names(dir).into_iter().map(|name| Leftover::RunDir(dir.join(name))));
    }
    if let Some(pool) = &scope.pool {
        in_pool(pool, &scope.network, &mut found).map_err(io("things in the data pool"))?;
    }
    Ok(found)
}

/// Removes everything of the network; goes on after a failure. Called again it does the rest.
pub async fn purge(scope: &Scope) -> Result<Purged, InventoryError> {
    let mut purged = Purged::default();
    for leftover in inventory(scope).await? {
        match remove(scope, &leftover).await {
            Ok(()) => {
                tracing::info!(thing = %leftover, "removed");
                purged.removed.push(leftover);
            }
            Err(error) => purged.failed.push((leftover, error)),
        }
    }
    for dir in [&scope.run_dir, &scope.roots_dir].into_iter().flatten() {
        let _ = fs::remove_dir(dir); // stays when others have something in it
    }
    if let Some(pool) = scope.pool.as_ref().filter(|pool| pool.disk != PoolDisk::Mounted) {
        let _ = fs::remove_dir(&pool.mount);
    }
    Ok(purged)
}

async fn in_engine(
    engine: &Engine,
    network: &NetworkId,
    found: &mut Vec<Leftover>,
) -> Result<(), Cause> {
    let docker = engine.docker();
    let filters = Some(of_network(network));
    let options =
        ListContainersOptions { all: true, filters: filters.clone(), ..Default::default() };
    for container in docker.list_containers(Some(options)).await? {
        let name = container.names.unwrap_or_default().into_iter().next();
        let name = name.map(|name| name.trim_start_matches('/').to_owned()).or(container.id);
        found.extend(name.map(Leftover::Container));
    }
    for listed in docker.list_networks(Some(ListNetworksOptions { filters })).await? {
        found.extend(listed.name.map(Leftover::Network));
    }
    let name = empty_image(network);
    let images = docker.list_images(None::<ListImagesOptions>).await?;
    if images.iter().any(|image| image.repo_tags.contains(&name)) {
        found.push(Leftover::Image(name));
    }
    Ok(())
}

fn bridges(network: &NetworkId, found: &mut Vec<Leftover>) {
    let prefix = network.bridge_prefix();
    for name in names(Path::new("/sys/class/net")) {
        let lease = name.strip_prefix(&prefix);
        let ours =
            lease.is_some_and(|hex| hex.len() == 6 && hex.bytes().all(|b| b.is_ascii_hexdigit()));
        if ours && Path::new("/sys/class/net").join(&name).join("bridge").is_dir() {
            found.push(Leftover::Bridge(name));
        }
    }
}

fn root_files(dir: &Path, network: &NetworkId, found: &mut Vec<Leftover>) {
    for name in names(dir) {
        let path = dir.join(name);
        let of_ours = fs::read_to_string(&path)
            .ok()
            .and_then(|text| serde_json::from_str::<serde_json::Value>(&text).ok())
            .is_some_and(|file| file["network"] == network.as_str());
        if of_ours {
            found.push(Leftover::RootFile(path));
        }
    }
}

fn in_pool(pool: &PoolConfig, network: &NetworkId, found: &mut Vec<Leftover>) -> io::Result<()> {
    let mounted = mount_at(&pool.mount)?.is_some();
    let at = |folder: &str| names(&pool.mount.join(folder)).into_iter();
    let ours = |name: &str| {
        let root = name.split_once('.').map_or(name, |(root, _)| root);
        network.parse_root_name(root).is_some()
    };
    let mut shared = false;
    if mounted || pool.disk == PoolDisk::Mounted {
        for folder in ["snapshots", "roots"] {
            shared |= at(folder).any(|name| !ours(&name));
            let mine = at(folder).filter(|name| ours(name));
            found.extend(mine.map(|name| Leftover::Subvolume(pool.mount.join(folder).join(name))));
        }
        let notes = at("shared").filter(|name| ours(name));
        found.extend(notes.map(|name| Leftover::Note(pool.mount.join("shared").join(name))));
        if !shared {
            for folder in ["tmp", "images"] {
                let all = at(folder).map(|name| pool.mount.join(folder).join(name));
                found.extend(all.map(Leftover::Subvolume));
            }
        }
    }
    if shared || pool.disk == PoolDisk::Mounted {
        return Ok(());
    }
    if mounted {
        found.push(Leftover::Mount(pool.mount.clone()));
    }
    if let PoolDisk::File { path, .. } = &pool.disk {
        let real = fs::canonicalize(path).unwrap_or_else(|_| path.clone());
        let devices = loops()?.into_iter().filter(|found| found.file == real);
        found.extend(devices.map(|found| Leftover::Loop(found.device)));
        if real.exists() {
            found.push(Leftover::PoolFile(real));
        }
    }
    Ok(())
}

async fn remove(scope: &Scope, leftover: &Leftover) -> Result<(), Cause> {
    match leftover {
        Leftover::Container(name) => {
            let docker = scope.engine.as_ref().ok_or("no engine")?.docker();
            let options = RemoveContainerOptions { force: true, v: true, ..Default::default() };
            gone(docker.remove_container(name, Some(options)).await)
        }
        Leftover::Network(name) => {
            let docker = scope.engine.as_ref().ok_or("no engine")?.docker();
            gone(docker.remove_network(name).await)
        }
        Leftover::Image(name) => {
            let docker = scope.engine.as_ref().ok_or("no engine")?.docker();
            gone(docker.remove_image(name, None::<RemoveImageOptions>, None).await.map(drop))
        }
        Leftover::Bridge(name) if !Path::new("/sys/class/net").join(name).exists() => Ok(()),
        Leftover::Bridge(name) => tool("ip", &["link", "delete", name]).await,
        Leftover::Table(name) => tool("nft", &["delete", "table", "inet", name]).await,
        Leftover::RunDir(path) => Ok(rundir::remove(path)?),
        Leftover::RootFile(path) | Leftover::PoolFile(path) | Leftover::Note(path) => {
            remove_file(path)
        }
        Leftover::Subvolume(path) => Ok(delete(path).await?),
        Leftover::Mount(path) => Ok(unmount(path)?),
        Leftover::Loop(device) => Ok(detach(device)?),
    }
}

fn remove_file(path: &Path) -> Result<(), Cause> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

fn gone(result: Result<(), bollard::errors::Error>) -> Result<(), Cause> {
    match result {
        Err(error) if !is_status(&error, 404) => Err(error.into()),
        _ => Ok(()),
    }
}

async fn tool(program: &str, args: &[&str]) -> Result<(), Cause> {
    execute(program, args).await.map(drop).map_err(Into::into)
}

/// Names in a folder, sorted; none when it is not there.
fn names(dir: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

/// Whether nothing is mounted below this folder; a purge that left a mount must not be followed by
/// the removal of the folder.
pub fn is_free_of_mounts(dir: &Path) -> io::Result<bool> {
    let dir = fs::canonicalize(dir)?;
    Ok(!mounts()?.iter().any(|mount| mount.target.starts_with(&dir)))
}
