//! Commands, files, forwards, verbs and bounds.

use std::{
    io::Write,
    path::Path,
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant},
};

use dbc_agent_api::Verb;
use russh::{ChannelMsg, ChannelReadHalf, Disconnect, client, keys::PublicKeyOrCertificate};
use sha2::{Digest, Sha256};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::{sleep, timeout},
};

use super::support::{Lease, PATIENCE, finish, text, verbs};

fn noise(bytes: usize) -> Vec<u8> {
    (0..bytes as u64).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_give_their_output_and_status() {
    let lease = Lease::start().await;
    for status in [0, 1, 42, 255] {
        let line = format!("echo out; echo err >&2; exit {status}");
        let output = lease.ssh(&[], &line).await;
        assert_eq!(output.status.code(), Some(status));
        assert_eq!((text(&output.stdout), text(&output.stderr)), ("out\n".into(), "err\n".into()));
    }
    let output = lease.ssh(&[], "head -c 3000000 /dev/zero; exit 5").await;
    assert_eq!((output.stdout.len(), output.status.code()), (3_000_000, Some(5)));
    let output = lease.ssh(&[], "kill -KILL $$").await;
    assert_eq!(output.status.code(), Some(255)); // as OpenSSH says of an exit-signal
    let output = lease
        .ssh(&["-o", "SetEnv=LANG=fr_FR.UTF-8 LC_ALL=C IFS=x"], "echo $LANG $LC_ALL $IFS")
        .await;
    assert_eq!(text(&output.stdout), "fr_FR.UTF-8 C\n");
    assert!(lease.init().await.list().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn much_goes_through_a_program_both_ways_at_once() {
    let lease = Lease::start().await;
    let data = noise(8 << 20);
    let mut program = lease.client("ssh");
    program.args(["127.0.0.1", "--", "cat"]).stdin(Stdio::piped());
    let mut child = program.spawn().unwrap();
    let (mut input, sent) = (child.stdin.take().unwrap(), data.clone());
    std::thread::spawn(move || input.write_all(&sent).unwrap());
    let output = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap());
    let output = timeout(PATIENCE, output).await.expect("stuck").unwrap();
    assert!(output.stdout == data);
    assert_eq!(output.status.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_mebibytes_by_sftp_there_and_back() {
    let lease = Lease::start().await;
    let (near, far, back) = (
        lease.dir.path().join("near"),
        lease.dir.path().join("far"),
        lease.dir.path().join("back"),
    );
    let data = noise(50 << 20);
    std::fs::write(&near, &data).unwrap();
    let batch = lease.dir.path().join("batch");
    let lines = format!(
        "put {} {}\nget {} {}\nls -l {}\nrename {} {}.2\nmkdir {}.d\n",
        near.display(),
        far.display(),
        far.display(),
        back.display(),
        lease.dir.path().display(),
        far.display(),
        far.display(),
        far.display(),
    );
    std::fs::write(&batch, lines).unwrap();
    let mut program = lease.client("sftp");
    program.arg("-b").arg(&batch).arg("127.0.0.1");
    let started = Instant::now();
    let output = finish(program).await;
    assert!(output.status.success(), "{}", text(&output.stderr));
    println!("SFTP: 100 MiB in {:?}", started.elapsed());
    assert_eq!(Sha256::digest(std::fs::read(&back).unwrap()), Sha256::digest(&data));
    assert!(lease.dir.path().join("far.2").exists() && lease.dir.path().join("far.d").is_dir());
    assert!(text(&output.stdout).contains("known_hosts"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn folders_by_scp() {
    let lease = Lease::start().await;
    let tree = lease.dir.path().join("tree");
    std::fs::create_dir_all(tree.join("a/b")).unwrap();
    std::fs::write(tree.join("a/b/file"), noise(100_000)).unwrap();
    let mut program = lease.client("scp");
    let to = format!("127.0.0.1:{}", lease.dir.path().join("copy").display());
    program.args(["-r", "-p"]).arg(&tree).arg(to);
    let output = finish(program).await;
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(std::fs::read(lease.dir.path().join("copy/a/b/file")).unwrap() == noise(100_000));
    // A relative path is below the home directory.
    let mut program = lease.client("scp");
    program.args(["127.0.0.1:tree/a/b/file"]).arg(lease.dir.path().join("home-file"));
    assert!(finish(program).await.status.success());
}

/// A service that sends back what it gets.
async fn echo() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut read, mut write) = stream.split();
                let _ = tokio::io::copy(&mut read, &mut write).await;
            });
        }
    });
    port
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_is_forwarded() {
    let lease = Lease::start().await;
    let service = echo().await;
    let near = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let mut program = lease.client("ssh");
    program.args(["-N", "-o", "ExitOnForwardFailure=yes"]);
    program.args(["-L", &format!("127.0.0.1:{near}:localhost:{service}"), "127.0.0.1"]);
    let mut ssh = program.spawn().unwrap();
    let started = Instant::now();
    let mut stream = loop {
        match TcpStream::connect(("127.0.0.1", near)).await {
            Ok(stream) => break stream,
            Err(_) => assert!(started.elapsed() < PATIENCE),
        }
        sleep(Duration::from_millis(20)).await;
    };
    // More than all windows and buffers on the way, sent before anything is read.
    let data = noise(24 << 20);
    let sent = data.clone();
    let (mut read, mut write) = stream.split();
    let ((), back) = timeout(PATIENCE, async {
        tokio::join!(
            async {
                write.write_all(&sent).await.unwrap();
                write.shutdown().await.unwrap();
            },
            async {
                sleep(Duration::from_millis(1500)).await;
                let mut back = Vec::new();
                read.read_to_end(&mut back).await.unwrap();
                back
            }
        )
    })
    .await
    .expect("stuck");
    assert!(back == data);
    let mut small = Vec::new();
    for _ in 0..30 {
        let mut stream = TcpStream::connect(("127.0.0.1", near)).await.unwrap();
        stream.write_all(b"hello").await.unwrap();
        stream.shutdown().await.unwrap();
        small.clear();
        timeout(PATIENCE, stream.read_to_end(&mut small)).await.unwrap().unwrap();
        assert_eq!(small, b"hello");
    }
    ssh.kill().unwrap();
    ssh.wait().unwrap();
}

struct Client;

impl client::Handler for Client {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        _key: &PublicKeyOrCertificate,
    ) -> Result<bool, russh::Error> {
        Ok(true)
    }
}

async fn connect(lease: &Lease) -> client::Handle<Client> {
    let config = Arc::new(client::Config::default());
    let mut handle = client::connect(config, lease.address, Client).await.unwrap();
    assert!(handle.authenticate_none("any").await.unwrap().success());
    handle
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_what_listens_inside_can_be_reached() {
    let lease = Lease::start().await;
    let service = echo().await;
    let client = connect(&lease).await;
    for host in ["127.0.0.1", "localhost"] {
        client.channel_open_direct_tcpip(host, service.into(), "x", 1).await.unwrap();
    }
    let refused = [
        ("10.0.0.1", 80),
        ("169.254.169.254", 80),
        ("0.0.0.0", service.into()),
        ("127.0.0.1", 0),
        ("127.0.0.1", 70_000),
        ("127.0.0.2", 1),
    ];
    for (host, port) in refused {
        assert!(
            client.channel_open_direct_tcpip(host, port, "x", 1).await.is_err(),
            "{host}:{port}"
        );
    }
    assert!(client.channel_open_direct_streamlocal("/var/run/docker.sock").await.is_err());
    assert!(client.tcpip_forward("0.0.0.0", 0).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_verb_opens_its_own_kind_of_channel() {
    let service = echo().await;
    for granted in [Verb::Shell, Verb::Copy, Verb::Forward, Verb::View] {
        let lease = Lease::with(verbs(&[granted])).await;
        let output = lease.ssh(&[], "echo in").await;
        assert_eq!(output.status.success(), granted == Verb::Shell);
        if granted != Verb::Shell {
            assert!(text(&output.stderr).contains("`shell`"), "{}", text(&output.stderr));
        }
        let mut program = lease.client("scp");
        program.arg("127.0.0.1:/etc/hostname").arg(lease.dir.path().join("copied"));
        assert_eq!(finish(program).await.status.success(), granted == Verb::Copy);
        let client = connect(&lease).await;
        let forwarded = client.channel_open_direct_tcpip("127.0.0.1", service.into(), "x", 1).await;
        assert_eq!(forwarded.is_ok(), granted == Verb::Forward);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_ways_to_log_in_are_refused() {
    let lease = Lease::start().await;
    let config = Arc::new(client::Config::default());
    let mut client = client::connect(config, lease.address, Client).await.unwrap();
    assert!(!client.authenticate_password("root", "secret").await.unwrap().success());
    let mut program = lease.client("ssh");
    program.args(["-o", "PreferredAuthentications=password,publickey", "127.0.0.1", "true"]);
    // OpenSSH asks for `none` first in any case, which is what lets it in.
    assert!(finish(program).await.status.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn there_are_16_channels_at_once_and_places_come_free() {
    let lease = Lease::start().await;
    let client = connect(&lease).await;
    let mut channels = Vec::new();
    for _ in 0..16 {
        let channel = client.channel_open_session().await.unwrap();
        channel.exec(true, "sleep 60").await.unwrap();
        channels.push(channel);
    }
    assert!(client.channel_open_session().await.is_err());
    channels.pop().unwrap().close().await.unwrap();
    for round in 0..40 {
        let mut channel =
            client.channel_open_session().await.unwrap_or_else(|e| panic!("{round}: {e}"));
        channel.exec(true, "exit 3").await.unwrap();
        let mut status = None;
        while let Some(message) = timeout(PATIENCE, channel.wait()).await.unwrap() {
            if let ChannelMsg::ExitStatus { exit_status } = message {
                status = Some(exit_status);
            }
        }
        assert_eq!(status, Some(3));
    }
    client.disconnect(Disconnect::ByApplication, "", "").await.unwrap();
    let started = Instant::now();
    while !lease.init().await.list().await.unwrap().is_empty() {
        assert!(started.elapsed() < PATIENCE, "sessions of a client that left remain");
        sleep(Duration::from_millis(20)).await;
    }
}

/// Everything that a channel still says: output and error output.
async fn to_end(mut channel: ChannelReadHalf) -> (Vec<u8>, Vec<u8>) {
    let (mut output, mut errors) = (Vec::new(), Vec::new());
    while let Some(message) = channel.wait().await {
        match message {
            ChannelMsg::Data { data } => output.extend_from_slice(&data),
            ChannelMsg::ExtendedData { data, .. } => errors.extend_from_slice(&data),
            _ => {}
        }
    }
    (output, errors)
}

/// Sends bytes through `cat` and back.
async fn cat(client: &client::Handle<Client>, size: usize) -> (Vec<u8>, Vec<u8>) {
    let channel = client.channel_open_session().await.unwrap();
    channel.exec(true, "cat").await.unwrap();
    let (reading, writing) = channel.split();
    tokio::spawn(async move {
        writing.data_bytes(noise(size)).await.unwrap();
        writing.eof().await.unwrap();
    });
    timeout(2 * PATIENCE, to_end(reading)).await.expect("stuck")
}

/// A program that reads nothing until the file is there, and then counts, with `size` bytes on their
/// way to it.
async fn stuck(
    client: &client::Handle<Client>,
    mark: &Path,
    size: usize,
) -> (JoinHandle<(Vec<u8>, Vec<u8>)>, JoinHandle<()>) {
    let channel = client.channel_open_session().await.unwrap();
    let line = format!("while [ ! -e {} ]; do sleep 0.05; done; wc -c", mark.display());
    channel.exec(true, line).await.unwrap();
    let (reading, writing) = channel.split();
    let sending = tokio::spawn(async move {
        // The server may end the channel before it has taken everything.
        if writing.data_bytes(noise(size)).await.is_ok() {
            let _ = writing.eof().await;
        }
    });
    // What nobody takes would stop this library's client.
    (tokio::spawn(to_end(reading)), sending)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_does_not_read_slows_its_client_and_no_other_channel() {
    let lease = Lease::start().await;
    let client = connect(&lease).await;
    let mark = lease.dir.path().join("go");
    const SENT: usize = 12 << 20;
    let (reading, sending) = stuck(&client, &mark, SENT).await;
    sleep(Duration::from_millis(1500)).await;
    assert!(!sending.is_finished(), "12 MiB are somewhere in the server");
    // Others go on meanwhile, in both directions.
    let (output, _) = cat(&client, 1 << 20).await;
    assert!(output == noise(1 << 20));
    std::fs::write(mark, "").unwrap();
    let (counted, errors) = timeout(PATIENCE, reading).await.expect("stuck").unwrap();
    assert_eq!((text(&counted).trim(), text(&errors)), (SENT.to_string().as_str(), String::new()));
    sending.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_never_reads_is_ended_before_others_wait_for_ever() {
    let lease = Lease::start().await;
    let client = connect(&lease).await;
    let (reading, _sending) = stuck(&client, &lease.dir.path().join("never"), 64 << 20).await;
    let (output, _) = cat(&client, 24 << 20).await;
    assert!(output == noise(24 << 20));
    let (_, errors) = timeout(PATIENCE, reading).await.expect("stuck").unwrap();
    assert!(text(&errors).contains("does not read its input"), "{}", text(&errors));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_does_not_read_output_stops_the_program() {
    let lease = Lease::start().await;
    let client = connect(&lease).await;
    let channel = client.channel_open_session().await.unwrap();
    let count = lease.dir.path().join("count");
    let line = format!(
        "i=0; while head -c 65536 /dev/zero; do i=$((i+1)); echo $i > {}; done",
        count.display()
    );
    channel.exec(true, line).await.unwrap();
    sleep(Duration::from_millis(1500)).await;
    let read = || text(&std::fs::read(&count).unwrap()).trim().parse::<u64>().unwrap_or(0);
    let first = read();
    sleep(Duration::from_millis(500)).await;
    assert_eq!(first, read(), "the program goes on");
    assert!(first * 65536 < 16 << 20, "{first}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_workload_that_does_not_run_is_named() {
    let lease = Lease::start().await;
    std::fs::remove_file(lease.dir.path().join("init.sock")).unwrap();
    let output = lease.ssh(&[], "true").await;
    assert_eq!(output.status.code(), Some(255));
    assert!(text(&output.stderr).contains("does not run"), "{}", text(&output.stderr));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn noise_instead_of_ssh_ends_one_connection() {
    let lease = Lease::start().await;
    for bytes in
        [&b"GET / HTTP/1.1\r\n\r\n"[..], b"SSH-2.0-x\r\n\xff\xff\xff\xff\xff\xff\xff\xff", b""]
    {
        let mut stream = TcpStream::connect(lease.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut rest = Vec::new();
        let _ = timeout(PATIENCE, stream.read_to_end(&mut rest)).await.expect("kept");
    }
    assert_eq!(text(&lease.ssh(&[], "echo fine").await.stdout), "fine\n");
    assert!(lease.endings.lock().unwrap().iter().any(Result::is_err));
}

/// Numbers, not a bound: `cargo test -p dbc-agent --lib -- --ignored --nocapture throughput`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "prints numbers"]
async fn throughput_beside_the_cipher_alone() {
    let lease = Lease::start().await;
    for cipher in ["chacha20-poly1305@openssh.com", "aes256-gcm@openssh.com"] {
        let mut program = lease.client("ssh");
        program.args(["-c", cipher, "127.0.0.1", "--", "head -c 268435456 /dev/zero"]);
        program.stdout(Stdio::null());
        let started = Instant::now();
        assert!(finish(program).await.status.success());
        println!("{cipher}: {:.0} MiB/s", 256.0 / started.elapsed().as_secs_f64());
    }
    let started = Instant::now();
    for _ in 0..20 {
        lease.ssh(&[], "exit 0").await;
    }
    println!("ssh with one command: {:.1} ms", started.elapsed().as_secs_f64() * 50.0);
}
