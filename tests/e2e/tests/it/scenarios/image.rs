//! Images as people bring them: without a shell, with a user of their own. For another processor:
//! crates/host/tests/it/pull.rs, as this machine's engine makes none.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use dbc_testkit::Network;
use tokio::process::Command;

/// A statically linked program that is many, by the name that it is called by (Debian's busybox-static).
const BUSYBOX: &str = "/bin/busybox";

/// Makes an image of one program under these names and publishes it.
async fn publish(network: &Network, tag: &str, programs: &[&str], change: &str) -> Result<String> {
    let folder = tempfile::tempdir()?;
    let root = folder.path().join("root");
    for folder in ["bin", "etc", "tmp"] {
        std::fs::create_dir_all(root.join(folder))?;
    }
    let busybox = [BUSYBOX, "/usr/bin/busybox"].into_iter().find(|path| Path::new(path).exists());
    let busybox = busybox.context("apt-get install busybox-static")?;
    for program in programs {
        std::fs::copy(busybox, root.join("bin").join(program))?;
    }
    std::fs::write(root.join("etc/passwd"), "nobody:x:65534:65534:nobody:/tmp:/bin/sh\n")?;
    let tar = folder.path().join("image.tar");
    run(Command::new("tar").arg("-C").arg(&root).arg("-cf").arg(&tar).arg(".")).await?;
    let status = network.user("owner").json(&["status"]).await?;
    let reference = format!("127.0.0.1:{}/test/{tag}:1", status["network"]["registry_port"]);
    let sleep = "CMD [\"/bin/sleep\",\"100000\"]";
    let mut import = Command::new("docker");
    import.args(["import", "--change", sleep]);
    if !change.is_empty() {
        import.args(["--change", change]);
    }
    run(import.arg(&tar).arg(&reference)).await?;
    run(Command::new("docker").args(["push", "-q", &reference])).await?;
    run(Command::new("docker").args(["rmi", &reference])).await?;
    Ok(reference)
}

async fn run(command: &mut Command) -> Result<()> {
    let output = command.output().await?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

async fn rent(network: &Network, image: &str) -> Result<String> {
    let words = ["rent", "--image", image, "--term", "1h", "--disk", "1"];
    let lease = network.user("owner").json(&words).await?;
    Ok(lease["id"].as_u64().context("the lease has a number")?.to_string())
}

/// Rule 27: commands run in an image that has no shell, and a terminal gets the small one.
pub async fn an_image_without_a_shell_is_entered_all_the_same(network: &Network) -> Result<()> {
    let owner = network.user("owner");
    let image = publish(network, "bare", &["sleep", "cat"], "").await?;
    let lease = rent(network, &image).await?;
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
    let names = ["sleep", "sh", "id", "touch"];
    let image = publish(network, "nobody", &names, "USER nobody").await?;
    let lease = rent(network, &image).await?;
    let id = owner.ok(&["exec", &lease, "--", "id", "-u"]).await?;
    ensure!(id == "65534\n", "{id}");
    let write = owner.run(&["exec", &lease, "--", "touch", "/etc/mine"]).await?;
    ensure!(write.code != 0, "nobody writes where root alone may: {write:?}");
    owner.ok(&["lease", "end", &lease]).await?;
    Ok(())
}
