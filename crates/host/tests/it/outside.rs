//! The world outside of the machine: a network namespace with addresses of several kinds, each
//! reached over a cable from the host, with a small web server on port 80.

use std::{
    fs,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

pub struct Outside {
    name: String,
    server: Child,
    addresses: Vec<String>,
    _files: TempDir,
}

impl Outside {
    /// `id` makes names unique; `addresses` are what the world has.
    pub fn new(id: &str, addresses: &[&str]) -> Self {
        let name = format!("dbcit{id}");
        let (host, peer) = (format!("{name}h"), format!("{name}p"));
        let files = tempfile::tempdir().unwrap();
        fs::write(files.path().join("hello"), "the world\n").unwrap();
        ip(&["netns", "add", &name]);
        ip(&["link", "add", &host, "type", "veth", "peer", "name", &peer]);
        ip(&["link", "set", &peer, "netns", &name]);
        ip(&["link", "set", &host, "up"]);
        let inside = |args: &[&str]| ip(&[&["-netns", &name], args].concat());
        inside(&["link", "set", "lo", "up"]);
        inside(&["link", "set", &peer, "up"]);
        for address in addresses {
            inside(&["address", "add", &format!("{address}/32"), "dev", &peer]);
            ip(&["route", "add", &format!("{address}/32"), "dev", &host]);
        }
        // Answers go to the host whoever asked: with NAT that is right, and without it a test that
        // lets packets through sees them.
        inside(&["route", "add", "default", "dev", &peer]);
        let server = Command::new("ip")
            .args(["netns", "exec", &name, "busybox", "httpd", "-f", "-p", "80", "-h"])
            .arg(files.path())
            .stdin(Stdio::null())
            .spawn()
            .expect("busybox-static is installed");
        let listens = || {
            let seen = Command::new("ip")
                .args(["netns", "exec", &name, "cat", "/proc/net/tcp6", "/proc/net/tcp"])
                .output();
            seen.is_ok_and(|seen| String::from_utf8_lossy(&seen.stdout).contains(":0050 "))
        };
        let until = Instant::now() + Duration::from_secs(5);
        while !listens() {
            assert!(Instant::now() < until, "the world's server comes up");
            thread::sleep(Duration::from_millis(20));
        }
        Self {
            name,
            server,
            _files: files,
            addresses: addresses.iter().map(|a| (*a).to_owned()).collect(),
        }
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
        for address in &self.addresses {
            let _ = Command::new("ip").args(["route", "del", &format!("{address}/32")]).status();
        }
        let _ = Command::new("ip").args(["link", "del", &format!("{}h", self.name)]).status();
        let _ = Command::new("ip").args(["netns", "del", &self.name]).status();
    }
}

pub fn ip(args: &[&str]) {
    let done = Command::new("ip").args(args).output().expect("ip runs");
    let why = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "ip {}: {why}", args.join(" "));
}
