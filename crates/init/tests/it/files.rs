//! SFTP and forwarded connections.

use dbc_init::{ClientError, Open, Refusal};
use nix::unistd::geteuid;
use russh_sftp::{client::SftpSession, protocol::OpenFlags};
use sha2::{Digest, Sha256};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::support::Init;

const BIG: usize = 10 << 20;

async fn sftp(init: &Init) -> SftpSession {
    let stream = init.client().await.raw(&Open::Sftp).await.unwrap();
    SftpSession::new(stream).await.unwrap()
}

#[tokio::test]
async fn files_go_there_and_back_whole() {
    let init = Init::hold(&[]).await;
    let sftp = sftp(&init).await;
    let dir = init.dir.path().join("files").display().to_string();
    sftp.create_dir(dir.as_str()).await.unwrap();
    let data: Vec<u8> =
        (0..BIG as u64).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let path = format!("{dir}/big");
    let flags = OpenFlags::CREATE | OpenFlags::WRITE | OpenFlags::TRUNCATE;
    let mut file = sftp.open_with_flags(path.as_str(), flags).await.unwrap();
    file.write_all(&data).await.unwrap();
    file.shutdown().await.unwrap();
    assert_eq!(Sha256::digest(std::fs::read(&path).unwrap()), Sha256::digest(&data));
    let mut back = Vec::new();
    sftp.open(path.as_str()).await.unwrap().read_to_end(&mut back).await.unwrap();
    assert_eq!(Sha256::digest(&back), Sha256::digest(&data));

    for n in 0..250 {
        std::fs::write(format!("{dir}/{n}"), [0; 3]).unwrap();
    }
    std::os::unix::fs::symlink("/nowhere", format!("{dir}/link")).unwrap();
    let names: Vec<_> = sftp.read_dir(dir.as_str()).await.unwrap().map(|e| e.file_name()).collect();
    assert_eq!(names.len(), 252);
    assert!(sftp.symlink_metadata(format!("{dir}/link")).await.unwrap().is_symlink());
    sftp.rename(format!("{dir}/1"), format!("{dir}/one")).await.unwrap();
    assert!(sftp.rename(format!("{dir}/2"), format!("{dir}/one")).await.is_err());
    sftp.remove_file(format!("{dir}/one")).await.unwrap();
    assert!(sftp.metadata(format!("{dir}/one")).await.is_err());
    let real = sftp.canonicalize(format!("{dir}/../files/new")).await.unwrap();
    assert!(real.ends_with("/files/new") && !real.contains(".."), "{real}");
}

#[tokio::test]
async fn rule_18_sftp_has_the_workloads_rights_and_no_more() {
    if !geteuid().is_root() {
        eprintln!("SKIPPED: another user needs root");
        return;
    }
    let init = Init::hold(&["--user", "nobody"]).await;
    let sftp = sftp(&init).await;
    assert!(sftp.read("/etc/shadow").await.is_err());
    assert!(sftp.create("/etc/dbc-test").await.is_err());
    assert!(sftp.read("/etc/passwd").await.unwrap().starts_with(b"root"));
    assert!(init.client().await.list().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_forwarded_connection_is_bytes_and_half_closes() {
    let init = Init::hold(&[]).await;
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let Ok(listener) = TcpListener::bind(address).await else { continue };
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut data = Vec::new();
            stream.read_to_end(&mut data).await.unwrap();
            stream.write_all(&data).await.unwrap();
        });
        let mut stream = init.client().await.raw(&Open::Tcp { port }).await.unwrap();
        let sent = vec![42; 3_000_000];
        stream.write_all(&sent).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut back = Vec::new();
        stream.read_to_end(&mut back).await.unwrap();
        assert!(back == sent);
    }
}

#[tokio::test]
async fn a_closed_port_is_named() {
    let init = Init::hold(&[]).await;
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    match init.client().await.raw(&Open::Tcp { port: free }).await {
        Err(ClientError::Refused { code: Refusal::PortClosed, message }) => {
            assert!(message.contains(&free.to_string()));
        }
        other => panic!("{other:?}"),
    }
}
