//! Small IPv4 subnets out of a range. Pure arithmetic.

use std::{fmt, net::Ipv4Addr, str::FromStr};

/// An IPv4 subnet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subnet {
    base: u32,
    bits: u8,
}

/// The text is no IPv4 subnet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no IPv4 subnet like 10.200.0.0/13")]
pub struct BadSubnet(String);

/// Size of a lease's network: 61 containers.
const LEASE_BITS: u8 = 26;

impl Subnet {
    /// Where leases get their subnets from unless an operator says otherwise.
    pub const DEFAULT_RANGE: Self = Self { base: 0x0ac8_0000, bits: 13 };

    pub(super) fn from_parts(base: Ipv4Addr, mask: Ipv4Addr) -> Option<Self> {
        let (base, mask) = (u32::from(base), u32::from(mask));
        let bits = u8::try_from(mask.leading_ones()).ok()?;
        (mask.count_ones() == mask.leading_ones()).then_some(Self { base: base & mask, bits })
    }

    fn mask(self) -> u32 {
        u32::MAX.checked_shl(32 - u32::from(self.bits)).unwrap_or(0)
    }

    /// Whether the two share an address.
    pub fn overlaps(self, other: Self) -> bool {
        let mask = self.mask() & other.mask();
        self.base & mask == other.base & mask
    }

    /// First address, which Docker gives to the bridge.
    pub fn gateway(self) -> Ipv4Addr {
        Ipv4Addr::from(self.base | 1)
    }

    /// Length of the prefix.
    pub fn bits(self) -> u8 {
        self.bits
    }

    /// All subnets for leases in this range that overlap none of `taken`, each once, beginning at a
    /// place that depends on the lease: after a crash the same one is tried first.
    pub(super) fn free(self, lease: u64, taken: &[Self]) -> impl Iterator<Item = Self> {
        let count = 1_u64.checked_shl(u32::from(LEASE_BITS.saturating_sub(self.bits))).unwrap_or(1);
        let fits = self.bits <= LEASE_BITS;
        (0..if fits { count } else { 0 })
            .map(move |at| (lease % count + at) % count)
            .map(move |at| Self {
                base: self.base | u32::try_from(at << (32 - LEASE_BITS)).unwrap_or(0),
                bits: LEASE_BITS,
            })
            .filter(|subnet| !taken.iter().any(|other| subnet.overlaps(*other)))
    }
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", Ipv4Addr::from(self.base), self.bits)
    }
}

impl FromStr for Subnet {
    type Err = BadSubnet;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (base, bits) = text.split_once('/')?;
            let (base, bits) = (base.parse::<Ipv4Addr>().ok()?, bits.parse::<u8>().ok()?);
            let subnet = Self { base: u32::from(base), bits };
            (bits <= 32 && subnet.base & !subnet.mask() == 0).then_some(subnet)
        };
        parse().ok_or_else(|| BadSubnet(text.chars().take(64).collect()))
    }
}

/// Destinations of a kernel route table as in `/proc/net/route`; the default route is none.
pub(super) fn routes(text: &str) -> Vec<Subnet> {
    let hex = |word: Option<&str>| {
        // The kernel prints the address as a number in the host's byte order.
        Some(Ipv4Addr::from(u32::from_str_radix(word?, 16).ok()?.to_ne_bytes()))
    };
    let route = |line: &str| {
        let mut words = line.split_whitespace().skip(1);
        let base = hex(words.next())?;
        let mask = hex(words.nth(5))?;
        (mask != Ipv4Addr::UNSPECIFIED).then(|| Subnet::from_parts(base, mask))?
    };
    text.lines().skip(1).filter_map(route).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subnet(text: &str) -> Subnet {
        text.parse().unwrap()
    }

    #[test]
    fn each_subnet_comes_once_and_none_is_taken() {
        let range = subnet("10.200.0.0/24");
        let all: Vec<String> = range.free(5, &[]).map(|s| s.to_string()).collect();
        assert_eq!(all, ["10.200.0.64/26", "10.200.0.128/26", "10.200.0.192/26", "10.200.0.0/26"]);
        let taken = [subnet("10.200.0.0/25"), subnet("192.168.0.0/16")];
        assert_eq!(range.free(5, &taken).count(), 2);
        assert_eq!(range.free(5, &[subnet("0.0.0.0/0")]).count(), 0);
        assert_eq!(subnet("10.200.0.0/27").free(0, &[]).count(), 0);
        assert_eq!(Subnet::DEFAULT_RANGE.to_string(), "10.200.0.0/13");
        assert_eq!(Subnet::DEFAULT_RANGE.free(u64::MAX, &[]).count(), 8192);
        assert_eq!(subnet("10.200.0.64/26").gateway().to_string(), "10.200.0.65");
    }

    #[test]
    fn bad_subnets_are_refused() {
        for text in ["", "10.0.0.0", "10.0.0.0/33", "10.0.0.1/8", "a/8", "::/0"] {
            assert!(text.parse::<Subnet>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_kernels_routes_are_read() {
        let text = "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT\n\
                    eth0 00000000 0102A8C0 0003 0 0 0 00000000 0 0 0\n\
                    docker0 000011AC 00000000 0001 0 0 0 0000FFFF 0 0 0\n";
        assert_eq!(routes(text), [subnet("172.17.0.0/16")]);
    }
}
