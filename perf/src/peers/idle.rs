//! How much resident memory idle connections take. Each has asked once, so that whatever a first request allocates is
//! there.

use std::io::{Error, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::contender::{Contender, Size};
use super::report::Comparison;
use super::{Field, PeersError, Scale};
use crate::process::resident_bytes;

/// Descriptors beside the connections.
const DESCRIPTORS_SPARE: u64 = 512;

struct Idle {
    empty_bytes: u64,
    connected_bytes: u64,
}

pub(super) fn compare(field: &Field) -> Result<Comparison, PeersError> {
    let connections = match field.scale {
        Scale::Full => 10_000,
        Scale::Quick => 1_000,
    };
    let idle = field.each_cache("idle connections", |contender| {
        connect_all(contender, field, connections).map_err(|error| match error {
            Failed::Peers(error) => error,
            Failed::Talk(error) => contender.silent(error),
        })
    })?;
    let cell = |idle: &Idle| {
        let (mib, each) =
            (idle.connected_bytes as f64 / 1048576.0, idle.connected_bytes.saturating_sub(idle.empty_bytes));
        format!("{mib:.1} MiB ({:.2} KiB each)", each as f64 / 1024.0 / connections as f64)
    };
    Ok(Comparison {
        what: format!("resident memory with {connections} idle connections"),
        purpose: "what clients cost that only stay connected",
        against: field.against(&idle, |spindle, memcached| {
            format!("{:.2} of its memory", spindle.connected_bytes as f64 / memcached.connected_bytes as f64)
        }),
        cells: idle.iter().map(cell).collect(),
    })
}

enum Failed {
    Peers(PeersError),
    Talk(Error),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Failed::Talk(error)
    }
}

fn connect_all(contender: &Contender, field: &Field, connections: usize) -> Result<Idle, Failed> {
    allow_descriptors(connections as u64 + DESCRIPTORS_SPARE)?;
    let size = Size { memory_mib: 64, connections_max: connections + connections / 5 };
    let server = contender.start(field.cpus, size).map_err(Failed::Peers)?;
    let empty_bytes = resident_bytes(server.pid())?;
    let connected = (0..connections).map(|_| connect(server.address)).collect::<Result<Vec<_>, _>>()?;
    let connected_bytes = resident_bytes(server.pid())?;
    drop(connected);
    Ok(Idle { empty_bytes, connected_bytes })
}

fn connect(server: SocketAddr) -> std::io::Result<TcpStream> {
    let mut stream = TcpStream::connect(server)?;
    stream.write_all(b"get absent\r\n")?;
    let mut reply = [0; 5];
    stream.read_exact(&mut reply)?;
    if &reply == b"END\r\n" { Ok(stream) } else { Err(ErrorKind::InvalidData.into()) }
}

/// For this process and the servers that it starts.
fn allow_descriptors(wanted: u64) -> std::io::Result<()> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if soft >= wanted {
        return Ok(());
    }
    setrlimit(Resource::RLIMIT_NOFILE, wanted, hard.max(wanted)).map_err(|errno| {
        Error::other(format!(
            "{wanted} descriptors are needed and at most {hard} allowed ({errno}): ulimit -n {wanted}"
        ))
    })
}
