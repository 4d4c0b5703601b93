//! Percentiles as text, as HdrHistogram's plotter reads them: the format of `outputPercentileDistribution` of the Java
//! implementation, in milliseconds, which is the unit that the plotter supposes.
//! The environment is in comments, behind those that end the original.

use std::io::{self, Write};

use hdrhistogram::Histogram;

use super::comments;
use super::summary::merged;
use crate::measured::Measured;

const NS_PER_MS: f64 = 1e6;
/// The default of the Java implementation.
const POINTS_PER_HALVING: u32 = 5;

/// Writes the response times of all classes together, without those of closed loops where there are others.
///
/// # Errors
/// What the writer says.
pub fn write(measured: &Measured, out: &mut impl Write) -> io::Result<()> {
    write_histogram(&merged(measured.timed().into_iter().map(|class| &class.response_ns)), out)?;
    comments::write(&measured.environment, out)
}

/// Writes one histogram of nanoseconds.
///
/// # Errors
/// What the writer says.
pub fn write_histogram(histogram: &Histogram<u64>, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{:>12} {:>14} {:>10} {:>14}\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)")?;
    let mut counted = 0;
    for point in histogram.iter_quantiles(POINTS_PER_HALVING) {
        counted += point.count_since_last_iteration();
        let quantile = point.quantile_iterated_to();
        write!(out, "{:12.3} {quantile:14.12} {counted:10}", point.value_iterated_to() as f64 / NS_PER_MS)?;
        // The last line has no fourth column: it would be infinite.
        if quantile < 1.0 {
            write!(out, " {:14.2}", 1.0 / (1.0 - quantile))?;
        }
        writeln!(out)?;
    }
    let (mean, deviation) = (histogram.mean() / NS_PER_MS, histogram.stdev() / NS_PER_MS);
    let (max, count) = (histogram.max() as f64 / NS_PER_MS, histogram.len());
    let (buckets, parts) =
        (histogram.buckets(), histogram.distinct_values() / (usize::from(histogram.buckets()) + 1) * 2);
    writeln!(out, "#[Mean    = {mean:12.3}, StdDeviation   = {deviation:12.3}]")?;
    writeln!(out, "#[Max     = {max:12.3}, Total count    = {count:12}]")?;
    writeln!(out, "#[Buckets = {buckets:12}, SubBuckets     = {parts:12}]")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::specimen;

    fn text(histogram: &Histogram<u64>) -> String {
        let mut out = Vec::new();
        write_histogram(histogram, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn is_laid_out_as_the_plotter_expects() {
        let mut histogram = Histogram::new(3).unwrap();
        for ms in 1..=1000u64 {
            histogram.record(ms * 1_000_000).unwrap();
        }
        let text = text(&histogram);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "       Value     Percentile TotalCount 1/(1-Percentile)");
        assert_eq!(lines[1], "");
        assert_eq!(lines[2], "       1.000 0.000000000000          1           1.00");
        let half = lines.iter().find(|line| line.contains(" 0.500000000000 ")).unwrap();
        let columns: Vec<&str> = half.split_whitespace().collect();
        assert_eq!(columns[1..], ["0.500000000000", "500", "2.00"]);
        let end = lines.iter().position(|line| line.starts_with('#')).unwrap();
        assert!(lines[end - 1].ends_with(" 1.000000000000       1000"), "{}", lines[end - 1]);
        assert!(lines[end].starts_with("#[Mean    =      500."), "{}", lines[end]);
        assert!(lines[end + 1].ends_with("Total count    =         1000]"), "{}", lines[end + 1]);
        assert!(lines[end + 2].ends_with("SubBuckets     =         2048]"), "{}", lines[end + 2]);
        assert_eq!(lines.len(), end + 3);
    }

    #[test]
    fn counts_every_class_that_is_timed() {
        for (measured, line) in [
            (specimen::run(2), "Total count    =         4000]"),
            (specimen::closed_run(2), "Total count    =         4000]"),
            (specimen::partly_closed_run(2), "Total count    =         2000]"),
        ] {
            let mut out = Vec::new();
            write(&measured, &mut out).unwrap();
            assert!(String::from_utf8(out).unwrap().contains(line), "{line}");
        }
    }

    #[test]
    fn where_it_was_measured_is_told_at_the_end() {
        let measured = specimen::run(2);
        let mut out = Vec::new();
        write(&measured, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let from_the_end: Vec<&str> = text.lines().rev().take_while(|line| line.starts_with('#')).collect();
        assert_eq!(from_the_end.len(), 3 + measured.environment.facts().len());
        assert_eq!(from_the_end[0], "#[command line: spindle load <localhost>]");
        assert!(from_the_end[from_the_end.len() - 3].starts_with("#[Buckets = "), "{text}");
    }

    #[test]
    fn nothing_measured_is_no_lines() {
        assert_eq!(text(&Histogram::new(3).unwrap()).lines().count(), 2 + 3);
    }
}
