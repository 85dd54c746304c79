//! The world outside of the machine: a network namespace with addresses of several kinds, each
//! reached over a cable from the host, with a small web server on port 80.

use std::process::{Child, Command, Stdio};

pub struct Outside {
    name: String,
    server: Child,
    addresses: Vec<String>,
}

impl Outside {
    /// `id` makes names unique; `addresses` are what the world has, the first public-looking.
    pub fn new(id: &str, addresses: &[&str]) -> Self {
        let name = format!("dbcit{id}");
        let (host, peer) = (format!("{name}h"), format!("{name}p"));
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
            .args([
                "netns",
                "exec",
                &name,
                "busybox",
                "httpd",
                "-f",
                "-p",
                "80",
                "-h",
                "/sys/class",
            ])
            .stdin(Stdio::null())
            .spawn()
            .expect("busybox-static is installed");
        Self { name, server, addresses: addresses.iter().map(|a| (*a).to_owned()).collect() }
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
