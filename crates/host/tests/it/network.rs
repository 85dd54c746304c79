//! Who can talk to whom: a lease reaches the public internet, its own containers and itself; nothing
//! else reaches it, and it reaches nothing else.

use std::{
    collections::HashMap,
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    process::Command,
    time::Duration,
};

use bollard::models::{ContainerCreateBody, HostConfig};
use dbc_host::{Network, NetworkError, network::Subnet};

use crate::{
    image::{Image, forget},
    machine::Machine,
    outside::{Outside, ip},
};

/// A web server that serves `/srv`, and a word when it is about to.
const SERVE: &str = "echo ready; exec httpd -f -p 8080 -h /srv";
const PUBLIC: &str = "11.22.33.44";
const METADATA: &str = "169.254.169.254";
const PRIVATE: &str = "10.99.99.99";
const SHARED: &str = "100.64.1.1";

/// A script that says for each address whether a connection comes about.
fn knock(addresses: &[(&str, u16)]) -> String {
    let knock = |(address, port): &(&str, u16)| {
        format!(
            "timeout 2 nc -w 2 {address} {port} </dev/null && echo open:{address} || echo closed:{address};"
        )
    };
    addresses.iter().map(knock).collect::<Vec<_>>().concat()
}

#[track_caller]
fn assert_doors(text: &str, open: &[&str], closed: &[&str]) {
    let lines: Vec<&str> = text.lines().collect();
    for address in open {
        assert!(lines.contains(&format!("open:{address}").as_str()), "{address} is open: {text}");
    }
    for address in closed {
        assert!(
            lines.contains(&format!("closed:{address}").as_str()),
            "{address} is closed: {text}"
        );
    }
}

#[tokio::test]
async fn a_lease_reaches_the_internet_and_no_neighbour() {
    let Some(machine) = Machine::new().await else { return };
    let image = machine.busybox().await;
    let outside = Outside::new(machine.network.as_str(), &[PUBLIC, METADATA, PRIVATE, SHARED]);
    for address in [PUBLIC, METADATA, PRIVATE, SHARED] {
        let got = fetch(address, 80, "/hello");
        assert!(got.contains("the world"), "the host reaches {address}: {got}");
    }
    let plan = machine.plan(2, 0, &image, SERVE).await;
    let neighbour = machine.start(&plan).await;
    machine.said(&neighbour, "ready").await;
    let neighbour = machine.address(&neighbour).await;
    // The host reaches the neighbour, so the server is up and only the rules keep others out.
    assert!(serves(&neighbour), "the neighbour's server comes up");
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || listener.incoming().flatten().for_each(drop));
    let gateway = |subnet: &str| subnet.parse::<Subnet>().unwrap().gateway().to_string();
    let networks: Vec<_> = [1, 2].into();
    let mut gateways = Vec::new();
    for lease in networks {
        gateways.push(gateway(&machine.net.ensure(lease).await.unwrap().subnet));
    }
    let docker0 = "172.17.0.1";
    let host = own_address();
    let mut doors = vec![
        (PUBLIC, 80),
        (METADATA, 80),
        (PRIVATE, 80),
        (SHARED, 80),
        (neighbour.as_str(), 8080),
        (gateways[0].as_str(), port),
        (gateways[1].as_str(), port),
        (docker0, port),
    ];
    doors.extend(host.as_deref().map(|host| (host, port)));
    let ended = machine.script(1, &image, &knock(&doors)).await;
    let closed: Vec<&str> = doors[1..].iter().map(|(address, _)| *address).collect();
    assert_doors(&ended.text, &[PUBLIC], &closed);
    let got = machine.script(1, &image, &format!("wget -q -O - http://{PUBLIC}/hello")).await;
    assert_eq!(got.text, "the world\n");
    // The same doors without our table: they are open, so it was the table that closed them.
    let plan = machine.plan(1, 0, &image, &knock(&doors)).await;
    let table = machine.network.table_name();
    let done = Command::new("nft").args(["delete", "table", "inet", &table]).status().unwrap();
    assert!(done.success());
    let ended = machine.run(&plan).await;
    assert_doors(&ended.text, &[PUBLIC, METADATA, PRIVATE, SHARED, &gateways[0], docker0], &[]);
    drop(outside);
    machine.finish().await;
}

/// What a web server answers to the host; what goes wrong is the answer otherwise. A machine's way
/// out may accept any connection, so the words count and not that it came about.
fn fetch(address: &str, port: u16, path: &str) -> String {
    let at = (address.parse::<Ipv4Addr>().unwrap(), port).into();
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&at, Duration::from_secs(3))?;
        stream.set_read_timeout(Some(Duration::from_secs(3)))?;
        write!(stream, "GET {path} HTTP/1.0\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().unwrap_or_else(|error| error.to_string())
}

/// Whether a lease's server answers the host, after a moment: it says that it is ready before it is.
fn serves(address: &str) -> bool {
    (0..50).any(|_| {
        std::thread::sleep(Duration::from_millis(100));
        fetch(address, 8080, "/hello").contains("hello from the image")
    })
}

/// The host's address on its way out, if it has one.
fn own_address() -> Option<String> {
    let out = Command::new("ip").args(["-4", "-o", "route", "get", "1.1.1.1"]).output().ok()?;
    let text = String::from_utf8(out.stdout).ok()?;
    let mut words = text.split_whitespace().skip_while(|word| *word != "src");
    words.nth(1).map(str::to_owned)
}

#[tokio::test]
async fn inside_a_lease_names_and_loopback_work() {
    let Some(machine) = Machine::new().await else { return };
    let image = machine.busybox().await;
    let plan = machine.plan(1, 0, &image, SERVE).await;
    let server = machine.start(&plan).await;
    machine.said(&server, "ready").await;
    let name = machine.network.container_name(plan.key);
    let address = machine.address(&server).await;
    assert!(serves(&address), "the server comes up");
    let script = format!(
        "cat /etc/resolv.conf; nslookup {name}; wget -q -O - http://{name}:8080/hello; \
         httpd -p 127.0.0.1:90 -h /srv; wget -q -O - http://127.0.0.1:90/hello; hostname"
    );
    let plan = machine.plan(1, 1, &image, &script).await;
    let ended = machine.run(&plan).await;
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(ended.text.contains("nameserver 127.0.0.11"), "{ended:?}");
    assert!(ended.text.contains(&address), "the name leads to the server: {ended:?}");
    assert_eq!(ended.text.matches("hello from the image").count(), 2, "{ended:?}");
    assert!(ended.text.ends_with("lease-1\n"), "{ended:?}");
    // Another lease does not even learn the name.
    let other = machine.script(2, &image, &format!("nslookup {name}; echo asked")).await;
    assert!(other.text.contains("asked") && !other.text.contains(&address), "{other:?}");
    machine.finish().await;
}

#[tokio::test]
async fn foreign_containers_and_leases_do_not_meet() {
    let Some(machine) = Machine::new().await else { return };
    let image = machine.busybox().await;
    let name = format!("dbc-it-foreign-{}:1", machine.network);
    Image::busybox().load(&machine.docker, &name).await;
    let foreign = format!("foreign-{}", machine.network);
    let plan = machine.plan(1, 0, &image, SERVE).await;
    let server = machine.start(&plan).await;
    machine.said(&server, "ready").await;
    let lease = machine.address(&server).await;
    assert!(serves(&lease), "the lease's server comes up");
    let script = format!("{} {SERVE}", knock(&[(&lease, 8080)]));
    let body = ContainerCreateBody {
        image: Some(name.clone()),
        cmd: Some(["/bin/sh", "-c", &script].map(String::from).into()),
        user: Some("0".into()),
        labels: Some(HashMap::from([("who".into(), "somebody else".into())])),
        host_config: Some(HostConfig { auto_remove: Some(false), ..Default::default() }),
        ..Default::default()
    };
    let options = bollard::query_parameters::CreateContainerOptions {
        name: Some(foreign.clone()),
        ..Default::default()
    };
    let id = machine.docker.create_container(Some(options), body).await.unwrap().id;
    machine.docker.start_container(&id, None).await.unwrap();
    let id = dbc_host::ContainerId(id);
    let text = machine.said(&id, "ready").await;
    assert_doors(&text, &[], &[&lease]);
    let address = machine.address(&id).await;
    assert!(serves(&address), "the foreign server comes up");
    let ended = machine.script(2, &image, &knock(&[(&address, 8080)])).await;
    assert_doors(&ended.text, &[], &[&address]);
    let remove = bollard::query_parameters::RemoveContainerOptions {
        force: true,
        v: true,
        ..Default::default()
    };
    machine.docker.remove_container(&id.0, Some(remove)).await.unwrap();
    forget(&machine.docker, &name).await;
    machine.finish().await;
}

#[tokio::test]
async fn removed_bridges_and_rules_come_back_under_a_running_workload() {
    let Some(machine) = Machine::new().await else { return };
    let image = machine.busybox().await;
    let plan = machine.plan(1, 0, &image, SERVE).await;
    let server = machine.start(&plan).await;
    machine.said(&server, "ready").await;
    let address = machine.address(&server).await;
    assert!(serves(&address), "the server comes up");
    let found = machine.net.ensure(1).await.unwrap();
    let started = machine.docker_started_at(&server).await;
    ip(&["link", "delete", &found.bridge]);
    let table = machine.network.table_name();
    let done = Command::new("nft").args(["delete", "table", "inet", &table]).status().unwrap();
    assert!(done.success());
    let words = "hello from the image";
    assert!(!fetch(&address, 8080, "/hello").contains(words), "the cable is out");
    assert_eq!(machine.net.ensure(1).await.unwrap(), found);
    assert!(fetch(&address, 8080, "/hello").contains(words), "the cable is in again");
    assert_eq!(machine.docker_started_at(&server).await, started, "nothing was restarted");
    let other = machine.script(2, &image, &knock(&[(&address, 8080)])).await;
    assert_doors(&other.text, &[], &[&address]);
    let beside = machine.plan(1, 1, &image, &knock(&[(&address, 8080)])).await;
    assert_doors(&machine.run(&beside).await.text, &[&address], &[]);
    machine.finish().await;
}

#[tokio::test]
async fn lease_networks_come_and_go() {
    let Some(machine) = Machine::new().await else { return };
    let image = machine.busybox().await;
    let first = machine.net.ensure(1).await.unwrap();
    assert_eq!(machine.net.ensure(1).await.unwrap(), first);
    let second = machine.net.ensure(u64::MAX).await.unwrap();
    assert_ne!(first.subnet, second.subnet);
    assert_eq!(machine.net.list().await.unwrap(), [first.clone(), second]);
    let plan = machine.plan(1, 0, &image, "sleep 1000").await;
    let id = machine.start(&plan).await;
    let used = machine.net.remove(1).await;
    assert!(matches!(used, Err(NetworkError::InUse { lease: 1 })), "{used:?}");
    dbc_host::Backend::remove(&machine.backend, &id).await.unwrap();
    for lease in [1, 1, u64::MAX] {
        machine.net.remove(lease).await.unwrap();
    }
    assert_eq!(machine.net.list().await.unwrap(), []);
    assert!(!std::path::Path::new("/sys/class/net").join(&first.bridge).exists());
    machine.net.ensure_firewall().await.unwrap();
    machine.finish().await;
}
