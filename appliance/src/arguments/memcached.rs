//! memcached's command line, option for option (memcached 1.6, `memcached -h`). The help texts say what the option does
//! here, so that an option that does nothing, or is refused, says so before it is tried.
#![forbid(unsafe_code)]

use std::path::PathBuf;

use clap::{ArgAction, Args};

use super::extended::{Extended, parse_extended};

/// What `-h` begins with; clap would take the words below for it, which are not for operators.
const ABOUT: &str = "A cache that speaks memcached's protocol and takes its command line";

/// What was typed, in memcached's words. It must not decide: numbers keep the signs and sizes that were typed, names
/// are not looked up, and an absent option stays absent.
///
/// As with getopt_long: values may be attached (`-m64`), flags bundled (`-dP file`), long names shortened while they
/// are unambiguous, and of a repeated option the last one counts (`-l` and `-o` add up).
#[derive(Debug, Default, Args)]
#[command(about = ABOUT, long_about = None, args_override_self = true, infer_long_args = true)]
pub struct MemcachedArguments {
    /// TCP port to listen on; 0 is off, -1 lets the kernel choose [default: 11211]
    #[arg(short = 'p', long, value_name = "num", allow_hyphen_values = true)]
    pub port: Option<i64>,
    /// UDP port to listen on; only 0, off, is accepted in this release
    #[arg(short = 'U', long, value_name = "num", allow_hyphen_values = true)]
    pub udp_port: Option<i64>,
    /// UNIX socket to listen on (disables network support)
    #[arg(short = 's', long, value_name = "file", allow_hyphen_values = true)]
    pub unix_socket: Option<PathBuf>,
    /// Access mask for the UNIX socket, in octal [default: 700]
    #[arg(short = 'a', long, value_name = "mask", allow_hyphen_values = true)]
    pub unix_mask: Option<String>,
    /// Enable the "shutdown" command
    #[arg(short = 'A', long)]
    pub enable_shutdown: bool,
    /// Addresses to listen on, each with an optional port; comma separated or repeated [default: all]
    #[arg(short = 'l', long, value_name = "addr", action = ArgAction::Append, allow_hyphen_values = true)]
    pub listen: Vec<String>,
    /// Run as a daemon
    #[arg(short = 'd', long)]
    pub daemon: bool,
    /// Maximize the core file limit
    #[arg(short = 'r', long)]
    pub enable_coredumps: bool,
    /// Assume the identity of this user (only when run as root)
    #[arg(short = 'u', long, value_name = "user", allow_hyphen_values = true)]
    pub user: Option<String>,
    /// Item memory in MiB [default: 64]
    #[arg(short = 'm', long, value_name = "num", allow_hyphen_values = true)]
    pub memory_limit: Option<String>,
    /// Return an error when the memory is used up, instead of evicting
    #[arg(short = 'M', long)]
    pub disable_evictions: bool,
    /// Maximum simultaneous connections [default: 1024]
    #[arg(short = 'c', long, value_name = "num", allow_hyphen_values = true)]
    pub conn_limit: Option<i64>,
    /// Lock down all paged memory
    #[arg(short = 'k', long)]
    pub lock_memory: bool,
    /// Say also when clients come and go; -vv: also requests and replies; -vvv: also what holds the server up
    #[arg(short = 'v', long, action = ArgAction::Count)]
    pub verbose: u8,
    /// Print the licence and exit
    #[arg(short = 'i', long)]
    pub license: bool,
    /// Save the process id in this file
    #[arg(short = 'P', long, value_name = "file", allow_hyphen_values = true)]
    pub pidfile: Option<PathBuf>,
    /// Growth factor between the sizes of chunks [default: 1.1]
    #[arg(short = 'f', long, value_name = "num", allow_hyphen_values = true)]
    pub slab_growth_factor: Option<f64>,
    /// Smallest space used for key, value and flags [default: 48]
    #[arg(short = 'n', long, value_name = "bytes", allow_hyphen_values = true)]
    pub slab_min_size: Option<i64>,
    /// Use large memory pages; they are used anyway where the kernel has them
    #[arg(short = 'L', long)]
    pub enable_largepages: bool,
    /// Delimiter of key prefixes in statistics; none are kept by prefix, so accepted without effect
    #[arg(short = 'D', value_name = "char", allow_hyphen_values = true)]
    pub prefix_delimiter: Option<String>,
    /// Threads that serve; as many as there are cores is best [default: 4]
    #[arg(short = 't', long, value_name = "num", allow_hyphen_values = true)]
    pub threads: Option<i64>,
    /// Requests of one connection that are served before the next one's turn [default: 20]
    #[arg(short = 'R', long, value_name = "num", allow_hyphen_values = true)]
    pub max_reqs_per_event: Option<i64>,
    /// Disable the use of CAS
    #[arg(short = 'C', long)]
    pub disable_cas: bool,
    /// Length of the queue of connections not yet accepted [default: 1024]
    #[arg(short = 'b', long, value_name = "num", allow_hyphen_values = true)]
    pub listen_backlog: Option<i64>,
    /// Protocol: auto or ascii; binary is not built [default: auto]
    #[arg(short = 'B', long, value_name = "name", allow_hyphen_values = true)]
    pub protocol: Option<String>,
    /// Largest item: bytes, or with the suffix k, m or g; 1k to 1g [default: 1m]
    #[arg(short = 'I', long, value_name = "num", allow_hyphen_values = true)]
    pub max_item_size: Option<String>,
    /// SASL authentication: not built
    #[arg(short = 'S', long)]
    pub enable_sasl: bool,
    /// Disable the flush_all command
    #[arg(short = 'F', long)]
    pub disable_flush_all: bool,
    /// Disable the commands that list keys (stats cachedump, lru_crawler metadump and mgdump)
    #[arg(short = 'X', long)]
    pub disable_dumping: bool,
    /// Disable the watch command, which is not built anyway
    #[arg(short = 'W', long)]
    pub disable_watch: bool,
    /// Users and passwords of the ASCII protocol: not built
    #[arg(short = 'Y', long, value_name = "file", allow_hyphen_values = true)]
    pub auth_file: Option<PathBuf>,
    /// Item memory in a file, for restarts: not built
    #[arg(short = 'e', long, value_name = "file", allow_hyphen_values = true)]
    pub memory_file: Option<PathBuf>,
    /// TLS: not built
    #[arg(short = 'Z', long)]
    pub enable_ssl: bool,
    /// NAPI ids to spread connections by; every core has a listener of its own, so accepted without effect
    #[arg(short = 'N', long, value_name = "num", allow_hyphen_values = true)]
    pub napi_ids: Option<i64>,
    /// Extended options, comma separated: idle_timeout=<seconds>, [no_]maxconns_fast; memcached's others are accepted without effect, or refused
    #[arg(short = 'o', long, value_name = "name[=value],...", action = ArgAction::Append, value_parser = parse_extended,
          allow_hyphen_values = true)]
    pub extended: Vec<Vec<Extended>>,
}
