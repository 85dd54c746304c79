//! A machine behind a router that translates addresses and lets nothing in: three network namespaces,
//! one for the machine, one for the router, one for everybody else. Each side is this test's own
//! program, started again inside its namespace. Needs root, as containers do.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use dbc_tunnel::{Dialer, DialerConfig, ListenerConfig, Paths, RelayUrl, Target};
use tokio::time::timeout;

use super::{CLIENT, LONG, echo, listener_config, machine, relay};

const MACHINE_ADDRESS: &str = "10.203.1.2";
const OUTSIDE_ADDRESS: &str = "10.203.2.2";
/// Which side a started program plays; without it, it is the test.
const SIDE: &str = "DBC_TEST_NAT_SIDE";
const RELAY: &str = "DBC_TEST_NAT_RELAY";

/// The three namespaces, gone with the value.
struct Net {
    names: [String; 3],
}

impl Net {
    fn new() -> Self {
        let id = std::process::id();
        let names = ["machine", "router", "outside"].map(|name| format!("dbc-{name}-{id}"));
        let [machine, router, outside] = &names;
        let net = Self { names: names.clone() };
        for name in &names {
            ip(&["netns", "add", name]);
            ip(&["-n", name, "link", "set", "lo", "up"]);
        }
        for (name, address, device, of_router) in [
            (machine, MACHINE_ADDRESS, "inner", "10.203.1.1"),
            (outside, OUTSIDE_ADDRESS, "outer", "10.203.2.1"),
        ] {
            let peer = ["peer", "name", "eth0", "netns", name];
            ip(&[&["-n", router, "link", "add", device, "type", "veth"][..], &peer].concat());
            ip(&["-n", name, "address", "add", &format!("{address}/24"), "dev", "eth0"]);
            ip(&["-n", name, "link", "set", "eth0", "up"]);
            ip(&["-n", router, "address", "add", &format!("{of_router}/24"), "dev", device]);
            ip(&["-n", router, "link", "set", device, "up"]);
        }
        ip(&["-n", machine, "route", "add", "default", "via", "10.203.1.1"]);
        // Whoever is outside may try: he knows the way, and the router does not let him in.
        ip(&["-n", outside, "route", "add", "default", "via", "10.203.2.1"]);
        let rules = "table ip nat {
                chain out { type nat hook postrouting priority 100; oifname outer masquerade; }
            }
            table ip filter {
                chain through { type filter hook forward priority 0; iifname outer ct state new drop; }
            }";
        run(net.inside(router).args(["nft", rules]));
        run(net.inside(router).args(["sysctl", "-qw", "net.ipv4.ip_forward=1"]));
        net
    }

    fn inside(&self, name: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", name]);
        command
    }

    /// Starts this program as one of the sides.
    fn side(&self, place: usize, side: &str) -> Command {
        let mut command = self.inside(&self.names[place]);
        command.arg(std::env::current_exe().unwrap());
        command.args(["--exact", "nat::a_machine_behind_nat_is_reached_with_no_port_open"]);
        command.args(["--nocapture", "--test-threads", "1"]).env(SIDE, side);
        command
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        for name in &self.names {
            let _ = Command::new("ip").args(["netns", "delete", name]).status();
        }
    }
}

/// A started side, killed with the value.
struct Side(Child);

impl Side {
    /// Starts it and waits for the line that begins with `word`; gives the rest of that line.
    fn start(mut command: Command, word: &str) -> (Self, String) {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let side = Self(child);
        for line in lines {
            // The harness prints before us on the same line.
            if let Some((_, rest)) = line.unwrap().split_once(word) {
                return (side, rest.trim().to_owned());
            }
        }
        panic!("it ended without {word:?}");
    }
}

impl Drop for Side {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn ip(words: &[&str]) {
    run(Command::new("ip").args(words));
}

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_behind_nat_is_reached_with_no_port_open() {
    match std::env::var(SIDE).as_deref() {
        Ok("relay") => return relay_side().await,
        Ok("machine") => return machine_side().await,
        Ok("client") => return client_side().await,
        _ => {}
    }
    let net = Net::new();
    let (_relay, url) = Side::start(net.side(2, "relay"), "relay=");
    let mut command = net.side(0, "machine");
    command.env(RELAY, &url);
    let (_machine, port) = Side::start(command, "port=");

    let mut client = net.side(2, "client");
    client.env(RELAY, &url).env("DBC_TEST_NAT_PORT", port);
    let output = run(&mut client);
    println!("{}", String::from_utf8_lossy(&output.stdout));
}

/// Runs the relay outside until it is killed.
async fn relay_side() {
    let relay = relay(SocketAddr::new(OUTSIDE_ADDRESS.parse().unwrap(), 0)).await;
    println!("relay={}", relay.url());
    std::future::pending::<()>().await;
}

/// The machine: knows the relay, opens no port to anybody.
async fn machine_side() {
    let config = ListenerConfig { bind: None, ..listener_config(vec![url()], Paths::Any) };
    let listener = machine(config).await;
    timeout(LONG, listener.online()).await.expect("the relay is reached from behind the router");
    println!("port={}", listener.bound()[0].port());
    std::future::pending::<()>().await;
}

/// A renter outside: by the relay, and not by the address.
async fn client_side() {
    let id = dbc_tunnel::public_key(&super::MACHINE);
    let config = |paths| DialerConfig {
        paths,
        connect_time: Duration::from_secs(5),
        ..DialerConfig::default()
    };
    let port: u16 = std::env::var("DBC_TEST_NAT_PORT").unwrap().parse().unwrap();
    let direct = vec![SocketAddr::new(MACHINE_ADDRESS.parse().unwrap(), port)];
    let by_address = Dialer::bind(&CLIENT, config(Paths::DirectOnly)).await.unwrap();
    let target = Target { direct, ..Target::new(id) };
    let opened = by_address.open(&target, dbc_agent_api::ALPN_TCP, &super::hello()).await;
    assert!(opened.is_err(), "the router lets strangers in");

    let dialer = Dialer::bind(&CLIENT, config(Paths::Any)).await.unwrap();
    let target = Target { relays: vec![url()], ..Target::new(id) };
    timeout(LONG, echo(&dialer, &target)).await.expect("no way through the router");
}

fn url() -> RelayUrl {
    std::env::var(RELAY).unwrap().parse().unwrap()
}
