//! HTTP-date (RFC 9110, 5.6.7). Times are seconds since 1970, without leap seconds, as stat(2) has them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{fmt, io};

use httpdate::HttpDate;

/// 31 December 9999, 23:59:59: a year has four digits.
const SECONDS_MAX: u64 = 253_402_300_799;

/// Of an IMF-fixdate, in bytes.
pub const DATE_BYTES: usize = 29;

/// Reads a date in any of the three formats that a recipient has to know. `None` for what is no date, or before 1970.
pub fn parse(value: &[u8]) -> Option<u64> {
    let date: SystemTime = str::from_utf8(value).ok()?.parse::<HttpDate>().ok()?.into();
    date.duration_since(UNIX_EPOCH).ok().map(|since| since.as_secs())
}

/// Appends the IMF-fixdate of a time, [`DATE_BYTES`] long. Times beyond the year 9999 are its last second.
pub fn write(out: &mut Vec<u8>, unix_seconds: u64) {
    // A vector takes all that is written to it.
    let _ = io::Write::write_fmt(out, format_args!("{}", fixdate(unix_seconds)));
}

fn fixdate(unix_seconds: u64) -> HttpDate {
    HttpDate::from(UNIX_EPOCH + Duration::from_secs(unix_seconds.min(SECONDS_MAX)))
}

/// The Date field of answers: its text is made once a second, for all the answers of that second.
#[derive(Clone, Debug, Default)]
pub struct DateLine {
    /// Whose text it is; none before the first.
    second: Option<u64>,
    text: String,
}

impl DateLine {
    /// The whole line, `Date: ...` and terminator.
    pub fn at(&mut self, unix_seconds: u64) -> &str {
        if self.second != Some(unix_seconds) {
            self.text.clear();
            let _ = fmt::Write::write_fmt(&mut self.text, format_args!("Date: {}\r\n", fixdate(unix_seconds)));
            self.second = Some(unix_seconds);
        }
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The example of RFC 9110, 5.6.7.
    const EXAMPLE_SECONDS: u64 = 784_111_777;

    fn text(unix_seconds: u64) -> String {
        let mut out = Vec::new();
        write(&mut out, unix_seconds);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn three_formats_are_read_and_one_is_written() {
        for format in ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"] {
            assert_eq!(parse(format.as_bytes()), Some(EXAMPLE_SECONDS), "{format}");
        }
        assert_eq!(text(EXAMPLE_SECONDS), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(text(0), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(text(951_782_400), "Tue, 29 Feb 2000 00:00:00 GMT");
        assert_eq!(text(u64::MAX), "Fri, 31 Dec 9999 23:59:59 GMT");
    }

    #[test]
    fn what_is_no_date_is_none() {
        for wrong in [
            "",
            "0",
            "now",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 24:00:00 GMT",
            "Thu, 30 Feb 1995 00:00:00 GMT",
            "Sun, 06 Nov 1994 08:49:37 GMT; length=5",
            "Wed, 31 Dec 1969 23:59:59 GMT",
            "\u{e4}",
        ] {
            assert_eq!(parse(wrong.as_bytes()), None, "{wrong}");
        }
        assert_eq!(parse(b"\xff"), None);
    }

    #[test]
    fn the_line_follows_the_second() {
        let mut line = DateLine::default();
        for seconds in [EXAMPLE_SECONDS, EXAMPLE_SECONDS, EXAMPLE_SECONDS + 1, 0] {
            assert_eq!(line.at(seconds), format!("Date: {}\r\n", text(seconds)));
        }
    }

    proptest! {
        #[test]
        fn a_date_that_is_written_reads_as_itself(seconds in 0..=SECONDS_MAX) {
            prop_assert_eq!(text(seconds).len(), DATE_BYTES);
            prop_assert_eq!(parse(text(seconds).as_bytes()), Some(seconds));
        }
    }
}
