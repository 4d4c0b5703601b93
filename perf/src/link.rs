//! Network interfaces between the load and its servers, and how full they are: a link that is full is measured in the place
//! of the server.

use std::fs::read_to_string;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::ifaddrs::getifaddrs;
use nix::net::if_::InterfaceFlags;
use serde::{Deserialize, Serialize};

/// What Ethernet sends around each packet that the counters do not count: preamble, check sequence, gap (IEEE 802.3).
const FRAMING_BYTES: u64 = 8 + 4 + 12;

/// An interface that is no loopback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    name: String,
    /// As the driver has it (Documentation/ABI/testing/sysfs-class-net): none of most virtual ones.
    speed_mbit: Option<u64>,
    statistics: PathBuf,
}

/// What has passed, with all that Ethernet adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passed {
    received_bytes: u64,
    sent_bytes: u64,
}

/// What passed in the measured time, a second.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LinkUse {
    pub name: String,
    pub speed_mbit: Option<u64>,
    pub received_mbit: f64,
    pub sent_mbit: f64,
}

impl Link {
    /// Those by which the servers are reached, each once.
    pub fn towards(servers: impl IntoIterator<Item = SocketAddr>) -> Vec<Link> {
        let mut names: Vec<String> = servers.into_iter().filter_map(interface_towards).collect();
        names.sort_unstable();
        names.dedup();
        names.into_iter().map(|name| Link::at(Path::new("/sys/class/net"), name)).collect()
    }

    fn at(interfaces: &Path, name: String) -> Link {
        let folder = interfaces.join(&name);
        // A link that is down says -1, or refuses to be read.
        let speed_mbit = number(&folder.join("speed")).filter(|speed| *speed > 0);
        Link { speed_mbit, statistics: folder.join("statistics"), name }
    }

    /// Up to now; none where the interface has gone.
    pub fn passed(&self) -> Option<Passed> {
        let of = |direction: &str| {
            let counter = |what: &str| number(&self.statistics.join(format!("{direction}_{what}")));
            Some(counter("bytes")? + counter("packets")? * FRAMING_BYTES)
        };
        Some(Passed { received_bytes: of("rx")?, sent_bytes: of("tx")? })
    }

    pub fn used(&self, first: Passed, last: Passed, within: Duration) -> LinkUse {
        let mbit = |first: u64, last: u64| last.saturating_sub(first) as f64 * 8e-6 / within.as_secs_f64().max(1e-9);
        LinkUse {
            name: self.name.clone(),
            speed_mbit: self.speed_mbit,
            received_mbit: mbit(first.received_bytes, last.received_bytes),
            sent_mbit: mbit(first.sent_bytes, last.sent_bytes),
        }
    }
}

impl LinkUse {
    /// The fuller direction, 0 to 1; none where nobody knows what the link can do.
    pub fn fullness(&self) -> Option<f64> {
        Some(self.received_mbit.max(self.sent_mbit) / self.speed_mbit? as f64)
    }
}

/// Below zero, or no number, is none.
fn number(file: &Path) -> Option<u64> {
    read_to_string(file).ok()?.trim().parse().ok()
}

/// By the address that the kernel would send from; nothing is sent.
fn interface_towards(server: SocketAddr) -> Option<String> {
    let any: IpAddr = if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect(server).ok()?;
    let own = socket.local_addr().ok()?.ip();
    let of_interface = getifaddrs().ok()?.find(|interface| {
        let address = interface.address.as_ref();
        let v4 = || Some(IpAddr::from(address?.as_sockaddr_in()?.ip()));
        let v6 = || Some(IpAddr::from(address?.as_sockaddr_in6()?.ip()));
        v4().or_else(v6) == Some(own)
    })?;
    (!of_interface.flags.contains(InterfaceFlags::IFF_LOOPBACK)).then_some(of_interface.interface_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path, files: &[(&str, &str)]) {
        std::fs::create_dir_all(folder.join("statistics")).unwrap();
        files.iter().for_each(|(name, text)| std::fs::write(folder.join(name), text).unwrap());
    }

    #[test]
    fn what_passes_is_told_beside_what_could() {
        let interfaces = tempfile::tempdir().unwrap();
        let folder = interfaces.path().join("eth0");
        let counters = |rx_bytes: &str, rx_packets: &str| {
            write(
                &folder,
                &[
                    ("speed", "1000\n"),
                    ("statistics/rx_bytes", rx_bytes),
                    ("statistics/rx_packets", rx_packets),
                    ("statistics/tx_bytes", "5\n"),
                    ("statistics/tx_packets", "1\n"),
                ],
            );
        };
        counters("1000\n", "10\n");
        let link = Link::at(interfaces.path(), "eth0".into());
        let first = link.passed().unwrap();
        // Two seconds of full frames at line rate: 1514 bytes are counted of each, and 1538 pass.
        let frames = 2 * 1_000_000_000 / 8 / 1538;
        counters(&format!("{}\n", 1000 + frames * 1514), &format!("{}\n", 10 + frames));
        let used = link.used(first, link.passed().unwrap(), Duration::from_secs(2));
        assert!((used.received_mbit - 1000.0).abs() < 0.1 && used.sent_mbit == 0.0, "{used:?}");
        assert!((used.fullness().unwrap() - 1.0).abs() < 1e-3);
    }

    #[test]
    fn a_link_without_a_speed_is_never_full() {
        let interfaces = tempfile::tempdir().unwrap();
        for (name, speed) in [("down", "-1\n"), ("none", "")] {
            write(&interfaces.path().join(name), &[("speed", speed)]);
            let link = Link::at(interfaces.path(), name.into());
            assert_eq!((link.speed_mbit, link.passed()), (None, None), "{name}");
        }
    }

    #[test]
    fn loopback_is_no_link() {
        assert_eq!(Link::towards([SocketAddr::from(([127, 0, 0, 1], 11211)), "[::1]:11211".parse().unwrap()]), []);
    }
}
