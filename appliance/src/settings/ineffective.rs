//! The values of `-o` options that have no effect here. They are held to memcached's bounds, in its words, so that a line
//! is refused here when it would be refused there.
#![forbid(unsafe_code)]

use super::error::SettingsError;

/// What `hot_lru_pct` and `warm_lru_pct` are where they are not given, and their most together.
const HOT_PERCENT: i64 = 20;
const WARM_PERCENT: i64 = 40;
const HOT_AND_WARM_PERCENT_MAX: i64 = 80;

const SLAB_CHUNK_BYTES_MAX: u32 = 512 << 10;

/// Checks the options, names and values, in the order typed; `chunk_bytes_min` is what `-n` says.
///
/// # Errors
/// The first value that memcached refuses. A value that does not begin with a number counts as 0 where it does there.
pub fn check<'a>(
    options: impl Iterator<Item = (&'a str, Option<&'a str>)>,
    chunk_bytes_min: u32,
) -> Result<(), SettingsError> {
    let (mut hot, mut warm) = (HOT_PERCENT, WARM_PERCENT);
    for (name, value) in options.filter_map(|(name, value)| Some((name, value?))) {
        match name {
            "hot_lru_pct" => hot = leading_integer(value),
            "warm_lru_pct" => warm = leading_integer(value),
            _ => {}
        }
        if let Some(complaint) = complaint(name, value, chunk_bytes_min) {
            return Err(SettingsError::Extended(complaint));
        }
    }
    if hot + warm > HOT_AND_WARM_PERCENT_MAX {
        let complaint = "hot_lru_pct + warm_lru_pct cannot be more than 80% combined";
        return Err(SettingsError::Extended(complaint.to_owned()));
    }
    Ok(())
}

fn complaint(name: &str, value: &str, chunk_bytes_min: u32) -> Option<String> {
    let integer = leading_integer(value);
    let fraction: f64 = value.parse().unwrap_or(0.0);
    let is_refused = match name {
        "hashpower" => !(12..=32).contains(&integer),
        "slab_automove" => !(0..=2).contains(&integer),
        "slab_automove_ratio" => !(fraction > 0.0 && fraction <= 1.0),
        "slab_automove_window" => integer < 3,
        "slab_sizes" => return size_complaint(value, chunk_bytes_min),
        "tail_repair_time" => integer < 10,
        "hash_algorithm" => !["jenkins", "murmur3", "xxh3"].contains(&value),
        "lru_crawler_sleep" => !(0..=1_000_000).contains(&integer),
        "hot_lru_pct" | "warm_lru_pct" => !(1..80).contains(&integer),
        "hot_max_factor" | "warm_max_factor" => fraction.is_nan() || fraction <= 0.0,
        "lru_crawler_tocrawl"
        | "watcher_logbuf_size"
        | "worker_logbuf_size"
        | "read_buf_mem_limit"
        | "slab_chunk_max" => value.parse::<u32>().is_err(),
        _ => false,
    };
    is_refused.then(|| match name {
        "hashpower" if integer < 12 => format!("Initial hashtable multiplier of {integer} is too low"),
        "hashpower" => format!(
            "Initial hashtable multiplier of {integer} is too high\n\
             Choose a value based on \"STAT hash_power_level\" from a running instance"
        ),
        "slab_automove" => "slab_automove must be between 0 and 2".to_owned(),
        "slab_automove_ratio" => "slab_automove_ratio must be > 0 and < 1".to_owned(),
        "slab_automove_window" => "slab_automove_window must be > 2".to_owned(),
        "tail_repair_time" => "Cannot set tail_repair_time to less than 10 seconds".to_owned(),
        "hash_algorithm" => "Unknown hash_algorithm option (jenkins, murmur3, xxh3)".to_owned(),
        "lru_crawler_sleep" => "LRU crawler sleep must be between 0 and 1 second".to_owned(),
        "lru_crawler_tocrawl" => "lru_crawler_tocrawl takes a numeric 32bit value".to_owned(),
        "hot_lru_pct" | "warm_lru_pct" => format!("{name} must be > 1 and < 80"),
        "hot_max_factor" | "warm_max_factor" => format!("{name} must be > 0"),
        _ => format!("could not parse argument to {name}"),
    })
}

/// `a-b-c`, each larger than the one before.
fn size_complaint(value: &str, chunk_bytes_min: u32) -> Option<String> {
    let mut last = 0;
    for text in value.split('-') {
        let size = text.parse().unwrap_or(0);
        if !(chunk_bytes_min..=SLAB_CHUNK_BYTES_MAX).contains(&size) {
            return Some(format!("slab size {size} is out of valid range"));
        }
        if size <= last {
            return Some(format!("slab size {size} cannot be lower than or equal to a previous class size"));
        }
        last = size;
    }
    None
}

/// As atoi(3) reads it, but without overflow.
fn leading_integer(text: &str) -> i64 {
    let text = text.trim_start();
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let end = digits.find(|byte: char| !byte.is_ascii_digit()).unwrap_or(digits.len());
    let number: i64 = digits[..end.min(15)].parse().unwrap_or(0);
    if text.starts_with('-') { -number } else { number }
}

#[cfg(test)]
mod tests {
    use super::check;

    fn refusal(option: &str) -> Option<String> {
        let options = option.split(',').map(|option| match option.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (option, None),
        });
        check(options, 48).err().map(|error| error.to_string())
    }

    #[test]
    fn what_memcached_refuses_is_refused_in_its_words() {
        for (option, words) in [
            ("hashpower=x", "Initial hashtable multiplier of 0 is too low"),
            ("hashpower=50", "Initial hashtable multiplier of 50 is too high\nChoose a value based on"),
            ("hash_algorithm=foo", "Unknown hash_algorithm option (jenkins, murmur3, xxh3)"),
            ("hot_lru_pct=90", "hot_lru_pct must be > 1 and < 80"),
            ("hot_lru_pct=60", "hot_lru_pct + warm_lru_pct cannot be more than 80% combined"),
            ("warm_lru_pct=0", "warm_lru_pct must be > 1 and < 80"),
            ("hot_max_factor=0", "hot_max_factor must be > 0"),
            ("warm_max_factor=x", "warm_max_factor must be > 0"),
            ("tail_repair_time=1", "Cannot set tail_repair_time to less than 10 seconds"),
            ("lru_crawler_sleep=99999999", "LRU crawler sleep must be between 0 and 1 second"),
            ("lru_crawler_sleep=-1", "LRU crawler sleep must be between 0 and 1 second"),
            ("lru_crawler_tocrawl=x", "lru_crawler_tocrawl takes a numeric 32bit value"),
            ("slab_automove=3", "slab_automove must be between 0 and 2"),
            ("slab_automove_ratio=0", "slab_automove_ratio must be > 0 and < 1"),
            ("slab_automove_window=2", "slab_automove_window must be > 2"),
            ("slab_chunk_max=x", "could not parse argument to slab_chunk_max"),
            ("watcher_logbuf_size=x", "could not parse argument to watcher_logbuf_size"),
            ("slab_sizes=10", "slab size 10 is out of valid range"),
            ("slab_sizes=100-50", "slab size 50 cannot be lower than or equal to a previous class size"),
        ] {
            let refused = refusal(option).unwrap_or_else(|| panic!("{option} is taken"));
            assert!(refused.starts_with(words), "{option}: {refused}");
        }
    }

    #[test]
    fn what_memcached_takes_is_taken() {
        for options in [
            "hashpower=12,hashpower=32x,hash_algorithm=xxh3,no_hashexpand",
            "hot_lru_pct=60,warm_lru_pct=20",
            "slab_automove,slab_automove=0,slab_automove_ratio=1,slab_automove_window=9999,slab_automove_freeratio=2",
            "slab_sizes=100-200-300,slab_chunk_max=16384,track_sizes,temporary_ttl=x,read_buf_mem_limit=0",
        ] {
            assert_eq!(refusal(options), None, "{options}");
        }
    }
}
