//! One run as plain data, without histograms: what is kept of it in a file.
//!
//! ```text
//! operation   the operations of a class, each by itself
//! ```

use std::time::{Duration, UNIX_EPOCH};

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::environment::Environment;
use crate::link::LinkUse;
use crate::load::Spin;
use crate::measured::{ClassMeasured, Errors, Generator, Loop, Measured, Second, ServerCost, Wrong};
use crate::slow::SlowMeasured;
pub use operation::Operation;

mod operation;

/// Of docs/load-result.md. Counted up when a field changes its meaning or goes; a new field leaves it.
pub const SCHEMA: u32 = 1;

/// Points of a curve between 0 and one half, one half and three quarters, and so on.
const CURVE_POINTS_PER_HALVING: u32 = 5;

/// One run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    pub schema: u32,
    pub valid: bool,
    /// Why not.
    pub reasons: Vec<String>,
    #[serde(rename = "loop", with = "LoopInFile")]
    pub driven: Loop,
    /// Since 1970, of the first second measured.
    pub began_unix_s: f64,
    /// Measured.
    pub seconds: f64,
    /// Counts and rates of all classes, times of those that are not closed loops; of these, when all are.
    #[serde(flatten)]
    pub total: Figures,
    pub classes: Vec<Class>,
    /// Who was slow beside them. Results of older versions know of none.
    #[serde(default)]
    pub slow: Vec<SlowMeasured>,
    pub generator: GeneratorUse,
    pub server: Option<ServerUse>,
    /// Networks between; of loopback there is none. Older results know of none.
    #[serde(default)]
    pub links: Vec<LinkUse>,
    pub environment: Environment,
    pub timeline: Vec<Row>,
}

/// One class of requests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Class {
    pub name: String,
    /// Older results have none.
    #[serde(rename = "loop", with = "LoopInFile", default = "open")]
    pub driven: Loop,
    #[serde(flatten)]
    pub figures: Figures,
    /// Where there are several; none in older results.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub operations: Vec<Operation>,
}

/// What came of some requests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    pub offered_per_second: f64,
    pub achieved_per_second: f64,
    pub requests: u64,
    pub errors: u64,
    /// Older results have none.
    #[serde(default)]
    pub errors_per_second: f64,
    #[serde(with = "ErrorsInFile")]
    pub errors_by_kind: Errors,
    pub wrong: u64,
    #[serde(with = "WrongInFile")]
    pub wrong_by_kind: Wrong,
    pub response_ns: Percentiles,
    pub service_ns: Percentiles,
    pub lag_ns: Percentiles,
    pub lag_server_ns: Percentiles,
    pub lag_generator_ns: Percentiles,
    /// Of the response time, rising.
    pub response_curve: Vec<CurvePoint>,
}

/// Of one histogram; all 0 when it is empty.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Percentiles {
    pub p50: u64,
    pub p90: u64,
    pub p99: u64,
    pub p99_5: u64,
    pub p99_9: u64,
    pub p99_99: u64,
    pub max: u64,
    pub mean: f64,
    pub count: u64,
}

/// `quantile` of the requests took no longer than `ns`. In a file an array of the two.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "(f64, u64)", into = "(f64, u64)")]
pub struct CurvePoint {
    /// 0 to 1; the last one of a curve is 1.
    pub quantile: f64,
    pub ns: u64,
}

/// One second, all classes together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// From the beginning of the run to that of this row.
    pub at_s: u64,
    /// One, but for a last row that was cut short.
    pub seconds: f64,
    pub offered: u64,
    pub achieved: u64,
    pub in_flight: u64,
    pub errors: u64,
    pub wrong: u64,
    pub p50_ns: u64,
    pub p90_ns: u64,
    pub p99_ns: u64,
    pub p99_9_ns: u64,
    pub max_ns: u64,
    pub server_cpu_s: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct GeneratorUse {
    /// Of all threads.
    pub cpu_s: f64,
    /// Of one CPU, 0 to 1: of the busiest thread.
    pub busy: f64,
    /// Older results have one.
    #[serde(default = "one_thread")]
    pub threads: usize,
    /// Older results were made by those that always do.
    #[serde(default)]
    pub spin: Spin,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServerUse {
    pub cpu_s: f64,
    pub resident_bytes: u64,
    pub context_switches: u64,
}

/// The shape of [`Loop`] in a file.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Loop", rename_all = "lowercase")]
enum LoopInFile {
    Open,
    Closed,
}

/// The shape of [`Errors`] in a file.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Errors")]
struct ErrorsInFile {
    refused: u64,
    unfinished: u64,
    broken: u64,
    malformed: u64,
}

/// The shape of [`Wrong`] in a file.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Wrong")]
struct WrongInFile {
    corrupt: u64,
    stale: u64,
    torn: u64,
    swapped: u64,
    length: u64,
    /// Older results have none.
    #[serde(default)]
    misplaced: u64,
    lost: u64,
    #[serde(default)]
    expired: u64,
    #[serde(default)]
    lost_update: u64,
    #[serde(default)]
    invented: u64,
}

impl Summary {
    pub fn of(measured: &Measured) -> Summary {
        let lasted_s = measured.lasted.as_secs_f64();
        let seconds = measured.seconds.iter().enumerate();
        Summary {
            schema: SCHEMA,
            valid: measured.is_valid(),
            reasons: measured.reasons.iter().map(ToString::to_string).collect(),
            driven: measured.driven,
            began_unix_s: measured.began.duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64()),
            seconds: lasted_s,
            total: Figures::of(&measured.classes, &measured.timed(), lasted_s),
            classes: measured.classes.iter().map(|class| Class::of(class, lasted_s)).collect(),
            slow: measured.slow.clone(),
            generator: GeneratorUse::of(measured.generator),
            server: measured.server.map(ServerUse::of),
            links: measured.links.clone(),
            environment: measured.environment.clone(),
            timeline: seconds.map(|(at, second)| Row::of(at, second, measured.lasted)).collect(),
        }
    }

    /// Of a run that is not one: in its counts, and not in its times.
    pub fn closed_beside(&self) -> impl Iterator<Item = &Class> {
        self.classes.iter().filter(|class| class.driven == Loop::Closed && self.driven == Loop::Open)
    }
}

fn open() -> Loop {
    Loop::Open
}

fn one_thread() -> usize {
    1
}

impl Class {
    fn of(class: &ClassMeasured, lasted_s: f64) -> Class {
        Class {
            name: class.name.clone(),
            driven: class.driven,
            figures: Figures::of(std::slice::from_ref(class), &[class], lasted_s),
            operations: Operation::all_of(class),
        }
    }

    /// The name, and what must be known of its times.
    pub fn title(&self) -> String {
        match self.driven {
            Loop::Open => self.name.clone(),
            Loop::Closed => format!("{} (closed loop)", self.name),
        }
    }
}

impl Figures {
    /// Rates add up, whoever decides when the next request is sent; only the times of some compare.
    fn of(classes: &[ClassMeasured], timed: &[&ClassMeasured], lasted_s: f64) -> Figures {
        let requests = classes.iter().map(|class| class.requests).sum();
        let achieved: u64 = classes.iter().map(|class| class.achieved).sum();
        let (mut errors_by_kind, mut wrong_by_kind) = (Errors::default(), Wrong::default());
        for class in classes {
            errors_by_kind.add(class.errors);
            wrong_by_kind.add(class.wrong);
        }
        let per_second = |count: u64| if lasted_s > 0.0 { count as f64 / lasted_s } else { 0.0 };
        let response = merged(timed.iter().map(|class| &class.response_ns));
        let percentiles =
            |of: fn(&ClassMeasured) -> &Histogram<u64>| Percentiles::of(&merged(timed.iter().map(|class| of(class))));
        Figures {
            offered_per_second: classes.iter().map(|class| class.offered_per_second).sum(),
            achieved_per_second: per_second(achieved),
            requests,
            errors: errors_by_kind.total(),
            errors_per_second: per_second(errors_by_kind.total()),
            errors_by_kind,
            wrong: wrong_by_kind.total(),
            wrong_by_kind,
            response_ns: Percentiles::of(&response),
            service_ns: percentiles(|class| &class.service_ns),
            lag_ns: percentiles(|class| &class.lag_ns),
            lag_server_ns: percentiles(|class| &class.lag_server_ns),
            lag_generator_ns: percentiles(|class| &class.lag_generator_ns),
            response_curve: curve(&response),
        }
    }
}

impl Figures {
    pub fn error_kinds(&self) -> [(&'static str, u64); 4] {
        let Errors { refused, unfinished, broken, malformed } = self.errors_by_kind;
        [("refused", refused), ("unfinished", unfinished), ("broken", broken), ("malformed", malformed)]
    }

    pub fn wrong_kinds(&self) -> [(&'static str, u64); 10] {
        let Wrong { corrupt, stale, torn, swapped, length, misplaced, lost, expired, lost_update, invented } =
            self.wrong_by_kind;
        [
            ("corrupt", corrupt),
            ("stale", stale),
            ("torn", torn),
            ("swapped", swapped),
            ("length", length),
            ("misplaced", misplaced),
            ("lost", lost),
            ("expired", expired),
            ("lost update", lost_update),
            ("invented", invented),
        ]
    }
}

/// The sum of histograms, with the three digits that all of them have.
pub(crate) fn merged<'a>(histograms: impl IntoIterator<Item = &'a Histogram<u64>>) -> Histogram<u64> {
    let mut sum = Histogram::new(3).expect("three digits are allowed");
    for histogram in histograms {
        sum.add(histogram).expect("a histogram that grows takes every value");
    }
    sum
}

impl Percentiles {
    pub fn of(histogram: &Histogram<u64>) -> Percentiles {
        let at = |quantile| histogram.value_at_quantile(quantile).min(histogram.max());
        Percentiles {
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p99_5: at(0.995),
            p99_9: at(0.999),
            p99_99: at(0.9999),
            max: histogram.max(),
            mean: rounded(histogram.mean(), 1),
            count: histogram.len(),
        }
    }
}

fn curve(histogram: &Histogram<u64>) -> Vec<CurvePoint> {
    let points = histogram.iter_quantiles(CURVE_POINTS_PER_HALVING);
    points
        .map(|point| CurvePoint {
            quantile: rounded(point.quantile_iterated_to(), 12),
            ns: point.value_iterated_to().min(histogram.max()),
        })
        .collect()
}

/// Without the noise that floating point leaves behind the last digit that means something.
fn rounded(value: f64, digits: i32) -> f64 {
    let scale = 10f64.powi(digits);
    (value * scale).round() / scale
}

impl From<(f64, u64)> for CurvePoint {
    fn from((quantile, ns): (f64, u64)) -> CurvePoint {
        CurvePoint { quantile, ns }
    }
}

impl From<CurvePoint> for (f64, u64) {
    fn from(point: CurvePoint) -> (f64, u64) {
        (point.quantile, point.ns)
    }
}

impl Row {
    fn of(at: usize, second: &Second, lasted: Duration) -> Row {
        let percentiles = Percentiles::of(&second.response_ns.unpack());
        Row {
            at_s: at as u64,
            seconds: width(at, lasted).as_secs_f64(),
            offered: second.offered,
            achieved: second.achieved,
            in_flight: second.in_flight,
            errors: second.errors,
            wrong: second.wrong,
            p50_ns: percentiles.p50,
            p90_ns: percentiles.p90,
            p99_ns: percentiles.p99,
            p99_9_ns: percentiles.p99_9,
            max_ns: percentiles.max,
            server_cpu_s: second.server_cpu.map(|cpu| cpu.as_secs_f64()),
        }
    }
}

/// How much of the second `at` belongs to a run that `lasted`: of the last one perhaps only a part. What came later, when
/// nothing more was sent, came in whole seconds.
pub(crate) fn width(at: usize, lasted: Duration) -> Duration {
    let left = lasted.saturating_sub(Duration::from_secs(at as u64));
    if left.is_zero() { Duration::from_secs(1) } else { left.min(Duration::from_secs(1)) }
}

impl GeneratorUse {
    fn of(generator: Generator) -> GeneratorUse {
        GeneratorUse {
            cpu_s: generator.cpu.as_secs_f64(),
            busy: generator.busy,
            threads: generator.threads,
            spin: generator.spin,
        }
    }
}

impl ServerUse {
    fn of(cost: ServerCost) -> ServerUse {
        ServerUse {
            cpu_s: cost.cpu.as_secs_f64(),
            resident_bytes: cost.resident_bytes,
            context_switches: cost.context_switches,
        }
    }
}

impl ServerUse {
    pub fn cpu_ns_per_request(&self, requests: u64) -> u64 {
        (self.cpu_s * 1e9 / requests.max(1) as f64) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::specimen;

    #[test]
    fn totals_are_the_sums_of_the_classes() {
        let measured = specimen::run(10);
        let summary = Summary::of(&measured);
        assert_eq!(summary.total.requests, summary.classes.iter().map(|class| class.figures.requests).sum::<u64>());
        assert_eq!(summary.total.errors, measured.errors());
        assert_eq!(summary.total.wrong, measured.wrong());
        let counts = summary.classes.iter().map(|class| class.figures.response_ns.count);
        assert_eq!(summary.total.response_ns.count, counts.sum::<u64>());
        let maxima = summary.classes.iter().map(|class| class.figures.response_ns.max);
        assert_eq!(Some(summary.total.response_ns.max), maxima.max());
        assert_eq!(summary.timeline.len(), 10);
    }

    #[test]
    fn a_closed_class_beside_an_open_one_is_counted_and_not_timed() {
        let both = specimen::partly_closed_run(10);
        let [open, closed] = both.classes.as_slice() else { panic!("two classes") };
        assert!(open.response_ns.max() != closed.response_ns.max() && !open.lag_ns.is_empty());
        let alone = Summary::of(&Measured { classes: vec![open.clone()], ..both.clone() }).total;
        let total = Summary::of(&both).total;
        let times = |total: &Figures| {
            let Figures { response_ns, service_ns, lag_ns, lag_server_ns, lag_generator_ns, .. } = total.clone();
            [response_ns, service_ns, lag_ns, lag_server_ns, lag_generator_ns]
        };
        assert_eq!(times(&total), times(&alone));
        assert_eq!(total.response_curve, alone.response_curve);
        assert_eq!(total.requests, open.requests + closed.requests);
        assert_eq!(total.achieved_per_second, (open.achieved + closed.achieved) as f64 / 10.0);
        assert_eq!(total.offered_per_second, open.offered_per_second + closed.offered_per_second);
        assert_eq!((total.errors, total.wrong), (both.errors(), both.wrong()));
    }

    #[test]
    fn a_run_of_closed_loops_alone_has_times_of_its_own() {
        let closed = Summary::of(&specimen::closed_run(10));
        let counts = closed.classes.iter().map(|class| class.figures.response_ns.count);
        assert_eq!(closed.total.response_ns.count, counts.sum::<u64>());
        assert_eq!(closed.closed_beside().count(), 0);
    }

    #[test]
    fn percentiles_rise_and_an_empty_histogram_has_none() {
        let mut histogram = Histogram::new(3).unwrap();
        assert_eq!(Percentiles::of(&histogram), Percentiles::default());
        assert_eq!(curve(&histogram), []);
        for ns in 1..=100_000u64 {
            histogram.record(ns * 10).unwrap();
        }
        let percentiles = Percentiles::of(&histogram);
        assert!((500_000..501_000).contains(&percentiles.p50), "{percentiles:?}");
        assert!((999_000..=1_000_000).contains(&percentiles.p99_9), "{percentiles:?}");
        let curve = curve(&histogram);
        assert!(curve.is_sorted_by(|a, b| a.quantile < b.quantile && a.ns <= b.ns), "{curve:?}");
        assert_eq!(curve.last().map(|point| (point.quantile, point.ns)), Some((1.0, percentiles.max)));
    }

    #[test]
    fn a_last_second_may_be_a_part() {
        let lasted = Duration::from_millis(2_250);
        assert_eq!(width(1, lasted), Duration::from_secs(1));
        assert_eq!(width(2, lasted), Duration::from_millis(250));
        assert_eq!(width(3, lasted), Duration::from_secs(1));
    }
}
