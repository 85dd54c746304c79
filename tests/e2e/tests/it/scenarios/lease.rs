//! What every renter does.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use dbc_testkit::{Dbc, Network, wait_for};
use serde_json::Value;

/// Rents the base image and gives the lease's number as text.
pub async fn rent(user: &Dbc, more: &[&str]) -> Result<String> {
    let mut words = vec!["rent", "--template", "base", "--term", "1h", "--disk", "1"];
    words.extend_from_slice(more);
    words.push("--json");
    // After an agent was killed, its machine may be silent until the watchers hear it again.
    let lease = wait_for("a machine that is heard", Duration::from_secs(180), || async {
        let output = user.run(&words).await?;
        if output.code != 0 && output.stdout.contains("is silent") {
            return Ok(None);
        }
        ensure!(output.code == 0, "dbc rent: {output:?}");
        Ok(Some(serde_json::from_str::<Value>(&output.stdout)?))
    })
    .await?;
    Ok(lease["id"].as_u64().context("the lease has a number")?.to_string())
}

/// Ends every lease of the owner, so that the next scenario finds the machine free.
pub async fn end_all(network: &Network) {
    end_all_of(&network.user("owner"), "default").await;
}

/// The same, of one wallet.
pub async fn end_all_of(user: &Dbc, wallet: &str) {
    let list = ["lease", "list", "--wallet", wallet];
    let Ok(Value::Array(leases)) = user.json(&list).await else { return };
    for lease in leases {
        let id = lease["id"].to_string();
        let _ = user.run(&["lease", "end", &id, "--wallet", wallet]).await;
    }
}

pub fn units(value: &Value) -> Result<u128> {
    value.as_str().context("an amount is text")?.parse().context("an amount is a number of units")
}

/// C4, D25: from the order to the last unit.
pub async fn life_of_a_lease_and_every_unit_accounted_for(network: &Network) -> Result<()> {
    let owner = network.user("owner");
    let machines = owner.json(&["machines"]).await?;
    ensure!(machines.as_array().is_some_and(|list| list.len() == 1), "one machine: {machines}");
    let lease = rent(&owner, &[]).await?;

    let output =
        owner.run(&["exec", &lease, "--", "sh", "-c", "echo out; echo err >&2; exit 7"]).await?;
    ensure!(output.code == 7, "the exit status passes: {output:?}");
    ensure!(output.stdout == "out\n" && output.stderr.contains("err"), "both streams: {output:?}");
    let ssh = owner.run(&["ssh", &lease, "--", "cat", "/etc/debian_version"]).await?;
    ensure!(ssh.code == 0 && ssh.stdout.starts_with("12"), "OpenSSH gets in: {ssh:?}");

    let show = owner.json(&["lease", "show", &lease]).await?;
    ensure!(
        show["lease"]["state"]["state"] == "running" || show["lease"]["state"] == "running",
        "{show}"
    );
    owner.ok(&["lease", "extend", &lease, "--by", "30m"]).await?;

    let closing = owner.json(&["lease", "end", &lease]).await?;
    let sum = units(&closing["paid"])?
        + units(&closing["fees"])?
        + units(&closing["refund"])?
        + units(&closing["open"])?;
    ensure!(
        sum == units(&closing["deposited"])?,
        "provider's gain + refund + fees = deposit: {closing}"
    );
    ensure!(
        units(&closing["paid"])? > 0 && units(&closing["refund"])? > 0,
        "rent streamed: {closing}"
    );
    let again = owner.run(&["lease", "end", &lease]).await?;
    ensure!(again.code == 1, "a closed lease is not closed twice: {again:?}");
    Ok(())
}

/// Files by SFTP, ports by forward (N1, D37).
pub async fn files_and_ports_go_through_the_tunnel(network: &Network) -> Result<()> {
    let owner = network.user("owner");
    let lease = rent(&owner, &[]).await?;
    let folder = tempfile::tempdir()?;
    let there = folder.path().join("there.bin");
    let back = folder.path().join("back.bin");
    let data: Vec<u8> = (0..3_000_000u32).map(|n| (n % 251) as u8).collect();
    std::fs::write(&there, &data)?;
    let remote = format!("{lease}:/root/there.bin");
    owner.ok(&["cp", &there.to_string_lossy(), &remote]).await?;
    owner.ok(&["cp", &remote, &back.to_string_lossy()]).await?;
    ensure!(std::fs::read(&back)? == data, "the file came back as it went");

    // A listener inside, on its loopback alone, without any program but the shell's own.
    let serve = "use Socket; socket(S,PF_INET,SOCK_STREAM,6); setsockopt(S,SOL_SOCKET,SO_REUSEADDR,1); bind(S,sockaddr_in(8080,inet_aton('127.0.0.1'))); listen(S,5); while(accept(C,S)){syswrite(C,'hello from inside');close(C)}";
    let start = format!("nohup perl -e \"{serve}\" >/dev/null 2>&1 & sleep 1");
    owner.ok(&["exec", &lease, "--", "sh", "-c", &start]).await?;
    let mut forward =
        owner.command(&["ports", &lease, "--forward", "8080", "--local", "0", "--json"]).spawn()?;
    let mut stdout = forward.stdout.take().context("its output")?;
    let local = tokio::time::timeout(Duration::from_secs(60), first_json(&mut stdout)).await??;
    let local = local["local"].as_str().context("an address")?.to_string();
    let mut stream = tokio::net::TcpStream::connect(&local).await?;
    let mut text = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut stream, &mut text).await?;
    ensure!(text == "hello from inside", "the port answers: {text:?}");
    forward.kill().await?;
    owner.ok(&["lease", "end", &lease]).await?;
    Ok(())
}

async fn first_json(from: &mut tokio::process::ChildStdout) -> Result<Value> {
    let mut text = Vec::new();
    loop {
        let mut byte = [0; 1];
        let read = tokio::io::AsyncReadExt::read(from, &mut byte).await?;
        ensure!(read == 1, "it ended after {:?}", String::from_utf8_lossy(&text));
        text.push(byte[0]);
        if let Ok(value) = serde_json::from_slice(&text) {
            return Ok(value);
        }
    }
}

/// The whole root file system survives (design §4), under its quota (rules 16 and 17).
pub async fn what_a_renter_installed_survives_stop_and_start(network: &Network) -> Result<()> {
    let owner = network.user("owner");
    let lease = rent(&owner, &[]).await?;
    owner
        .ok(&[
            "exec",
            &lease,
            "--",
            "sh",
            "-c",
            "echo kept > /opt/mine; echo kept > /usr/local/bin/tool",
        ])
        .await?;
    let full = owner
        .run(&[
            "exec",
            &lease,
            "--",
            "sh",
            "-c",
            "dd if=/dev/zero of=/big bs=1M count=2000; status=$?; rm -f /big; exit $status",
        ])
        .await?;
    ensure!(full.code != 0, "a quota of 1 GiB stops 2 GB: {full:?}");
    owner.ok(&["lease", "stop", &lease]).await?;
    wait_for("the workload to stop", Duration::from_secs(60), || async {
        let show = owner.json(&["lease", "show", &lease]).await?;
        Ok((show["workload"]["phase"] == "stopped").then_some(()))
    })
    .await?;
    owner.ok(&["lease", "start", &lease]).await?;
    wait_for("the workload to run", Duration::from_secs(120), || async {
        let show = owner.json(&["lease", "show", &lease]).await?;
        Ok((show["workload"]["phase"] == "running").then_some(()))
    })
    .await?;
    let kept = owner.ok(&["exec", &lease, "--", "cat", "/opt/mine", "/usr/local/bin/tool"]).await?;
    ensure!(kept == "kept\nkept\n", "files outside any volume survive: {kept:?}");
    owner.ok(&["lease", "end", &lease]).await?;
    Ok(())
}
