//! memcached's `-o`: a comma separated list of names, some with values. The table below is the list of 1.6.45; a name
//! that is not in it is an error, as there.
#![forbid(unsafe_code)]

/// What an option of the table does here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// Seconds after which an idle connection is closed; 0 is never.
    IdleTimeout,
    /// Over the limit, a connection is answered and closed at once.
    RefuseOverLimit,
    /// Over the limit, a connection waits in the listener's queue.
    WaitOverLimit,
    /// It tunes a mechanism of memcached's that does not exist here: accepted, and named at start.
    NoEffect,
    /// It asks for a service that is not built: refused, because going on without it would not be what was asked for.
    NotBuilt(Absent),
}

/// The services that the refused options belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absent {
    Extstore,
    Tls,
    Proxy,
}

/// Whether a value follows the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Value {
    None,
    Optional,
    Required,
}

/// One option as it was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extended {
    /// The whole option, `name` or `name=value`.
    pub text: String,
    pub value: Option<String>,
    pub meaning: Meaning,
}

impl Extended {
    /// What stands before the value.
    pub fn name(&self) -> &str {
        self.text.split_once('=').map_or(self.text.as_str(), |(name, _)| name)
    }
}

use Absent::{Extstore, Proxy, Tls};
use Meaning::{NoEffect, NotBuilt};

const OPTIONS: &[(&str, Value, Meaning)] = &[
    ("maxconns_fast", Value::None, Meaning::RefuseOverLimit),
    ("no_maxconns_fast", Value::None, Meaning::WaitOverLimit),
    ("idle_timeout", Value::Required, Meaning::IdleTimeout),
    ("hashpower", Value::Required, NoEffect),
    ("no_hashexpand", Value::None, NoEffect),
    ("slab_reassign", Value::None, NoEffect),
    ("no_slab_reassign", Value::None, NoEffect),
    ("slab_automove", Value::Optional, NoEffect),
    ("no_slab_automove", Value::None, NoEffect),
    ("slab_automove_ratio", Value::Required, NoEffect),
    ("slab_automove_window", Value::Required, NoEffect),
    ("slab_automove_freeratio", Value::Required, NoEffect),
    ("slab_sizes", Value::Required, NoEffect),
    ("slab_chunk_max", Value::Required, NoEffect),
    ("no_chunked_items", Value::None, NoEffect),
    ("tail_repair_time", Value::Required, NoEffect),
    ("hash_algorithm", Value::Required, NoEffect),
    ("lru_crawler", Value::None, NoEffect),
    ("no_lru_crawler", Value::None, NoEffect),
    ("lru_crawler_sleep", Value::Required, NoEffect),
    ("lru_crawler_tocrawl", Value::Required, NoEffect),
    ("lru_maintainer", Value::None, NoEffect),
    ("no_lru_maintainer", Value::None, NoEffect),
    ("hot_lru_pct", Value::Required, NoEffect),
    ("warm_lru_pct", Value::Required, NoEffect),
    ("hot_max_factor", Value::Required, NoEffect),
    ("warm_max_factor", Value::Required, NoEffect),
    ("temporary_ttl", Value::Required, NoEffect),
    ("watcher_logbuf_size", Value::Required, NoEffect),
    ("worker_logbuf_size", Value::Required, NoEffect),
    ("track_sizes", Value::None, NoEffect),
    ("read_buf_mem_limit", Value::Required, NoEffect),
    ("resp_obj_mem_limit", Value::Required, NoEffect),
    ("inline_ascii_resp", Value::None, NoEffect),
    ("no_inline_ascii_resp", Value::None, NoEffect),
    ("modern", Value::None, NoEffect),
    ("no_modern", Value::None, NoEffect),
    ("drop_privileges", Value::None, NoEffect),
    ("no_drop_privileges", Value::None, NoEffect),
    ("sock_cookie_id", Value::Required, NoEffect),
    ("ext_path", Value::Required, NotBuilt(Extstore)),
    ("ext_page_size", Value::Required, NotBuilt(Extstore)),
    ("ext_wbuf_size", Value::Required, NotBuilt(Extstore)),
    ("ext_threads", Value::Required, NotBuilt(Extstore)),
    ("ext_item_size", Value::Required, NotBuilt(Extstore)),
    ("ext_item_age", Value::Required, NotBuilt(Extstore)),
    ("ext_low_ttl", Value::Required, NotBuilt(Extstore)),
    ("ext_drop_unread", Value::None, NotBuilt(Extstore)),
    ("ext_recache_rate", Value::Required, NotBuilt(Extstore)),
    ("ext_compact_under", Value::Required, NotBuilt(Extstore)),
    ("ext_drop_under", Value::Required, NotBuilt(Extstore)),
    ("ext_max_frag", Value::Required, NotBuilt(Extstore)),
    ("ext_max_sleep", Value::Required, NotBuilt(Extstore)),
    ("ssl_chain_cert", Value::Required, NotBuilt(Tls)),
    ("ssl_key", Value::Required, NotBuilt(Tls)),
    ("ssl_keyformat", Value::Required, NotBuilt(Tls)),
    ("ssl_verify_mode", Value::Required, NotBuilt(Tls)),
    ("ssl_ciphers", Value::Required, NotBuilt(Tls)),
    ("ssl_ca_cert", Value::Required, NotBuilt(Tls)),
    ("ssl_wbuf_size", Value::Required, NotBuilt(Tls)),
    ("ssl_session_cache", Value::None, NotBuilt(Tls)),
    ("ssl_kernel_tls", Value::None, NotBuilt(Tls)),
    ("ssl_min_version", Value::Required, NotBuilt(Tls)),
    ("proxy_config", Value::Required, NotBuilt(Proxy)),
    ("proxy_arg", Value::Required, NotBuilt(Proxy)),
    ("proxy_uring", Value::None, NotBuilt(Proxy)),
];

/// Reads one `-o` argument, as getsubopt(3) splits it.
///
/// # Errors
/// memcached's own words: an unknown name (also a known one with a value that it does not take), or a missing value.
pub fn parse_extended(list: &str) -> Result<Vec<Extended>, String> {
    list.split_terminator(',').map(parse_one).collect()
}

fn parse_one(text: &str) -> Result<Extended, String> {
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (text, None),
    };
    let unknown = || format!("Illegal suboption \"{text}\"");
    let &(_, takes, meaning) = OPTIONS.iter().find(|(known, ..)| *known == name).ok_or_else(unknown)?;
    match (takes, &value) {
        (Value::Required, None) => Err(format!("Missing argument for {name}")),
        (Value::None, Some(_)) => Err(unknown()),
        _ => Ok(Extended { text: text.to_owned(), value, meaning }),
    }
}

#[cfg(test)]
mod tests {
    use super::{Absent, Meaning, OPTIONS, parse_extended};

    fn meanings(list: &str) -> Vec<Meaning> {
        parse_extended(list).unwrap().into_iter().map(|option| option.meaning).collect()
    }

    #[test]
    fn a_list_keeps_its_order_and_values() {
        let options = parse_extended("no_maxconns_fast,slab_automove,slab_automove=2,idle_timeout=30").unwrap();
        let texts: Vec<&str> = options.iter().map(|option| option.text.as_str()).collect();
        assert_eq!(texts, ["no_maxconns_fast", "slab_automove", "slab_automove=2", "idle_timeout=30"]);
        assert_eq!(options[3].value.as_deref(), Some("30"));
        assert_eq!(options[3].meaning, Meaning::IdleTimeout);
    }

    #[test]
    fn what_is_not_built_is_told_from_what_means_nothing() {
        assert_eq!(meanings("ext_path=/f:1G"), [Meaning::NotBuilt(Absent::Extstore)]);
        assert_eq!(meanings("hashpower=20,no_modern"), [Meaning::NoEffect, Meaning::NoEffect]);
    }

    #[test]
    fn unknown_names_are_refused_in_memcacheds_words() {
        assert_eq!(parse_extended("hashpower=20,foo=1").unwrap_err(), "Illegal suboption \"foo=1\"");
        assert_eq!(parse_extended("modern,,modern").unwrap_err(), "Illegal suboption \"\"");
        assert_eq!(parse_extended("no_idle_timeout").unwrap_err(), "Illegal suboption \"no_idle_timeout\"");
        assert_eq!(parse_extended("idle_timeout").unwrap_err(), "Missing argument for idle_timeout");
    }

    #[test]
    fn no_name_stands_twice_in_the_table() {
        for (index, (name, ..)) in OPTIONS.iter().enumerate() {
            assert!(OPTIONS[..index].iter().all(|(other, ..)| other != name), "{name}");
        }
    }
}
