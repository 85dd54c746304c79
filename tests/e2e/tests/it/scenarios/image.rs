//! Images as people bring them: without a shell, with a user of their own.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use dbc_testkit::Network;
use serde_json::Value;
use tokio::process::Command;

/// A statically linked program that is many, by the name that it is called by (Debian's busybox-static).
const BUSYBOX: &str = "/bin/busybox";

/// What an image of these tests has.
#[derive(Default)]
pub struct Recipe<'a> {
    /// Names under which its one program is there.
    pub programs: &'a [&'a str],
    /// A line of a Dockerfile.
    pub change: &'a str,
    /// Another processor than this machine's.
    pub architecture: &'a str,
    /// Bytes of a file that does not compress.
    pub noise: usize,
}

/// An image in the network's registry.
pub struct Published {
    /// What to rent it by.
    pub reference: String,
    /// Digest of its description.
    pub id: String,
}

/// Bytes that do not compress.
fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    (0..bytes / 8).flat_map(|_| next()).collect()
}

/// Makes an image and publishes it.
pub async fn publish(network: &Network, tag: &str, recipe: &Recipe<'_>) -> Result<Published> {
    let folder = tempfile::tempdir()?;
    let root = folder.path().join("root");
    for folder in ["bin", "etc", "tmp"] {
        std::fs::create_dir_all(root.join(folder))?;
    }
    let busybox = [BUSYBOX, "/usr/bin/busybox"].into_iter().find(|path| Path::new(path).exists());
    let busybox = busybox.context("apt-get install busybox-static")?;
    for program in recipe.programs {
        std::fs::copy(busybox, root.join("bin").join(program))?;
    }
    std::fs::write(root.join("etc/passwd"), "nobody:x:65534:65534:nobody:/tmp:/bin/sh\n")?;
    if recipe.noise > 0 {
        std::fs::write(root.join("noise"), noise(recipe.noise))?;
    }
    let tar = folder.path().join("image.tar");
    run(Command::new("tar").arg("-C").arg(&root).arg("-cf").arg(&tar).arg(".")).await?;
    let status = network.user("owner").json(&["status"]).await?;
    let reference = format!("127.0.0.1:{}/test/{tag}:1", status["network"]["registry_port"]);
    let sleep = "CMD [\"/bin/sleep\",\"100000\"]";
    let mut import = Command::new("docker");
    import.args(["import", "--change", sleep]);
    if !recipe.change.is_empty() {
        import.args(["--change", recipe.change]);
    }
    run(import.arg(&tar).arg(&reference)).await?;
    if !recipe.architecture.is_empty() {
        relabel(&reference, recipe.architecture, folder.path()).await?;
    }
    run(Command::new("docker").args(["push", "-q", &reference])).await?;
    let words = ["image", "inspect", "--format", "{{.Id}}", &reference];
    let id = run(Command::new("docker").args(words)).await?.trim().to_owned();
    run(Command::new("docker").args(["rmi", &reference])).await?;
    Ok(Published { reference, id })
}

/// Makes the image one for another processor: engines of some age import for their own alone.
async fn relabel(reference: &str, architecture: &str, folder: &Path) -> Result<()> {
    let (tar, parts) = (folder.join("saved.tar"), folder.join("saved"));
    std::fs::create_dir(&parts)?;
    run(Command::new("docker").args(["save", "-o"]).arg(&tar).arg(reference)).await?;
    run(Command::new("tar").arg("-C").arg(&parts).arg("-xf").arg(&tar)).await?;
    let read =
        |path: &Path| -> Result<Value> { Ok(serde_json::from_slice(&std::fs::read(path)?)?) };
    let mut manifest = read(&parts.join("manifest.json"))?;
    let config = manifest[0]["Config"].as_str().context("its configuration")?.to_owned();
    let mut found = read(&parts.join(&config))?;
    found["architecture"] = architecture.into();
    // Under a name of its own: the old one is the hash of what was in it.
    manifest[0]["Config"] = "relabelled.json".into();
    manifest[0].as_object_mut().context("an entry")?.remove("LayerSources");
    std::fs::write(parts.join("relabelled.json"), serde_json::to_vec(&found)?)?;
    std::fs::write(parts.join("manifest.json"), serde_json::to_vec(&manifest)?)?;
    run(Command::new("tar").arg("-C").arg(&parts).arg("-cf").arg(&tar).arg(".")).await?;
    run(Command::new("docker").args(["rmi", reference])).await?;
    run(Command::new("docker").args(["load", "-q", "-i"]).arg(&tar)).await.map(drop)
}

async fn run(command: &mut Command) -> Result<String> {
    let output = command.output().await?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

async fn rent(network: &Network, image: &str) -> Result<String> {
    let words = ["rent", "--image", image, "--term", "1h", "--disk", "1"];
    let lease = network.user("owner").json(&words).await?;
    Ok(lease["id"].as_u64().context("the lease has a number")?.to_string())
}

/// Rule 27: commands run in an image that has no shell, and a terminal gets the small one.
pub async fn an_image_without_a_shell_is_entered_all_the_same(network: &Network) -> Result<()> {
    let owner = network.user("owner");
    let recipe = Recipe { programs: &["sleep", "cat"], ..Recipe::default() };
    let image = publish(network, "bare", &recipe).await?;
    let lease = rent(network, &image.reference).await?;
    let output = owner.run(&["exec", &lease, "--", "/bin/cat", "/etc/passwd"]).await?;
    ensure!(output.code == 0 && output.stdout.contains("nobody"), "{output:?}");
    let output = owner.run(&["ssh", &lease, "--", "echo", "hello"]).await?;
    ensure!(output.code == 0 && output.stdout == "hello\n", "{output:?}");
    let missing = owner.run(&["exec", &lease, "--", "/bin/nothing"]).await?;
    ensure!(missing.code == 127 && missing.stderr.contains("nothing"), "{missing:?}");
    owner.ok(&["lease", "end", &lease]).await?;
    Ok(())
}

/// Whoever the image names runs its programs, commands by SSH included.
pub async fn an_image_with_user_nobody_runs_as_nobody(network: &Network) -> Result<()> {
    let owner = network.user("owner");
    let programs = &["sleep", "sh", "id", "touch"];
    let recipe = Recipe { programs, change: "USER nobody", ..Recipe::default() };
    let image = publish(network, "nobody", &recipe).await?;
    let lease = rent(network, &image.reference).await?;
    let id = owner.ok(&["exec", &lease, "--", "id", "-u"]).await?;
    ensure!(id == "65534\n", "{id}");
    let write = owner.run(&["exec", &lease, "--", "touch", "/etc/mine"]).await?;
    ensure!(write.code != 0, "nobody writes where root alone may: {write:?}");
    owner.ok(&["lease", "end", &lease]).await?;
    Ok(())
}
