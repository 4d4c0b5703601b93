//! A refusal in the words of the file of `spindle serve`: where it is written, what is written there, and the rule.
#![forbid(unsafe_code)]

use toml::de::DeTable;

use super::error::SettingsError;
use super::listen::ListenError;

/// One line on an error of deciding what `text`, a file that could be read, asks for.
pub fn describe(error: &SettingsError, text: &str) -> String {
    match error {
        SettingsError::Files(error) => describe_in("files", error, text),
        SettingsError::Proxy(error) => describe_in("proxy", error, text),
        error => describe_in("cache", error, text),
    }
}

/// The same, of an error in one table.
fn describe_in(table: &str, error: &SettingsError, text: &str) -> String {
    let line = |key| line(text, table, key);
    let blamed = |keys: [&'static str; 2]| if line(keys[0]).is_some() { keys[0] } else { keys[1] };
    let (key, rule) = match error {
        SettingsError::TooSmall { what, bound } => (what.key(), format!("must be greater than {bound}")),
        SettingsError::TooLarge { what, bound } => (what.key(), format!("must not be greater than {bound}")),
        SettingsError::ItemTooSmall => ("item_bytes_max", "must be at least 1024 bytes".to_owned()),
        SettingsError::ItemTooLarge => ("item_bytes_max", "must not be greater than \"1g\"".to_owned()),
        SettingsError::ItemOverHalfOfMemory => (
            blamed(["item_bytes_max", "memory_bytes"]),
            "item_bytes_max (\"1m\" unless given) must not be greater than half of memory_bytes (\"64m\" unless given)"
                .to_owned(),
        ),
        SettingsError::Port(_) => ("port", format!("must be {PORTS}, or 0 for no TCP")),
        SettingsError::UnixMask(_) => ("unix_mask", "must be octal digits in quotes, at most \"777\"".to_owned()),
        SettingsError::UnixPath(_) => {
            ("unix_socket", "must not be longer than the 107 bytes that the kernel allows".to_owned())
        }
        SettingsError::Nowhere => {
            (blamed(["listen", "port"]), "nothing to listen on: give an address, a port, or a unix_socket".to_owned())
        }
        SettingsError::Seconds(_) => ("idle_timeout_seconds", "must be 1 to 2147483647, or 0 for never".to_owned()),
        SettingsError::Listen(error) => ("listen", listen_rule(error)),
        SettingsError::NoBackends => ("backends", error.to_string()),
        SettingsError::BackendName(_) => ("backends", error.to_string()),
        SettingsError::Backend { name, error } => {
            ("backends", format!("\"{name}\" is no backend: {}", listen_rule(error)))
        }
        other => return other.to_string(),
    };
    let place = line(key).or_else(|| table_line(text, table)).map(|line| format!("line {line}: ")).unwrap_or_default();
    format!("{place}{table}.{key}: {rule}")
}

const PORTS: &str = "1 to 65535, or -1 to let the kernel choose";

fn listen_rule(error: &ListenError) -> String {
    match error {
        ListenError::Ipv6(text) => format!("\"{text}\" is not an address of IPv6; it is written as \"[::1]:11211\""),
        ListenError::Port(text) => format!("\"{text}\" is not a port: {PORTS}"),
        ListenError::Lookup { name, error } => format!("no address is known for \"{name}\": {error}"),
        other => other.to_string(),
    }
}

/// The line of the table, where a key is missing in it.
fn table_line(text: &str, table: &str) -> Option<usize> {
    let file = DeTable::parse(text).ok()?;
    let start = file.get_ref().get(table)?.span().start;
    Some(text.get(..start)?.matches('\n').count() + 1)
}

/// The line that the key's value begins on, if it is written in the file.
fn line(text: &str, table: &str, key: &str) -> Option<usize> {
    let file = DeTable::parse(text).ok()?;
    let value = file.get_ref().get(table)?.get_ref().get(key)?;
    Some(text.get(..value.span().start)?.matches('\n').count() + 1)
}
