//! Lease networks as bridges of Docker behind an nftables table of ours. Docker makes the bridge,
//! gives addresses and hides them behind the host's; who may talk to whom is decided by our table
//! alone. A bridge that somebody removed under running containers is put back without a restart.

use std::{
    collections::HashMap,
    fs, io,
    net::Ipv4Addr,
    path::{Path, PathBuf},
};

use async_trait::async_trait;
use bollard::{
    Docker,
    models::{Ipam, IpamConfig, Network as DockerNetwork, NetworkCreateRequest, NetworkInspect},
    query_parameters::{InspectContainerOptions, InspectNetworkOptions, ListNetworksOptions},
};
use tokio::sync::Mutex;

use super::{
    LeaseNetwork, Network, NetworkError, rules,
    subnet::{Subnet, routes},
};
use crate::{
    Cause,
    backend::{is_status, of_network, status_message},
    engine::Engine,
    execute::{execute, execute_with_input},
    ids::{LABEL_LEASE, LABEL_NETWORK, NetworkId},
};

const BRIDGE_OPTION: &str = "com.docker.network.bridge.name";
/// Where the host's name servers are; the second when the first is systemd's stub.
const RESOLV_CONF: [&str; 2] = ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"];

/// Settings of the lease networks.
#[derive(Debug, Clone)]
pub struct NetworkConfig {
    /// Whose networks these are.
    pub network: NetworkId,
    /// Where subnets are taken from.
    pub range: Subnet,
}

/// A [`Network`] on Docker's bridges and nftables.
#[derive(Debug)]
pub struct BridgeNetwork {
    docker: Docker,
    config: NetworkConfig,
    changes: Mutex<()>,
}

impl BridgeNetwork {
    /// Lease networks on this engine. Nothing is asked of it yet.
    pub fn new(engine: &Engine, config: NetworkConfig) -> Self {
        Self { docker: engine.docker().clone(), config, changes: Mutex::default() }
    }

    async fn found(&self) -> Result<Vec<LeaseNetwork>, NetworkError> {
        let filters = Some(of_network(&self.config.network));
        let found = self.docker.list_networks(Some(ListNetworksOptions { filters })).await;
        let found = found.map_err(unreachable)?;
        let mut leases: Vec<_> = found.into_iter().filter_map(describe).collect();
        leases.sort_by_key(|network| network.lease);
        Ok(leases)
    }

    async fn apply_rules(&self, bridges: &[String]) -> Result<(), NetworkError> {
        let resolvers = host_resolvers();
        let text = rules::render(&self.config.network, bridges, &resolvers);
        execute_with_input("nft", &["-f", "-"], text.as_bytes())
            .await
            .map(drop)
            .map_err(|error| NetworkError::Firewall { source: error.into() })
    }

    async fn create(&self, lease: u64) -> Result<LeaseNetwork, NetworkError> {
        let fail = |source: Cause| NetworkError::Engine { action: "make", lease, source };
        let taken = self.taken().await?;
        for subnet in self.config.range.free(lease, &taken) {
            let made = self.docker.create_network(self.request(lease, subnet)).await;
            match made {
                Ok(_) => {
                    let id = &self.config.network;
                    return Ok(LeaseNetwork {
                        lease,
                        name: id.lease_network_name(lease),
                        bridge: id.bridge_name(lease),
                        subnet: subnet.to_string(),
                    });
                }
                // Taken by something that only Docker sees.
                Err(error) if status_message(&error).is_some_and(|m| m.contains("overlaps")) => {}
                Err(error) if status_message(&error).is_some() => return Err(fail(error.into())),
                Err(error) => return Err(unreachable(error)),
            }
        }
        Err(NetworkError::NoSubnet { range: self.config.range.to_string() })
    }

    fn request(&self, lease: u64, subnet: Subnet) -> NetworkCreateRequest {
        let id = &self.config.network;
        NetworkCreateRequest {
            name: id.lease_network_name(lease),
            driver: Some("bridge".into()),
            ipam: Some(Ipam {
                config: Some(vec![IpamConfig {
                    subnet: Some(subnet.to_string()),
                    gateway: Some(subnet.gateway().to_string()),
                    ..Default::default()
                }]),
                ..Default::default()
            }),
            options: Some(HashMap::from([(BRIDGE_OPTION.to_owned(), id.bridge_name(lease))])),
            labels: Some(HashMap::from([
                (LABEL_NETWORK.to_owned(), id.to_string()),
                (LABEL_LEASE.to_owned(), lease.to_string()),
            ])),
            ..Default::default()
        }
    }

    /// Subnets that Docker's networks or the host's routes use.
    async fn taken(&self) -> Result<Vec<Subnet>, NetworkError> {
        let networks = self.docker.list_networks(None::<ListNetworksOptions>).await;
        let networks = networks.map_err(unreachable)?;
        let subnets = networks.into_iter().filter_map(|network| network.ipam?.config).flatten();
        let mut taken: Vec<Subnet> =
            subnets.filter_map(|config| config.subnet?.parse().ok()).collect();
        // The host's own way out must not be taken for a route to the range.
        let table = fs::read_to_string("/proc/net/route").unwrap_or_default();
        taken.extend(routes(&table));
        Ok(taken)
    }

    /// Puts the bridge back where it is missing, with the containers that were on it.
    async fn repair(&self, found: &LeaseNetwork) -> Result<(), NetworkError> {
        if link(&found.bridge).exists() {
            return Ok(());
        }
        let lease = found.lease;
        let fail = |source: Cause| NetworkError::Engine { action: "repair", lease, source };
        let subnet: Subnet = found.subnet.parse().map_err(|e| fail(Cause::from(e)))?;
        let address = format!("{}/{}", subnet.gateway(), subnet.bits());
        for args in [
            &["link", "add", "name", &found.bridge, "type", "bridge"][..],
            &["address", "add", &address, "dev", &found.bridge],
            &["link", "set", &found.bridge, "up"],
        ] {
            execute("ip", args).await.map_err(|error| fail(error.into()))?;
        }
        let inspected =
            self.docker.inspect_network(&found.name, None::<InspectNetworkOptions>).await;
        let inspected = inspected.map_err(unreachable)?;
        for (id, mac) in endpoints(inspected) {
            if let Err(error) = self.plug(&id, &mac, &found.bridge).await {
                tracing::warn!(container = id, error = %error, "a container stays off its bridge");
            }
        }
        tracing::warn!(lease, bridge = found.bridge, "a missing bridge was put back");
        Ok(())
    }

    /// Puts the host's end of a container's cable into the bridge.
    async fn plug(&self, container: &str, mac: &str, bridge: &str) -> Result<(), Cause> {
        let inspected =
            self.docker.inspect_container(container, None::<InspectContainerOptions>).await?;
        let pid = inspected.state.and_then(|state| state.pid).filter(|pid| *pid > 0);
        let pid = pid.ok_or("it does not run")?.to_string();
        let listed =
            execute("nsenter", &["--target", &pid, "--net", "ip", "-json", "link"]).await?;
        let links: Vec<serde_json::Value> = serde_json::from_str(&listed)?;
        let peer = links
            .iter()
            .find(|link| link["address"] == mac)
            .and_then(|link| link["link_index"].as_u64())
            .ok_or("it has no cable")?;
        let name = link_name(peer)?.ok_or("the host's end of its cable is gone")?;
        execute("ip", &["link", "set", &name, "master", bridge]).await?;
        execute("ip", &["link", "set", &name, "up"]).await?;
        Ok(())
    }
}

#[async_trait]
impl Network for BridgeNetwork {
    async fn ensure(&self, lease: u64) -> Result<LeaseNetwork, NetworkError> {
        let _guard = self.changes.lock().await;
        let found = self.found().await?;
        let mut bridges: Vec<_> = found.iter().map(|network| network.bridge.clone()).collect();
        let existing = found.into_iter().find(|network| network.lease == lease);
        if existing.is_none() {
            bridges.push(self.config.network.bridge_name(lease));
        }
        self.apply_rules(&bridges).await?;
        match existing {
            Some(network) => self.repair(&network).await.map(|()| network),
            None => self.create(lease).await,
        }
    }

    async fn remove(&self, lease: u64) -> Result<(), NetworkError> {
        let _guard = self.changes.lock().await;
        let name = self.config.network.lease_network_name(lease);
        match self.docker.remove_network(&name).await {
            Ok(()) => {}
            Err(error) if is_status(&error, 404) => {}
            Err(error)
                if status_message(&error).is_some_and(|m| m.contains("active endpoints")) =>
            {
                return Err(NetworkError::InUse { lease });
            }
            Err(error) if status_message(&error).is_some() => {
                let source = error.into();
                return Err(NetworkError::Engine { action: "remove", lease, source });
            }
            Err(error) => return Err(unreachable(error)),
        }
        let bridge = self.config.network.bridge_name(lease);
        if link(&bridge).exists() {
            // Docker forgets a bridge that it did not see come back.
            let done = execute("ip", &["link", "delete", &bridge]).await;
            done.map_err(|error| NetworkError::Engine {
                action: "remove",
                lease,
                source: error.into(),
            })?;
        }
        let bridges: Vec<_> = self.found().await?.into_iter().map(|found| found.bridge).collect();
        self.apply_rules(&bridges).await
    }

    async fn list(&self) -> Result<Vec<LeaseNetwork>, NetworkError> {
        self.found().await
    }

    async fn ensure_firewall(&self) -> Result<(), NetworkError> {
        let _guard = self.changes.lock().await;
        let found = self.found().await?;
        let bridges: Vec<_> = found.iter().map(|network| network.bridge.clone()).collect();
        self.apply_rules(&bridges).await
    }
}

/// `None` for a network that has our label and not our shape.
fn describe(network: DockerNetwork) -> Option<LeaseNetwork> {
    let lease = network.labels?.get(LABEL_LEASE)?.parse().ok()?;
    Some(LeaseNetwork {
        lease,
        name: network.name?,
        bridge: network.options?.get(BRIDGE_OPTION)?.clone(),
        subnet: network.ipam?.config?.into_iter().next()?.subnet?,
    })
}

/// Containers on a network and their hardware addresses.
fn endpoints(network: NetworkInspect) -> Vec<(String, String)> {
    let containers = network.containers.unwrap_or_default();
    containers.into_iter().filter_map(|(id, at)| Some((id, at.mac_address?))).collect()
}

fn link(name: &str) -> PathBuf {
    Path::new("/sys/class/net").join(name)
}

/// Name of the host's link with this number.
fn link_name(index: u64) -> io::Result<Option<String>> {
    for entry in fs::read_dir("/sys/class/net")? {
        let entry = entry?;
        let number = fs::read_to_string(entry.path().join("ifindex")).unwrap_or_default();
        if number.trim().parse() == Ok(index) {
            return Ok(entry.file_name().into_string().ok());
        }
    }
    Ok(None)
}

fn host_resolvers() -> Vec<Ipv4Addr> {
    let read = |file: &str| rules::resolvers(&fs::read_to_string(file).unwrap_or_default());
    let [first, behind_stub] = RESOLV_CONF.map(read);
    if first.is_empty() { behind_stub } else { first }
}

fn unreachable(error: bollard::errors::Error) -> NetworkError {
    NetworkError::Unreachable { source: error.into() }
}
