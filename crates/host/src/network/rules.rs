//! The rules of the firewall as text for `nft`: pure, so that they can be read and tested as a
//! whole. One table per network id; its base chains can only refuse more than other tables do, so it
//! works beside Docker's own rules, whether those are kept by iptables-nft or iptables-legacy.

use std::{fmt::Write, net::Ipv4Addr};

use crate::ids::NetworkId;

/// Where a lease must not send to: this network, private, shared (carrier NAT), loopback, link-local
/// (cloud metadata), protocol assignments, benchmarks, multicast, reserved and broadcast.
pub(super) const REFUSED: [&str; 11] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "224.0.0.0/4",
    "240.0.0.0/4",
];

/// The whole table. `bridges` are those of all leases: only inside one of them may packets pass
/// between containers. `resolvers` are the host's name servers: with those on a private address,
/// port 53 and nothing else is reachable. Applied in one transaction by `nft -f -`.
pub(super) fn render(network: &NetworkId, bridges: &[String], resolvers: &[Ipv4Addr]) -> String {
    let table = network.table_name();
    let ours = format!("\"{}*\"", network.bridge_prefix());
    let pairs: Vec<String> =
        bridges.iter().map(|name| format!("\"{name}\" . \"{name}\"")).collect();
    let names: Vec<String> = resolvers.iter().map(ToString::to_string).collect();
    let mut text = String::new();
    let mut line = |args: std::fmt::Arguments<'_>| {
        text.write_fmt(args).and_then(|()| text.write_char('\n')).expect("a string takes all text");
    };
    // Deleting what may not exist is an error, so it is made first.
    line(format_args!("table inet {table} {{}}"));
    line(format_args!("delete table inet {table}"));
    line(format_args!("table inet {table} {{"));
    line(format_args!("  set inside {{"));
    line(format_args!("    type ifname . ifname"));
    if !pairs.is_empty() {
        line(format_args!("    elements = {{ {} }}", pairs.join(", ")));
    }
    line(format_args!("  }}"));
    line(format_args!("  chain forward {{"));
    line(format_args!("    type filter hook forward priority -10; policy accept;"));
    // Packets inside one bridge come by here too when br_netfilter is on.
    line(format_args!("    iifname . oifname @inside accept"));
    line(format_args!("    iifname {ours} jump outwards"));
    line(format_args!("    oifname {ours} ct state established,related accept"));
    line(format_args!("    oifname {ours} drop"));
    line(format_args!("  }}"));
    line(format_args!("  chain outwards {{"));
    line(format_args!("    oifname {ours} drop"));
    line(format_args!("    ct state established,related accept"));
    line(format_args!("    meta nfproto ipv6 drop"));
    names_servers(&mut line, &names);
    line(format_args!("    ip daddr {{ {} }} drop", REFUSED.join(", ")));
    line(format_args!("    return"));
    line(format_args!("  }}"));
    line(format_args!("  chain input {{"));
    line(format_args!("    type filter hook input priority -10; policy accept;"));
    line(format_args!("    iifname {ours} jump to_host"));
    line(format_args!("  }}"));
    line(format_args!("  chain to_host {{"));
    line(format_args!("    ct state established,related accept"));
    names_servers(&mut line, &names);
    line(format_args!("    drop"));
    line(format_args!("  }}"));
    line(format_args!("}}"));
    text
}

fn names_servers(line: &mut impl FnMut(std::fmt::Arguments<'_>), servers: &[String]) {
    if !servers.is_empty() {
        let servers = servers.join(", ");
        line(format_args!(
            "    ip daddr {{ {servers} }} meta l4proto {{ tcp, udp }} th dport 53 accept"
        ));
    }
}

/// Name servers of a resolv.conf that a container can reach by itself: Docker asks those on loopback
/// addresses on its own, outside the container.
pub(super) fn resolvers(text: &str) -> Vec<Ipv4Addr> {
    let server = |line: &str| line.trim().strip_prefix("nameserver")?.trim().parse().ok();
    let mut found: Vec<Ipv4Addr> =
        text.lines().filter_map(server).filter(|ip: &Ipv4Addr| !ip.is_loopback()).collect();
    found.truncate(3); // as many as the C library asks
    found.sort_unstable();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_reads_as_intended() {
        let network = "abababab".parse().unwrap();
        let text = render(&network, &["dbcababab000001".into()], &["10.0.0.2".parse().unwrap()]);
        assert!(text.starts_with("table inet dbc_abababab {}\ndelete table inet dbc_abababab\n"));
        assert!(text.contains("elements = { \"dbcababab000001\" . \"dbcababab000001\" }"));
        assert!(text.contains("iifname \"dbcababab*\" jump to_host"));
        let outwards = text.split("chain outwards {").nth(1).unwrap();
        let server = outwards.find("ip daddr { 10.0.0.2 }").unwrap();
        assert!(server < outwards.find("10.0.0.0/8").unwrap(), "the name server comes first");
        assert!(!render(&network, &[], &[]).contains("elements"));
    }

    #[test]
    fn name_servers_on_loopback_need_no_rule() {
        let text = "# x\nnameserver 127.0.0.53\nnameserver 192.168.1.1\nnameserver ::1\nsearch a\n nameserver  8.8.8.8\n";
        let found: Vec<Ipv4Addr> = ["8.8.8.8", "192.168.1.1"].map(|ip| ip.parse().unwrap()).into();
        assert_eq!(resolvers(text), found);
    }
}
