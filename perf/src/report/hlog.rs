//! A histogram a second, as HdrHistogram's log tools read it: the interval log format, version 1.3, of
//! `HistogramLogWriter` of the Java implementation. Times are in nanoseconds; the largest of each interval, which only
//! people read, is in milliseconds. The environment is in comments, at the top.

use std::io::{self, Write};
use std::time::{Duration, UNIX_EPOCH};

use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, IntervalLogWriterError};

use super::comments;
use super::summary::width;
use crate::measured::Measured;

const NS_PER_MS: f64 = 1e6;

/// Writes the response times of all classes together; of the open loops alone, where there is one.
///
/// # Errors
/// What the writer says.
pub fn write(measured: &Measured, out: &mut impl Write) -> io::Result<()> {
    let began_s = measured.began.duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64());
    writeln!(out, "#[Logged by spindle load, in nanoseconds]")?;
    writeln!(out, "#[Histogram log format version 1.3]")?;
    comments::write(&measured.environment, out)?;
    writeln!(out, "#[StartTime: {began_s:.3} (seconds since epoch)]")?;
    // The stamps below count from here; without it readers would have to guess.
    writeln!(out, "#[BaseTime: {began_s:.3} (seconds since epoch)]")?;
    writeln!(out, "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"")?;
    let mut serializer = V2DeflateSerializer::new();
    let mut log =
        IntervalLogWriterBuilder::new().with_max_value_divisor(NS_PER_MS).begin_log_with(out, &mut serializer)?;
    for (at, second) in measured.seconds.iter().enumerate() {
        let (began, lasted) = (Duration::from_secs(at as u64), width(at, measured.lasted));
        log.write_histogram(&second.response_ns.unpack(), began, lasted, None).map_err(|error| match error {
            IntervalLogWriterError::IoError(error) => error,
            IntervalLogWriterError::SerializeError(error) => io::Error::other(error),
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use hdrhistogram::Histogram;
    use hdrhistogram::serialization::Deserializer;
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

    use super::*;
    use crate::report::specimen;

    fn base64(text: &str) -> Vec<u8> {
        let digit = |byte| match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            _ => 63,
        };
        let digits: Vec<u8> = text.bytes().filter(|&byte| byte != b'=').map(digit).collect();
        let groups = digits.chunks(4).flat_map(|group| {
            let bits = group.iter().fold(0u32, |bits, &digit| bits << 6 | u32::from(digit)) << (6 * (4 - group.len()));
            bits.to_be_bytes()[1..group.len()].to_vec()
        });
        groups.collect()
    }

    #[test]
    fn reads_back_every_second() {
        let mut measured = specimen::run(5);
        measured.environment.command_line.push("\n#[StartTime: 1.0 (seconds since epoch)]\n7".into());
        measured.lasted = Duration::from_millis(4_500);
        let mut log = Vec::new();
        write(&measured, &mut log).unwrap();

        let entries: Vec<LogEntry<'_>> = IntervalLogIterator::new(&log).map(Result::unwrap).collect();
        let began = Duration::from_millis(1_780_000_000_250);
        assert_eq!(entries[..2], [LogEntry::StartTime(began), LogEntry::BaseTime(began)]);
        assert_eq!(entries.len(), 2 + 5);
        for (at, (entry, second)) in entries[2..].iter().zip(&measured.seconds).enumerate() {
            let LogEntry::Interval(interval) = entry else { panic!("{entry:?}") };
            assert_eq!(interval.start_timestamp(), Duration::from_secs(at as u64));
            assert_eq!(interval.duration(), Duration::from_millis(if at == 4 { 500 } else { 1000 }));
            let bytes = base64(interval.encoded_histogram());
            let histogram: Histogram<u64> = Deserializer::new().deserialize(&mut bytes.as_slice()).unwrap();
            assert_eq!(histogram, second.response_ns.unpack());
        }
        assert!(
            log.starts_with(
                b"#[Logged by spindle load, in nanoseconds]\n#[Histogram log format version 1.3]\n#[date: "
            )
        );
    }
}
