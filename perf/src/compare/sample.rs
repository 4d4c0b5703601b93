//! Which numbers stand for a result: the figures of its runs, or, of an only run, those of its seconds.

use crate::report::summary::{Row, Summary};

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// Requests achieved a second.
    Throughput,
    /// Of the response time, in nanoseconds.
    P50,
    P99,
    P99Nine,
    /// Of the server, a request, in nanoseconds.
    ServerCpu,
}

pub const FIGURES: [Figure; 5] = [Figure::Throughput, Figure::P50, Figure::P99, Figure::P99Nine, Figure::ServerCpu];

/// Fewer do not tell how they scatter.
const RUNS_MIN: usize = 2;
pub const SECONDS_MIN: usize = 8;

/// What a sample is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// Several runs of each side.
    Runs { a: usize, b: usize },
    /// The whole seconds of one run of each.
    Seconds { a: usize, b: usize },
}

/// Which mean is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mean {
    /// Of rates: that of the seconds is that of the run.
    Arithmetic,
    /// Of times, which scatter by factors. All are above 0.
    Geometric,
}

/// Numbers of one law, in the order of time.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    pub values: Vec<f64>,
    pub mean: Mean,
    /// So many neighbours are drawn together, because they are not independent of each other; at least 1.
    pub block: usize,
    /// Fewer values tell nothing.
    pub least: usize,
}

impl Figure {
    pub fn is_response_time(self) -> bool {
        matches!(self, Figure::P50 | Figure::P99 | Figure::P99Nine)
    }

    pub fn more_is_better(self) -> bool {
        self == Figure::Throughput
    }

    /// As a share: a histogram of three digits tells no more.
    pub fn resolution(self) -> f64 {
        if self.is_response_time() { 0.001 } else { 0.0 }
    }

    fn mean(self) -> Mean {
        if self == Figure::Throughput { Mean::Arithmetic } else { Mean::Geometric }
    }

    /// None where the run does not have it.
    pub fn of_run(self, run: &Summary) -> Option<f64> {
        let (total, times) = (&run.total, &run.total.response_ns);
        let value = match self {
            Figure::Throughput => return Some(total.achieved_per_second),
            Figure::P50 => times.p50 as f64,
            Figure::P99 => times.p99 as f64,
            Figure::P99Nine => times.p99_9 as f64,
            Figure::ServerCpu => run.server.as_ref()?.cpu_s * 1e9 / total.requests as f64,
        };
        (value > 0.0 && value.is_finite()).then_some(value)
    }

    fn of_second(self, row: &Row) -> Option<f64> {
        let value = match self {
            Figure::Throughput => return Some(row.achieved as f64 / row.seconds),
            Figure::P50 => row.p50_ns as f64,
            Figure::P99 => row.p99_ns as f64,
            Figure::P99Nine => row.p99_9_ns as f64,
            Figure::ServerCpu => row.server_cpu_s? * 1e9 / row.achieved as f64,
        };
        (value > 0.0 && value.is_finite()).then_some(value)
    }
}

impl Basis {
    /// None for one run of one side and several of the other: how far single runs are apart is known of one side only.
    pub fn of(a: &[Summary], b: &[Summary]) -> Option<Basis> {
        match (a, b) {
            ([a], [b]) => Some(Basis::Seconds { a: seconds(a).count(), b: seconds(b).count() }),
            ([_, _, ..], [_, _, ..]) => Some(Basis::Runs { a: a.len(), b: b.len() }),
            _ => None,
        }
    }

    /// Whether anything can be told of how the figures scatter.
    pub fn is_enough(&self) -> bool {
        match self {
            Basis::Runs { a, b } => *a.min(b) >= RUNS_MIN,
            Basis::Seconds { a, b } => *a.min(b) >= SECONDS_MIN,
        }
    }

    pub fn sample(&self, figure: Figure, runs: &[Summary]) -> Sample {
        let mean = figure.mean();
        match self {
            Basis::Runs { .. } => Sample {
                values: runs.iter().filter_map(|run| figure.of_run(run)).collect(),
                mean,
                block: 1,
                least: RUNS_MIN,
            },
            Basis::Seconds { .. } => {
                let values: Vec<f64> = runs.iter().flat_map(seconds).filter_map(|row| figure.of_second(row)).collect();
                // The length that makes the error of a variance smallest grows so (Hall, Horowitz, Jing 1995).
                let block = (values.len() as f64).cbrt().round().max(1.0) as usize;
                Sample { values, mean, block, least: SECONDS_MIN }
            }
        }
    }
}

/// Those that belong to the run as a whole: not a last part of one, nor what came after its end.
fn seconds(run: &Summary) -> impl Iterator<Item = &Row> {
    run.timeline.iter().filter(|row| row.at_s as f64 + 1.0 <= run.seconds + 0.001 && row.seconds > 0.999)
}

impl Sample {
    /// None of an empty sample, and where it is not above 0: there is no ratio to it.
    pub fn mean(&self) -> Option<f64> {
        Some(self.log_mean(self.values.iter().copied())?.exp())
    }

    /// The logarithm of the mean of values like these.
    pub(super) fn log_mean(&self, values: impl Iterator<Item = f64>) -> Option<f64> {
        let (mut sum, mut count) = (0.0, 0.0);
        for value in values {
            sum += if self.mean == Mean::Geometric { value.ln() } else { value };
            count += 1.0;
        }
        let mean = if self.mean == Mean::Geometric { sum / count } else { (sum / count).ln() };
        mean.is_finite().then_some(mean)
    }

    /// How many of the values are independent of each other.
    pub(super) fn independent(&self) -> f64 {
        self.values.len() as f64 / self.block as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::specimen;

    #[test]
    fn only_whole_seconds_of_the_run_count() {
        let mut run = Summary::of(&specimen::run(10));
        assert_eq!(seconds(&run).count(), 10);
        run.seconds = 8.5;
        run.timeline[8].seconds = 0.5;
        assert_eq!(seconds(&run).count(), 8);
        // A file may say anything.
        run.timeline[0].at_s = u64::MAX;
        assert_eq!(seconds(&run).count(), 7);
    }

    #[test]
    fn a_sample_is_of_runs_or_of_seconds() {
        let runs: Vec<Summary> = (0..3).map(|_| Summary::of(&specimen::run(10))).collect();
        assert_eq!(Basis::of(&runs, &runs[..2]), Some(Basis::Runs { a: 3, b: 2 }));
        assert_eq!(Basis::of(&runs[..1], &runs[..1]), Some(Basis::Seconds { a: 10, b: 10 }));
        assert_eq!(Basis::of(&runs, &runs[..1]), None);
        let by_run = Basis::Runs { a: 3, b: 3 }.sample(Figure::P99, &runs);
        assert_eq!((by_run.values.len(), by_run.block), (3, 1));
        let by_second = Basis::Seconds { a: 10, b: 10 }.sample(Figure::ServerCpu, &runs[..1]);
        assert_eq!((by_second.values.len(), by_second.block), (10, 2));
        assert!(by_second.values.iter().all(|ns| (150_000.0..300_000.0).contains(ns)), "{by_second:?}");
    }

    #[test]
    fn a_second_without_answers_has_a_rate_and_no_times() {
        let mut run = Summary::of(&specimen::run(10));
        (run.timeline[3].achieved, run.timeline[3].p99_ns) = (0, 0);
        let values = |figure| Basis::Seconds { a: 10, b: 10 }.sample(figure, std::slice::from_ref(&run)).values.len();
        assert_eq!([Figure::Throughput, Figure::P99, Figure::ServerCpu].map(values), [10, 9, 9]);
    }

    #[test]
    fn means() {
        let sample = |mean| Sample { values: vec![1.0, 4.0], mean, block: 1, least: 1 };
        assert!((sample(Mean::Arithmetic).mean().unwrap() - 2.5).abs() < 1e-12);
        assert!((sample(Mean::Geometric).mean().unwrap() - 2.0).abs() < 1e-12);
        assert_eq!(Sample { values: vec![], mean: Mean::Geometric, block: 1, least: 1 }.mean(), None);
        assert_eq!(Sample { values: vec![0.0], mean: Mean::Arithmetic, block: 1, least: 1 }.mean(), None);
    }
}
