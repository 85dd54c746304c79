//! Two renters at once on one machine (N3, rules 17, 18 and 31): no packet passes between them, neither sees
//! the other's files and processes, and what one fills up the other still has.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use dbc_testkit::{Dbc, Network, wait_for};
use tokio::process::Command;

use super::lease::{rent, units};

/// Where a cloud's machines ask for secrets of their own.
const METADATA: &str = "169.254.169.254";
/// Ports of the listener inside.
const TCP: u16 = 7001;
const UDP: u16 = 7002;
/// Answers whoever knocks, and notes each in `/tmp/heard`.
const LISTEN: &str = "
    use Socket;
    sub heard { open(F, '>>/tmp/heard'); print F $_[0], qq(\\n); close F }
    if (fork) {
        socket(S, PF_INET, SOCK_STREAM, 6); setsockopt(S, SOL_SOCKET, SO_REUSEADDR, 1);
        bind(S, pack_sockaddr_in(7001, INADDR_ANY)) or die; listen(S, 5);
        while (accept(C, S)) { heard('tcp'); syswrite(C, 'hello'); close C }
    } else {
        socket(U, PF_INET, SOCK_DGRAM, 17); bind(U, pack_sockaddr_in(7002, INADDR_ANY)) or die;
        while (defined(my $from = recv(U, my $said, 99, 0))) { heard('udp'); send(U, 'hello', 0, $from) }
    }";
/// Says for each `protocol,address,port` whether anything answers; `none` where the protocol cannot be spoken.
const KNOCK: &str = "
    use Socket;
    for (@ARGV) {
        my ($how, $host, $port) = split /,/;
        my ($to, $found) = (pack_sockaddr_in($port, inet_aton($host)), 'closed');
        eval {
            local $SIG{ALRM} = sub { die };
            alarm 2;
            if ($how eq 'tcp') {
                socket(my $s, PF_INET, SOCK_STREAM, 6);
                $found = 'open' if connect($s, $to);
            } else {
                my $icmp = $how eq 'icmp';
                socket(my $s, PF_INET, SOCK_DGRAM, $icmp ? 1 : 17) or ($found = 'none', die);
                send($s, $icmp ? pack('C2n3a5', 8, 0, 0, 0, 1, 'knock') : 'knock', 0, $to);
                $found = 'open' if defined recv($s, my $said, 99, 0);
            }
        };
        alarm 0;
        print qq($_ $found\\n);
    }";
/// Forks as often as it can.
const BOMB: &str = "while (1) { fork }";
/// Processes that a workload may have (the agent's default), with some room for the counting.
const BOMB_MOST: usize = 4096 + 64;

/// An address of the host for as long as the value lives.
struct HostAddress(String);

impl HostAddress {
    async fn add(address: &str) -> Result<Option<Self>> {
        let address = format!("{address}/32");
        let added = Command::new("ip").args(["address", "add", &address, "dev", "lo"]).output();
        // Where it is there already, it is somebody else's.
        Ok(added.await?.status.success().then_some(Self(address)))
    }
}

impl Drop for HostAddress {
    fn drop(&mut self) {
        let words = ["address", "delete", &self.0, "dev", "lo"];
        let _ = std::process::Command::new("ip").args(words).status();
    }
}

/// A renter with a lease.
struct Renter {
    dbc: Dbc,
    lease: String,
}

impl Renter {
    async fn new(dbc: Dbc) -> Result<Self> {
        let lease = rent(&dbc, &[]).await?;
        Ok(Self { dbc, lease })
    }

    async fn run(&self, command: &[&str]) -> Result<dbc_testkit::Output> {
        let words = [&["exec", self.lease.as_str(), "--"][..], command].concat();
        self.dbc.run(&words).await
    }

    async fn ok(&self, command: &[&str]) -> Result<String> {
        let output = self.run(command).await?;
        ensure!(output.code == 0, "{command:?}: {output:?}");
        Ok(output.stdout)
    }

    /// What of these answers this renter's workload.
    async fn knock(&self, doors: &[String]) -> Result<Vec<(String, String)>> {
        let mut words = vec!["perl", "-e", KNOCK];
        words.extend(doors.iter().map(String::as_str));
        let said = self.ok(&words).await?;
        let parse = |line: &str| {
            let (door, found) = line.split_once(' ').context("a door and a word")?;
            Ok((door.to_owned(), found.to_owned()))
        };
        said.lines().map(parse).collect()
    }

    async fn end(&self) -> Result<()> {
        self.dbc.ok(&["lease", "end", &self.lease]).await.map(drop)
    }
}

/// Two people, each with one share of the machine; nothing is left for a third until one ends.
pub async fn two_renters_share_a_machine_and_nothing_else(network: &Network) -> Result<()> {
    let (owner, other) = (network.user("owner"), network.user("neighbour"));
    other.ok(&["wallet", "create", "default", "--no-password"]).await?;
    other.ok(&["wallet", "fund"]).await?;
    let first = Renter::new(owner.clone()).await?;
    let second = match Renter::new(other).await {
        Ok(second) => second,
        Err(error) => {
            first.end().await?;
            return Err(error);
        }
    };
    let checked = check(network, &first, &second).await;
    let (first, second) = (first.end().await, second.end().await);
    checked.and(first).and(second)?;
    whole(&owner).await
}

async fn check(network: &Network, first: &Renter, second: &Renter) -> Result<()> {
    let owner = network.user("owner");
    let machines = owner.json(&["machines", "--all"]).await?;
    ensure!(
        machines[0]["offer"]["cpu_shares"] == 2 && machines[0]["cpu_leased"] == 2,
        "{machines}"
    );
    let third = owner.run(&["rent", "--template", "base", "--json"]).await?;
    ensure!(third.code == 1 && third.stdout.contains("machine_unavailable"), "{third:?}");
    let foreign = first.dbc.run(&["exec", &second.lease, "--json", "--", "id"]).await?;
    ensure!(foreign.code == 1 && foreign.stdout.contains("grant_invalid"), "{foreign:?}");
    packets(first, second).await.context("packets")?;
    files(first, second).await.context("files and processes")?;
    quota(first, second).await.context("quota")?;
    bomb(first, second).await.context("fork bomb")
}

/// The address of a renter's workload.
async fn address(renter: &Renter) -> Result<String> {
    let all = renter.ok(&["hostname", "-I"]).await?;
    Ok(all.split_whitespace().next().context("an address")?.to_owned())
}

/// Its way out: the host's address on its network.
async fn gateway(renter: &Renter) -> Result<Ipv4Addr> {
    let table = renter.ok(&["cat", "/proc/net/route"]).await?;
    let hex = table.lines().find_map(|line| {
        let mut words = line.split_whitespace().skip(1);
        (words.next()? == "00000000").then(|| words.next())?
    });
    let little = u32::from_str_radix(hex.context("a way out")?, 16)?;
    Ok(Ipv4Addr::from(little.swap_bytes()))
}

/// The host's address on its way out, if it has one.
async fn own_address() -> Option<String> {
    let words = ["-4", "-o", "route", "get", "1.1.1.1"];
    let out = Command::new("ip").args(words).output().await.ok()?;
    let text = String::from_utf8(out.stdout).ok()?;
    text.split_whitespace().skip_while(|word| *word != "src").nth(1).map(str::to_owned)
}

async fn packets(first: &Renter, second: &Renter) -> Result<()> {
    let start = "nohup perl -e \"$1\" >/dev/null 2>&1 & sleep 1";
    second.ok(&["sh", "-c", start, "sh", LISTEN]).await?;
    let neighbour = address(second).await?;
    let doors = [
        format!("tcp,{neighbour},{TCP}"),
        format!("udp,{neighbour},{UDP}"),
        format!("icmp,{neighbour},0"),
    ];
    // The neighbour himself gets an answer, so that it is not the listener that is silent.
    let inside = second.knock(&doors).await?;
    ensure!(inside[..2].iter().all(|(_, found)| found == "open"), "{inside:?}");
    let pings = inside[2].1 == "open";
    second.ok(&["rm", "/tmp/heard"]).await?;
    let refused = first.knock(&doors).await?;
    ensure!(refused[..2].iter().all(|(_, found)| found == "closed"), "{refused:?}");
    ensure!(refused[2].1 == if pings { "closed" } else { "none" }, "{refused:?}");
    let heard = second.run(&["cat", "/tmp/heard"]).await?;
    ensure!(heard.code != 0, "something came: {heard:?}");
    host(first).await
}

/// The host's own services, by every address that it has.
async fn host(renter: &Renter) -> Result<()> {
    let _address = HostAddress::add(METADATA).await?;
    let tcp = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    let udp = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    udp.set_read_timeout(Some(Duration::from_secs(1)))?;
    let (stream, datagram) = (tcp.local_addr()?.port(), udp.local_addr()?.port());
    let mut addresses = vec![METADATA.to_owned(), gateway(renter).await?.to_string()];
    addresses.extend(own_address().await);
    let mut doors = Vec::new();
    for address in &addresses {
        let at = SocketAddr::new(address.parse()?, stream);
        TcpStream::connect_timeout(&at, Duration::from_secs(3)).context("the host itself")?;
        doors.extend([format!("tcp,{address},{stream}"), format!("udp,{address},{datagram}")]);
    }
    let refused = renter.knock(&doors).await?;
    ensure!(refused.iter().all(|(_, found)| found == "closed"), "{refused:?}");
    let came = udp.recv_from(&mut [0; 16]);
    ensure!(came.is_err(), "a datagram came: {came:?}");
    Ok(())
}

async fn files(first: &Renter, second: &Renter) -> Result<()> {
    let mark = "echo secret > /root/of-a-neighbour; nohup perl -e '$0 = q(mark-of-a-neighbour); sleep 600' >/dev/null 2>&1 &";
    first.ok(&["sh", "-c", mark]).await?;
    let find = [
        "sh",
        "-c",
        "find / -xdev -name 'of-a-neighbou[r]'; grep -l 'mark-of-a-neighbou[r]' /proc/[0-9]*/cmdline 2>/dev/null; true",
    ];
    let mine = first.ok(&find).await?;
    ensure!(mine.contains("/root/of-a-neighbour") && mine.contains("cmdline"), "{mine}");
    let seen = second.ok(&find).await?;
    ensure!(seen.is_empty(), "{seen}");
    Ok(())
}

/// Both have a quota of 1 GiB.
async fn quota(first: &Renter, second: &Renter) -> Result<()> {
    let fill = first.run(&["dd", "if=/dev/zero", "of=/big", "bs=1M", "count=2000"]).await?;
    ensure!(fill.code != 0 && fill.stderr.contains("quota"), "{fill:?}");
    let more =
        first.run(&["sh", "-c", "dd if=/dev/zero of=/more bs=1M count=20 conv=fsync"]).await?;
    ensure!(more.code != 0, "there is no room: {more:?}");
    second.ok(&["dd", "if=/dev/zero", "of=/own", "bs=1M", "count=100", "conv=fsync"]).await?;
    first.ok(&["rm", "-f", "/big", "/more"]).await.map(drop)
}

/// Processes of that name on the host.
fn count(name: &str) -> Result<usize> {
    let of_name = |entry: std::io::Result<std::fs::DirEntry>| {
        let comm = entry.ok()?.path().join("comm");
        (std::fs::read_to_string(comm).ok()?.trim() == name).then_some(())
    };
    Ok(std::fs::read_dir("/proc")?.filter_map(of_name).count())
}

async fn bomb(first: &Renter, second: &Renter) -> Result<()> {
    let before = count("perl")?;
    let start = "nohup perl -e \"$1\" >/dev/null 2>&1 &";
    first.ok(&["sh", "-c", start, "sh", BOMB]).await?;
    wait_for("the bomb to be at its limit", Duration::from_secs(60), || async {
        Ok((count("perl")? > before + 3_000).then_some(()))
    })
    .await?;
    for _ in 0..3 {
        let alive = second.run(&["sh", "-c", "echo alive"]);
        let alive = tokio::time::timeout(Duration::from_secs(30), alive).await??;
        ensure!(alive.code == 0 && alive.stdout == "alive\n", "{alive:?}");
    }
    let found = count("perl")?;
    ensure!(found <= before + BOMB_MOST, "{found} processes");
    first.dbc.ok(&["lease", "stop", &first.lease]).await?;
    wait_for("the bomb to be gone", Duration::from_secs(60), || async {
        Ok((count("perl")? <= before).then_some(()))
    })
    .await?;
    second.ok(&["true"]).await.map(drop)
}

/// D58: all of it in one order.
async fn whole(owner: &Dbc) -> Result<()> {
    let more = owner.run(&["rent", "--shares", "3", "--json"]).await?;
    ensure!(more.code == 1 && more.stdout.contains("2 are free"), "{more:?}");
    let lease = rent(owner, &["--whole"]).await?;
    let show = owner.json(&["lease", "show", &lease]).await?["lease"].clone();
    let machine = owner.json(&["machines", "--all"]).await?[0].clone();
    let taken = owner.run(&["rent", "--template", "base", "--json"]).await?;
    owner.ok(&["lease", "end", &lease]).await?;
    ensure!(show["cpu_shares"] == 2 && machine["rentable"] == false, "{show} {machine}");
    ensure!(taken.code == 1 && taken.stdout.contains("fully leased"), "{taken:?}");
    let share = units(&machine["offer"]["price"]["cpu_hour"])?;
    let hour = units(&show["rate"]["per_hour"])?;
    // Rounded up once, to a unit per slot.
    ensure!((2 * share..2 * share + 1_200).contains(&hour), "{show}");
    Ok(())
}
