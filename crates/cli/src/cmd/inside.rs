//! What is done inside a workload: terminal, commands, output, files, ports.

use std::{io::Write as _, time::Duration};

use anyhow::{Context as _, Result};
use dbc_sdk::{Agent, CopyProgress, ErrorCode, LogStream};
use tokio::{
    io::{AsyncWriteExt as _, copy_bidirectional},
    net::TcpListener,
    process::Command,
};

use super::agent;
use crate::{
    args::{Copy, Exec, Logs, Ports, Ssh, Target},
    context::Context,
    failure::coded,
    print,
};

/// Connections that one `dbc ports --forward` carries at once.
const FORWARDS_MAX: usize = 64;

/// Runs one command; its exit status is ours.
pub async fn exec(context: &Context, args: Exec) -> Result<u8> {
    let market = context.market()?;
    let agent = agent(&market, &args.target).await?;
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let json = context.json;
    let status = agent
        .exec(&args.command, |stream, bytes| match (json, stream) {
            (true, LogStream::Stdout) => out.extend_from_slice(bytes),
            (true, LogStream::Stderr) => err.extend_from_slice(bytes),
            (false, LogStream::Stdout) => print::raw(bytes),
            (false, LogStream::Stderr) => print::raw_error(bytes),
        })
        .await?;
    if json {
        print::json(&serde_json::json!({
            "status": status,
            "stdout": String::from_utf8_lossy(&out),
            "stderr": String::from_utf8_lossy(&err),
        }));
    }
    market.close().await;
    Ok(status.shell_code())
}

/// Opens a terminal with OpenSSH over the tunnel. The host key is the one that the machine vouches for.
pub async fn ssh(context: &Context, args: Ssh) -> Result<u8> {
    let market = context.market()?;
    let agent = agent(&market, &args.target).await?;
    let (stream, host_key) = agent.ssh_stream().await?;
    drop(stream);
    market.close().await;

    let name = format!("lease-{}", args.target.lease);
    let mut known_hosts = tempfile::NamedTempFile::new().context("cannot make a temporary file")?;
    writeln!(known_hosts, "{name} {host_key}")?;
    let program = std::env::current_exe().context("path of this program")?;
    let mut proxy = format!("{} proxy {}", quoted(&program.to_string_lossy()), args.target.lease);
    if let Some(grant) = &args.target.grant {
        proxy += &format!(" --grant {}", quoted(grant));
    }
    let mut command = Command::new("ssh");
    command
        .arg("-o")
        .arg(format!("ProxyCommand={proxy}"))
        .arg("-o")
        .arg(format!("UserKnownHostsFile={}", known_hosts.path().display()))
        .args(["-o", "StrictHostKeyChecking=yes", "-o", "LogLevel=ERROR"])
        .args(["-o", "PreferredAuthentications=none", "-l", "dbc"])
        .env("DBC_HOME", &context.home)
        .env("DBC_NET_DIR", &context.net_dir);
    // Options come before the host, the command after it. The user's come first: ssh takes the first word.
    let (options, rest) = split_options(&args.arguments);
    command.args(options);
    // The cipher that processors help with; the tunnel below has one of its own.
    command.args(["-o", "Ciphers=^aes256-gcm@openssh.com"]).arg(&name).args(rest);
    let status = command.status().await;
    let status = status.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => coded(
            ErrorCode::HostUnavailable,
            "the OpenSSH client is not installed (apt-get install openssh-client); `dbc exec` works without it",
        ),
        _ => error.into(),
    })?;
    Ok(u8::try_from(status.code().unwrap_or(255)).unwrap_or(255))
}

/// Where ssh's own options end: flags, and the word after a flag that takes one.
fn split_options(words: &[String]) -> (&[String], &[String]) {
    const WITH_VALUE: &str = "BbcDEeFIiJLlmOoPpQRSWw";
    let mut at = 0;
    while let Some(flag) = words.get(at).and_then(|word| word.strip_prefix('-')) {
        let takes_value = flag.len() == 1 && WITH_VALUE.contains(flag);
        at += if takes_value { 2 } else { 1 };
    }
    words.split_at(at.min(words.len()))
}

/// ssh hands its ProxyCommand to a shell; single quotes keep every character as it is.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''").replace('%', "%%"))
}

/// Carries the SSH protocol between standard input and output and the workload.
pub async fn proxy(context: &Context, target: Target) -> Result<u8> {
    let market = context.market()?;
    let agent = agent(&market, &target).await?;
    let (stream, _) = agent.ssh_stream().await?;
    let (mut from, mut to) = tokio::io::split(stream);
    let mut input = tokio::io::stdin();
    let mut output = tokio::io::stdout();
    let upwards = async {
        let _ = tokio::io::copy(&mut input, &mut to).await;
        let _ = to.shutdown().await;
        std::future::pending::<()>().await;
    };
    let downwards = async {
        let copied = tokio::io::copy(&mut from, &mut output).await;
        let _ = output.flush().await;
        copied
    };
    tokio::select! {
        () = upwards => {}
        copied = downwards => { copied.context("the tunnel broke")?; }
    }
    market.close().await;
    // Standard input may still block a thread of the runtime; there is nothing left to wait for.
    std::process::exit(0);
}

/// Shows output.
pub async fn logs(context: &Context, args: Logs) -> Result<u8> {
    let market = context.market()?;
    let agent = agent(&market, &args.target).await?;
    let mut follow = agent.logs(args.tail.min(10_000), args.follow).await?;
    while let Some((stream, text)) = follow.next().await? {
        match (context.json, stream) {
            (true, _) => {
                let line = serde_json::json!({"stream": stream, "text": text});
                print::line(&line.to_string());
            }
            (false, LogStream::Stdout) => print::raw(text.as_bytes()),
            (false, LogStream::Stderr) => print::raw_error(text.as_bytes()),
        }
    }
    market.close().await;
    Ok(0)
}

/// Copies files.
pub async fn copy(context: &Context, args: Copy) -> Result<u8> {
    let (from, to) = (side(&args.from), side(&args.to));
    let market = context.market()?;
    let mut step = print::Step::begin("copy", context.quiet());
    let mut show = |at: &CopyProgress| {
        step.say(&format!("{} of {} MiB, {}", at.bytes >> 20, at.bytes_total >> 20, at.file));
    };
    let done = match (from, to) {
        (None, Some((lease, path))) => {
            let agent = agent(&market, &Target { lease, grant: args.grant }).await?;
            agent.upload(args.from.as_ref(), path, &mut show).await?
        }
        (Some((lease, path)), None) => {
            let agent = agent(&market, &Target { lease, grant: args.grant }).await?;
            agent.download(path, args.to.as_ref(), &mut show).await?
        }
        _ => {
            return Err(coded(
                ErrorCode::InvalidInput,
                "one side must be LEASE:PATH and the other a local path, e.g. dbc cp ./data 1:/root/data",
            ));
        }
    };
    step.done(&format!("{} files, {} bytes", done.files, done.bytes));
    if done.skipped > 0 && !context.json {
        print::note(&format!("{} links and special files were left out", done.skipped));
    }
    if context.json {
        print::json(&serde_json::json!({
            "files": done.files, "bytes": done.bytes, "skipped": done.skipped,
        }));
    }
    market.close().await;
    Ok(0)
}

/// `LEASE:PATH`; everything else is local.
fn side(text: &str) -> Option<(u64, &str)> {
    let (lease, path) = text.split_once(':')?;
    Some((lease.parse().ok()?, path))
}

/// Lists ports or brings one here.
pub async fn ports(context: &Context, args: Ports) -> Result<u8> {
    let market = context.market()?;
    let agent = agent(&market, &args.target).await?;
    let status = agent.status().await?;
    let Some(wanted) = &args.forward else {
        print::data(context.json, &status.ports, || match status.ports.is_empty() {
            true => "no named ports; any port can be forwarded by number".into(),
            false => {
                let rows =
                    status.ports.iter().map(|port| vec![port.name.clone(), port.port.to_string()]);
                print::table(&["NAME", "PORT"], &rows.collect::<Vec<_>>())
            }
        });
        return Ok(0);
    };
    let named = status.ports.iter().find(|port| port.name == *wanted).map(|port| port.port);
    let port = named.or_else(|| wanted.parse().ok()).ok_or_else(|| {
        coded(
            ErrorCode::PortClosed,
            format!("{wanted:?} is no port of lease {}", args.target.lease),
        )
    })?;
    // One connection before anybody waits for an answer that cannot come.
    drop(agent.tcp_stream(port).await?);
    let listener = TcpListener::bind(("127.0.0.1", args.local))
        .await
        .with_context(|| format!("cannot listen on port {} of this machine", args.local))?;
    let local = listener.local_addr()?;
    print::data(
        context.json,
        &serde_json::json!({"local": local.to_string(), "port": port, "url": format!("http://{local}")}),
        || format!("http://{local} → port {port} of lease {}; Ctrl-C ends it", args.target.lease),
    );
    forward(listener, agent, port).await
}

async fn forward(listener: TcpListener, agent: Agent, port: u16) -> Result<u8> {
    let room = std::sync::Arc::new(tokio::sync::Semaphore::new(FORWARDS_MAX));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = tokio::signal::ctrl_c() => return Ok(0),
        };
        let Ok((mut client, _)) = accepted else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let Ok(permit) = room.clone().try_acquire_owned() else { continue };
        let agent = agent.clone();
        tokio::spawn(async move {
            let _permit = permit;
            match agent.tcp_stream(port).await {
                Ok(mut stream) => {
                    let _ = copy_bidirectional(&mut client, &mut stream).await;
                }
                Err(error) => print::note(&format!("port {port}: {error}")),
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_ssh_come_before_the_host() {
        let words: Vec<String> =
            ["-v", "-L", "1:localhost:2", "ls", "-l"].iter().map(ToString::to_string).collect();
        let (options, rest) = split_options(&words);
        assert_eq!(options, &words[..3]);
        assert_eq!(rest, &words[3..]);
    }

    #[test]
    fn a_side_is_remote_only_with_a_lease() {
        assert_eq!(side("12:/root/x"), Some((12, "/root/x")));
        assert_eq!(side("./12:x"), None);
        assert_eq!(side("plain"), None);
    }

    #[test]
    fn quoting_survives_quotes() {
        assert_eq!(quoted("a'b%"), r"'a'\''b%%'");
    }
}
