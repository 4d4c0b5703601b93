//! What the two ways of asking decide.

use std::path::PathBuf;

use super::decided::{
    CacheSettings, CoreDumps, Eviction, FilesSettings, Listen, Memory, Permission, Presence, Promise, Protocol,
    ProxySettings, RootFolder, RootRule, Settings, Switch, Verbosity, WhenFull,
};
use super::{SettingsError, from_memcached, from_serve};
use crate::arguments::{self, ServeArguments, Typed};

fn decided(line: &str) -> Result<Settings, SettingsError> {
    let line = format!("memcached {line}");
    match arguments::read(line.split_whitespace().map(Into::into)) {
        Ok(Typed::Memcached(typed)) => from_memcached(&typed, None),
        other => panic!("{line}: {other:?}"),
    }
}

fn settings(line: &str) -> Settings {
    let settings = decided(line).unwrap_or_else(|error| panic!("{line}: {error}"));
    assert_eq!((&settings.files, &settings.proxy), (&None, &None), "a memcached serves no files");
    settings
}

fn cache(line: &str) -> CacheSettings {
    settings(line).cache.unwrap()
}

fn error(line: &str) -> String {
    decided(line).expect_err(line).to_string()
}

fn serve(text: &str) -> Result<Settings, SettingsError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("box.toml");
    std::fs::write(&path, text).unwrap();
    from_serve(&ServeArguments { file: Some(path) })
}

fn tcp(addresses: &[&str]) -> Listen {
    Listen::Tcp(addresses.iter().map(|address| address.parse().unwrap()).collect())
}

#[test]
fn the_defaults_are_memcacheds() {
    let Settings { cache: Some(cache), process, .. } = settings("") else { panic!("no cache") };
    assert_eq!(cache.listen, [tcp(&["0.0.0.0:11211", "[::]:11211"])]);
    assert_eq!((cache.memory_bytes, cache.item_bytes_max), (64 << 20, 1 << 20));
    assert_eq!((cache.connections_max, cache.backlog, cache.cores, cache.requests_per_turn), (1024, 1024, 4, 20));
    assert_eq!((cache.growth_factor, cache.chunk_bytes_min, cache.idle_timeout_seconds), (1.1, 48, 0));
    assert_eq!((cache.eviction, cache.cas, cache.when_full), (Eviction::Evict, Switch::On, WhenFull::Refuse));
    assert_eq!((cache.shutdown_command, cache.flush_command), (Permission::Refused, Permission::Allowed));
    assert_eq!((cache.protocol, cache.verbosity), (Protocol::Auto, Verbosity::Quiet));
    assert_eq!((process.presence, process.root), (Presence::Foreground, RootRule::MustNameUser));
    assert_eq!((process.memory, process.core_dumps), (Memory::Pageable, CoreDumps::Inherited));
}

#[test]
fn every_honoured_option_arrives() {
    let Settings { cache, process, .. } = settings(
        "-m 100 -M -c 7 -t 1 -b 9 -R 3 -k -u nobody -vvv -A -F -C -d -P /run/p -f 2 -n 10 -L -X -W -r -I 2m -B ascii \
         -U 0 -o idle_timeout=5,no_maxconns_fast",
    );
    let cache = cache.unwrap();
    assert_eq!((cache.memory_bytes, cache.item_bytes_max), (100 << 20, 2 << 20));
    assert_eq!((cache.connections_max, cache.cores, cache.backlog, cache.requests_per_turn), (7, 1, 9, 3));
    assert_eq!((cache.eviction, cache.cas, cache.when_full), (Eviction::Refuse, Switch::Off, WhenFull::Wait));
    assert_eq!((cache.shutdown_command, cache.flush_command), (Permission::Allowed, Permission::Refused));
    assert_eq!((cache.dump_commands, cache.watch_command), (Permission::Refused, Permission::Refused));
    assert_eq!((cache.growth_factor, cache.chunk_bytes_min, cache.idle_timeout_seconds), (2.0, 10, 5));
    assert_eq!((cache.huge_pages, cache.protocol), (Switch::On, Protocol::Ascii));
    assert_eq!((cache.verbosity, process.verbosity), (Verbosity::Transitions, Verbosity::Transitions));
    assert_eq!((process.presence, process.memory), (Presence::Daemon, Memory::Locked));
    assert_eq!(process.core_dumps, CoreDumps::Largest);
    assert_eq!(process.user.as_deref(), Some("nobody"));
    assert_eq!(process.pid_file, Some(PathBuf::from("/run/p")));
    assert!(process.descriptors_max > 7);
}

#[test]
fn places_to_listen() {
    assert_eq!(
        cache("-p 22 -l 127.0.0.1:23,[::1] -l 127.0.0.1").listen,
        [tcp(&["127.0.0.1:23"]), tcp(&["[::1]:22"]), tcp(&["127.0.0.1:22"])]
    );
    assert_eq!(cache("-p -1").listen, [tcp(&["0.0.0.0:0", "[::]:0"])]);
    let unix = Listen::Unix { path: "/run/s".into(), mode: 0o770 };
    assert_eq!(cache("-s /run/s -a 0770 -p 3").listen, [unix]);
    assert_eq!(cache("-s /run/s").listen, [Listen::Unix { path: "/run/s".into(), mode: 0o700 }]);
    assert!(error("-p 0").contains("nothing to listen on"));
    assert!(error("-l ,").contains("nothing to listen on"));
    assert_eq!(error("-p 70000"), "ERROR: Invalid port number 70000.");
    assert_eq!(error("-p -2"), "ERROR: Invalid port number -2.");
    assert!(error("-s s -a 8").contains("octal"));
    assert!(error("-s s -a +7").contains("octal"));
    assert!(error("-s s -a 1777").contains("octal"));
    assert!(error(&format!("-s /{}", "x".repeat(107))).contains("107"));
}

#[test]
fn sizes_are_refused_in_memcacheds_words() {
    assert_eq!(error("-I 512"), "Item max size cannot be less than 1024 bytes.");
    assert_eq!(error("-I 33m"), "Cannot set item size limit higher than 1/2 of memory max.");
    assert_eq!(error("-m 1"), "Cannot set item size limit higher than 1/2 of memory max.");
    assert_eq!(error("-m 0"), "Cannot set item size limit higher than 1/2 of memory max.");
    assert_eq!(error("-m 8192 -I 1025m"), "Cannot set item size limit higher than a gigabyte.");
    assert_eq!(cache("-m 2048 -I 1024m").item_bytes_max, 1 << 30);
    assert_eq!(cache("-I 1K").item_bytes_max, 1024);
    assert_eq!(cache("-m 64m").memory_bytes, 64 << 20);
    for line in ["-I 1x", "-I -1"] {
        assert!(error(line).contains("is not a size"), "{line}");
    }
    for text in ["x", "-1", "99999999999999999", "64k", "64g", "1024k"] {
        let message = format!("\"{text}\" is not a memory limit: give a number of MiB, such as 1024");
        assert_eq!(error(&format!("-m {text}")), message);
    }
}

#[test]
fn numbers_are_refused_in_memcacheds_words() {
    for (line, message) in [
        ("-t 0", "Number of threads must be greater than 0"),
        ("-t 1025", "Number of threads must not be greater than 1024"),
        ("-c 0", "Maximum connections must be greater than 0"),
        ("-c -1", "Maximum connections must be greater than 0"),
        ("-c -99999999999", "Maximum connections must be greater than 0"),
        ("-c 2147483648", "Maximum connections must not be greater than 2147483647"),
        ("-c 99999999999", "Maximum connections must not be greater than 2147483647"),
        ("-R 0", "Number of requests per event must be greater than 0"),
        ("-n 0", "Chunk size must be greater than 0"),
        ("-f 1", "Factor must be greater than 1"),
        ("-f NaN", "Factor must be greater than 1"),
        ("-B foo", "Invalid value for binding protocol: foo\n -- should be one of auto, binary, or ascii"),
    ] {
        assert_eq!(error(line), message);
    }
    assert_eq!(
        error("-o hot_lru_pct=50 -o warm_lru_pct=31"),
        "hot_lru_pct + warm_lru_pct cannot be more than 80% combined"
    );
    assert_eq!(error("-n 60 -o slab_sizes=50"), "slab size 50 is out of valid range");
    for line in ["-o idle_timeout=x", "-o idle_timeout=-1", "-o idle_timeout=2147483648"] {
        assert!(error(line).contains("number of seconds"), "{line}");
    }
}

#[test]
fn what_is_not_built_says_so_and_what_to_do() {
    for line in ["-U 1", "-S", "-Y f", "-e f", "-Z", "-B binary", "-o ext_path=/f:1g", "-o ssl_key=k"] {
        let message = error(line);
        assert!(message.contains("is not built into this release; "), "{message}");
        assert!(message.starts_with(line.split_once(' ').map_or(line, |(option, _)| option)), "{message}");
    }
}

#[test]
fn what_has_no_effect_is_named_in_one_line() {
    let notes = settings("-t 1 -N 2 -D : -a 700 -o hashpower=20,slab_automove -o modern -l tag[x]:127.0.0.1").notes;
    let line = "accepted without effect: -N 2, -D :, the tag of -l tag[x]:127.0.0.1, -a without -s, -o hashpower=20, \
        -o slab_automove, -o modern";
    assert_eq!(notes, [line]);
    assert_eq!(settings("-t 1 -o drop_privileges").notes, ["accepted without effect: -o drop_privileges"]);
    assert!(settings("").notes.is_empty());
    assert!(settings("-vv").notes.is_empty());
    assert!(settings("-t 1024").notes[0].starts_with("1024 threads share the "));
}

#[test]
fn serve_alone_is_everything_on_loopback() {
    let Settings { cache, files, proxy, process, notes } = from_serve(&ServeArguments { file: None }).unwrap();
    assert_eq!(proxy, None, "it has nothing to stand before");
    let (cache, files) = (cache.unwrap(), files.unwrap());
    assert_eq!(files.listen, [tcp(&["127.0.0.1:7500", "[::1]:7500"])]);
    assert_eq!((files.root_folder, files.promise), (RootFolder::Made, Promise::Durable));
    assert!(files.root.is_absolute() && files.root.ends_with("files"));
    assert_eq!(cache.listen, [tcp(&["127.0.0.1:11211", "[::1]:11211"])]);
    assert!(cache.cores >= 1);
    assert_eq!(process.root, RootRule::MayStay);
    assert!(notes.is_empty());
}

#[test]
fn serve_reads_its_file_with_the_same_bounds() {
    let text = r#"
        [cache]
        listen = ["127.0.0.1:1", "::1"]
        port = 2
        memory_bytes = "1g"
        item_bytes_max = 4096
        eviction = "refuse"
        cas = "off"
        flush_command = "refused"
        [process]
        presence = "daemon"
        verbosity = "errors"
        pid_file = "/run/p"
    "#;
    let Settings { cache: Some(cache), files: None, process, .. } = serve(text).unwrap() else { panic!("a cache") };
    assert_eq!(cache.listen, [tcp(&["127.0.0.1:1"]), tcp(&["[::1]:2"])]);
    assert_eq!((cache.memory_bytes, cache.item_bytes_max), (1 << 30, 4096));
    assert_eq!((cache.eviction, cache.cas), (Eviction::Refuse, Switch::Off));
    assert_eq!(cache.flush_command, Permission::Refused);
    assert_eq!((process.presence, cache.verbosity), (Presence::Daemon, Verbosity::Errors));
    let message = serve("[cache]\nthreads = 1\n").unwrap_err().to_string();
    assert!(message.contains("box.toml") && message.contains("line 2"), "{message}");
}

#[test]
fn serve_runs_the_services_whose_tables_are_there() {
    let both = |text: &str| serve(text).map(|settings| (settings.cache.is_some(), settings.files.is_some())).unwrap();
    assert_eq!(both(""), (true, true));
    assert_eq!(both("[process]\nverbosity = \"errors\"\n"), (true, true));
    assert_eq!(both("[cache]\n"), (true, false));
    assert_eq!(both("[files]\n"), (false, true));
    assert_eq!(both("[files]\n[cache]\n"), (true, true));
    let text = "[files]\nroot = \"/srv\"\nlisten = [\"127.0.0.1:-1\", \"[::1]\"]\ncores = 3\nwrites = \"refused\"\n\
                promise = \"written\"\nconnections_max = 5\nopen_files_max = 6\nbacklog = 7\nidle_timeout_seconds = 8\n";
    let settings = serve(text).unwrap();
    assert_eq!((settings.cores(), settings.process.root), (3, RootRule::MayStay));
    assert!(settings.process.descriptors_max >= 2 * 5 + 3 * 6);
    assert_eq!(
        settings.files.unwrap(),
        FilesSettings {
            listen: vec![tcp(&["127.0.0.1:0"]), tcp(&["[::1]:7500"])],
            root: "/srv".into(),
            root_folder: RootFolder::Exists,
            connections_max: 5,
            cores: 3,
            backlog: 7,
            open_files_max: 6,
            writes: Permission::Refused,
            promise: Promise::Written,
            idle_timeout_seconds: 8,
        }
    );
}

#[test]
fn a_value_out_of_the_bounds_of_files_is_refused_with_its_line_and_key() {
    for (line, message) in [
        ("cores = 0", "files.cores: must be greater than 0"),
        ("connections_max = -1", "files.connections_max: must be greater than 0"),
        ("open_files_max = 0", "files.open_files_max: must be greater than 0"),
        ("idle_timeout_seconds = 0", "files.idle_timeout_seconds: must be greater than 0"),
        ("listen = []", "files.listen: nothing to listen on"),
        ("listen = [\"127.0.0.1:99999\"]", "files.listen: \"99999\" is not a port: 1 to 65535, or -1"),
    ] {
        let said = serve(&format!("[cache]\n[files]\n{line}\n")).expect_err(line).to_string();
        assert!(said.contains(&format!("box.toml: line 3: {message}")), "{line}: {said}");
    }
}

#[test]
fn a_proxy_is_run_where_its_table_is_there() {
    let settings = serve("[proxy]\nbackends = [\"10.0.0.1:81\"]\n").unwrap();
    assert_eq!((&settings.cache, &settings.files), (&None, &None));
    let proxy = settings.proxy.unwrap();
    assert_eq!(proxy.listen, [tcp(&["127.0.0.1:8080", "[::1]:8080"])]);
    assert_eq!((proxy.connections_max, proxy.backlog, proxy.idle_timeout_seconds), (1024, 1024, 75));
    assert_eq!((proxy.backend_connections_max, proxy.backend_timeout_seconds), (1024, 60));
    assert!(settings.process.descriptors_max >= 1024 + 1024 * u64::from(proxy.cores));
    let text = "[proxy]\nlisten = [\"127.0.0.1:-1\", \"[::1]\"]\nbackends = [\"10.0.0.1\", \"[::1]:81\", \"10.0.0.1:80\"]\n\
                connections_max = 5\ncores = 3\nbacklog = 7\nidle_timeout_seconds = 8\n\
                backend_connections_max = 9\nbackend_timeout_seconds = 10\n";
    let settings = serve(text).unwrap();
    assert_eq!(settings.cores(), 3);
    assert_eq!(
        settings.proxy.unwrap(),
        ProxySettings {
            listen: vec![tcp(&["127.0.0.1:0"]), tcp(&["[::1]:8080"])],
            backends: vec!["10.0.0.1:80".parse().unwrap(), "[::1]:81".parse().unwrap()],
            connections_max: 5,
            cores: 3,
            backlog: 7,
            idle_timeout_seconds: 8,
            backend_connections_max: 9,
            backend_timeout_seconds: 10,
        }
    );
}

#[test]
fn a_proxy_without_backends_is_refused_with_its_line() {
    let said = serve("[files]\n[proxy]\ncores = 1\n").unwrap_err().to_string();
    assert!(said.contains("box.toml: line 2: proxy.backends: no backends: a proxy has to be told"), "{said}");
    for (line, message) in [
        ("backends = []", "backends: no backends"),
        ("backends = [\"*:80\"]", "backends: \"*:80\" is no backend: give a host, or host:port"),
        ("backends = [\"10.0.0.1:0\"]", "backends: \"10.0.0.1:0\" is no backend: give a host"),
        ("backends = [\"10.0.0.1:x\"]", "backends: \"10.0.0.1:x\" is no backend: \"x\" is not a port"),
        ("cores = 0", "cores: must be greater than 0"),
        ("backend_connections_max = 0", "backend_connections_max: must be greater than 0"),
        ("backend_timeout_seconds = -1", "backend_timeout_seconds: must be greater than 0"),
        ("idle_timeout_seconds = 0", "idle_timeout_seconds: must be greater than 0"),
        ("connections_max = 0", "connections_max: must be greater than 0"),
        ("listen = []", "listen: nothing to listen on"),
    ] {
        let backends = if line.starts_with("backends") { "" } else { "backends = [\"10.0.0.1\"]\n" };
        let said = serve(&format!("[proxy]\n{line}\n{backends}")).expect_err(line).to_string();
        assert!(said.contains(&format!("box.toml: line 2: proxy.{message}")), "{line}: {said}");
    }
}

#[test]
fn a_value_out_of_its_bounds_is_refused_with_its_line_and_key() {
    for (line, message) in [
        ("cores = 0", "cache.cores: must be greater than 0"),
        ("connections_max = 2147483648", "cache.connections_max: must not be greater than 2147483647"),
        ("growth_factor = 1.0", "cache.growth_factor: must be greater than 1"),
        ("memory_bytes = 64", "cache.memory_bytes: item_bytes_max (\"1m\" unless given) must not be greater than half"),
        ("item_bytes_max = \"33m\"", "cache.item_bytes_max: item_bytes_max (\"1m\" unless given) must not be"),
        ("item_bytes_max = 1", "cache.item_bytes_max: must be at least 1024 bytes"),
        ("port = 70000", "cache.port: must be 1 to 65535, or -1"),
        ("port = 0", "cache.port: nothing to listen on: give an address, a port, or a unix_socket"),
        ("listen = []", "cache.listen: nothing to listen on"),
        ("listen = [\"127.0.0.1:99999\"]", "cache.listen: \"99999\" is not a port: 1 to 65535, or -1"),
        ("listen = [\"[::1\"]", "cache.listen: \"[::1\" is not an address of IPv6"),
        ("unix_mask = \"9\"", "cache.unix_mask: must be octal digits in quotes, at most \"777\""),
        ("idle_timeout_seconds = -1", "cache.idle_timeout_seconds: must be 1 to 2147483647, or 0 for never"),
    ] {
        let text = format!("# A comment.\n[cache]\n{line}\n");
        let said = serve(&text).expect_err(line).to_string();
        assert!(said.contains(&format!("box.toml: line 3: {message}")), "{line}: {said}");
    }
}

const PAGE: &str = include_str!("../../../docs/configuration.md");

#[test]
fn the_example_of_the_documents_has_every_key_and_the_defaults() {
    let (_, rest) = PAGE.split_once("```toml\n").unwrap();
    let (example, _) = rest.split_once("```").unwrap();
    assert_eq!(serve(example).unwrap(), from_serve(&ServeArguments { file: None }).unwrap());
    let whole = example.replace("\n#", "\n");
    serve(&whole).unwrap();
    for (table, keys) in [("cache", 22), ("files", 9), ("proxy", 8), ("process", 7)] {
        let message = serve(&format!("[{table}]\nnone = 1")).unwrap_err().to_string();
        let (_, known) = message.split_once("expected one of ").unwrap();
        let known: Vec<&str> = known.split(", ").map(|key| key.trim().trim_matches('`')).collect();
        assert_eq!(known.len(), keys);
        for key in known {
            assert!(whole.contains(&format!("\n{key} = ")) && PAGE.contains(&format!("\n| `{key}` |")), "{key}");
        }
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let missing = ServeArguments { file: Some("/nonexistent/box.toml".into()) };
    assert!(from_serve(&missing).unwrap_err().to_string().starts_with("cannot read /nonexistent/box.toml: "));
}
