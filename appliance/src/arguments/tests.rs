//! The command lines that operators type, and what is read from them.

use super::{MemcachedArguments, Typed, read};

fn typed(line: &str) -> Result<Typed, String> {
    read(line.split_whitespace().map(Into::into)).map_err(|error| error.to_string())
}

fn memcached(line: &str) -> MemcachedArguments {
    match typed(line) {
        Ok(Typed::Memcached(arguments)) => *arguments,
        other => panic!("{line}: {other:?}"),
    }
}

fn error(line: &str) -> String {
    typed(line).expect_err(line)
}

#[test]
fn the_name_or_the_subcommand_chooses_the_personality() {
    assert!(matches!(typed("spindle"), Ok(Typed::Serve(arguments)) if arguments.file.is_none()));
    assert!(matches!(typed("spindle serve"), Ok(Typed::Serve(arguments)) if arguments.file.is_none()));
    assert!(matches!(typed("spindle serve a.toml"), Ok(Typed::Serve(arguments)) if arguments.file.is_some()));
    assert_eq!(memcached("/usr/bin/memcached -p 1").port, Some(1));
    assert_eq!(memcached("/usr/bin/spindle memcached -p 1").port, Some(1));
    assert!(typed("spindle -p 1").is_err());
}

#[test]
fn flags_bundle_and_values_attach() {
    let arguments = memcached("memcached -m64 -p11211 -vv -dP/run/m.pid -kMr");
    assert_eq!(arguments.memory_limit.as_deref(), Some("64"));
    assert_eq!(arguments.port, Some(11211));
    assert_eq!(arguments.verbose, 2);
    assert!(arguments.daemon && arguments.lock_memory && arguments.disable_evictions && arguments.enable_coredumps);
    assert_eq!(arguments.pidfile.unwrap().to_str(), Some("/run/m.pid"));
    assert_eq!(memcached("memcached -v -v -v").verbose, 3);
}

#[test]
fn every_long_name_of_memcacheds_help_is_known() {
    let line = "memcached --port=1 --udp-port=0 --unix-socket=s --unix-mask=700 --enable-shutdown --listen=l --daemon \
        --enable-coredumps --user=u --memory-limit=1 --disable-evictions --conn-limit=1 --lock-memory --verbose \
        --pidfile=p --slab-growth-factor=2 --slab-min-size=1 --enable-largepages --threads=1 --max-reqs-per-event=1 \
        --disable-cas --listen-backlog=1 --protocol=auto --max-item-size=1m --enable-sasl --disable-flush-all \
        --disable-dumping --disable-watch --auth-file=a --memory-file=m --enable-ssl --extended=modern --napi-ids=1";
    let arguments = memcached(line);
    assert_eq!(arguments.conn_limit, Some(1));
    assert_eq!(arguments.extended.len(), 1);
    assert_eq!(memcached("memcached --port 5 --memory-l 7").memory_limit.as_deref(), Some("7"));
    assert!(error("memcached --memory=7").contains("--memory"));
}

#[test]
fn a_value_may_begin_with_a_hyphen() {
    assert_eq!(memcached("memcached -p -1").port, Some(-1));
    assert_eq!(memcached("memcached -p-1").port, Some(-1));
    assert_eq!(memcached("memcached -c -5").conn_limit, Some(-5));
}

#[test]
fn the_last_of_a_repeated_option_counts_and_lists_add_up() {
    let arguments = memcached("memcached -p 1 -p 2 -dd -l a,b -l c -o modern -o hashpower=20,track_sizes");
    assert_eq!(arguments.port, Some(2));
    assert_eq!(arguments.listen, ["a,b", "c"]);
    assert_eq!(arguments.extended.iter().map(Vec::len).sum::<usize>(), 3);
}

#[test]
fn what_is_unknown_or_incomplete_is_named() {
    assert!(error("memcached -z").contains("-z"));
    assert!(error("memcached --foo").contains("--foo"));
    assert!(error("memcached -P").contains("--pidfile"));
    assert!(error("memcached -c x").contains("'x'"));
    assert!(error("memcached -o foo").contains("Illegal suboption \"foo\""));
    assert!(error("memcached stray").contains("stray"));
}

#[test]
fn help_version_and_licence_are_printed() {
    let printed = |line| match typed(line) {
        Ok(Typed::Print(text)) => text,
        other => panic!("{line}: {other:?}"),
    };
    for line in ["memcached -h", "memcached --help", "spindle memcached -h", "spindle memcached --help"] {
        let help = printed(line);
        assert!(help.contains("--memory-limit <num>") && !help.contains("must not"), "{help}");
    }
    assert!(printed("spindle --help").contains("memcached"));
    assert!(printed("memcached -V").contains("(memcached 1.6.45 compatible)"));
    assert!(printed("spindle -V").starts_with("spindle 0."));
    assert!(printed("spindle memcached -V").contains("(memcached 1.6.45 compatible)"));
    assert!(printed("memcached -i").contains("MIT"));
}
