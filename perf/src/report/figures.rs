//! How numbers are written for people: few digits, and always their unit.

/// Nanoseconds in the unit that fits, with three digits: `850 ns`, `12.3 µs`, `1.05 ms`, `100 s`.
pub fn latency(ns: u64) -> String {
    let ns = ns as f64;
    // What rounds to 1000 of a unit is 1 of the next.
    let (value, unit) = match ns {
        ns if ns < 1e3 => return format!("{ns} ns"),
        ns if ns < 999.5e3 => (ns / 1e3, "µs"),
        ns if ns < 999.5e6 => (ns / 1e6, "ms"),
        ns => (ns / 1e9, "s"),
    };
    format!("{} {unit}", three_digits(value))
}

/// A label of an axis: like [`latency`], without noughts after the point.
pub fn latency_tick(ns: f64) -> String {
    let (divisor, unit) = match ns {
        ns if ns < 1e3 => (1.0, "ns"),
        ns if ns < 1e6 => (1e3, "µs"),
        ns if ns < 1e9 => (1e6, "ms"),
        _ => (1e9, "s"),
    };
    format!("{} {unit}", ns / divisor)
}

/// A label of an axis: `0`, `500`, `2.5 k`, `1 M`.
pub fn count_tick(value: f64) -> String {
    match value {
        value if value < 1e3 => format!("{value}"),
        value if value < 1e6 => format!("{} k", value / 1e3),
        value => format!("{} M", value / 1e6),
    }
}

/// Something a second: grouped, and with a digit after the point where few.
pub fn rate(per_second: f64) -> String {
    if per_second < 100.0 { format!("{per_second:.1}") } else { count(per_second.round() as u64) }
}

/// In groups of three: `1,234,567`.
pub fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut grouped = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Binary units, with three digits: `70.0 MiB`.
pub fn bytes(bytes: u64) -> String {
    let bytes = bytes as f64;
    let (value, unit) = match bytes {
        bytes if bytes < 1024.0 => return format!("{bytes} B"),
        bytes if bytes < 1024.0 * 1024.0 => (bytes / 1024.0, "KiB"),
        bytes if bytes < 1024.0 * 1024.0 * 1024.0 => (bytes / 1024.0 / 1024.0, "MiB"),
        bytes => (bytes / 1024.0 / 1024.0 / 1024.0, "GiB"),
    };
    format!("{} {unit}", three_digits(value))
}

/// A share, 0 to 1, in percent.
pub fn percent(share: f64) -> String {
    format!("{} %", three_digits(share * 100.0))
}

fn three_digits(value: f64) -> String {
    match value {
        value if value < 9.995 => format!("{value:.2}"),
        value if value < 99.95 => format!("{value:.1}"),
        value => format!("{value:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies() {
        for (ns, expected) in [
            (0, "0 ns"),
            (999, "999 ns"),
            (1_000, "1.00 µs"),
            (9_996, "10.0 µs"),
            (99_960, "100 µs"),
            (999_499, "999 µs"),
            (999_600, "1.00 ms"),
            (1_052_000, "1.05 ms"),
            (100_000_000_000, "100 s"),
        ] {
            assert_eq!(latency(ns), expected);
        }
        for (ns, expected) in [(200.0, "200 ns"), (50e3, "50 µs"), (1e6, "1 ms"), (2e9, "2 s")] {
            assert_eq!(latency_tick(ns), expected);
        }
    }

    #[test]
    fn counts() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([0.0, 500.0, 2_500.0, 1e6].map(count_tick), ["0", "500", "2.5 k", "1 M"]);
        assert_eq!([9.96, 99.94, 12_345.6].map(rate), ["10.0", "99.9", "12,346"]);
        assert_eq!([512, 70 << 20].map(bytes), ["512 B", "70.0 MiB"]);
        assert_eq!([0.1234, 0.9999].map(percent), ["12.3 %", "100 %"]);
    }
}
