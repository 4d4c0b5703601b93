//! Values to positions, and where the ticks are.

use crate::report::figures::{count_tick, latency_tick};

/// The lowest latency is drawn above the line of the other axis, not on it.
const ABOVE_THE_FRAME: f64 = 0.9;

/// An axis: what its ends are, and what is written along it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Axis {
    pub(super) title: String,
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) spacing: Spacing,
    pub(super) ticks: Vec<Tick>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spacing {
    Linear,
    /// Of values above 0.
    Logarithmic,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tick {
    pub(super) value: f64,
    pub(super) label: String,
}

impl Axis {
    /// Where a value lies between the ends, 0 to 1 for one that is not beyond them.
    pub(super) fn share(&self, value: f64) -> f64 {
        match self.spacing {
            Spacing::Linear => (value - self.from) / (self.to - self.from),
            Spacing::Logarithmic => (value / self.from).log10() / (self.to / self.from).log10(),
        }
    }

    /// From 0 to `max` or a little above, in whole steps.
    pub(super) fn counts(title: impl Into<String>, max: f64) -> Axis {
        let max = max.max(1.0);
        let step = round_up(max / 6.0).max(1.0);
        let steps = (max / step).ceil() as u32;
        let ticks = (0..=steps).map(|at| f64::from(at) * step);
        Axis {
            title: title.into(),
            from: 0.0,
            to: f64::from(steps) * step,
            spacing: Spacing::Linear,
            ticks: ticks.map(|value| Tick { value, label: count_tick(value) }).collect(),
        }
    }

    /// Nanoseconds, logarithmic, around all the `values` above 0; one decade where there are none.
    pub(super) fn latencies(title: impl Into<String>, values: impl Iterator<Item = u64>) -> Axis {
        let (mut min, mut max) = (u64::MAX, 0);
        for value in values.filter(|&value| value > 0) {
            (min, max) = (min.min(value), max.max(value));
        }
        let (min, max) = if max == 0 { (1e3, 1e4) } else { (min as f64 * ABOVE_THE_FRAME, max as f64) };
        Axis::logarithmic(title.into(), (min, max), latency_tick)
    }

    /// Loads, between the lowest, which is above 0, and the highest: logarithmic where they are more than a decade apart, as
    /// the steps of a ladder are.
    pub(super) fn loads(title: impl Into<String>, min: f64, max: f64) -> Axis {
        if min > 0.0 && max > min * 10.0 {
            Axis::logarithmic(title.into(), (min, max), count_tick)
        } else {
            Axis::counts(title, max)
        }
    }

    fn logarithmic(title: String, (min, max): (f64, f64), label: fn(f64) -> String) -> Axis {
        let from = round_down(min);
        let to = round_up(max.max(from * 1.5));
        let decades = (to / from).log10();
        let digits: &[f64] = if decades <= 4.0 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let powers = from.log10().floor() as i32..=to.log10().ceil() as i32;
        let values = powers.flat_map(|power| digits.iter().map(move |&digit| (digit, digit * 10f64.powi(power))));
        // A hair of leeway: the ends are such values themselves, computed in another way.
        let within = values.filter(|&(_, value)| value > from * 0.999 && value < to * 1.001);
        // Over more than two decades only the lines of whole powers have names.
        let label = |digit: f64, value: f64| {
            if digit == 1.0 || decades <= 2.0 { label(value.round()) } else { String::new() }
        };
        let ticks = within.map(|(digit, value)| Tick { value, label: label(digit, value) }).collect();
        Axis { title, from, to, spacing: Spacing::Logarithmic, ticks }
    }

    /// Time from the beginning, in seconds.
    pub(super) fn time(seconds: f64) -> Axis {
        const STEPS_S: [u32; 15] = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14_400];
        const TICKS_MAX: f64 = 12.0;
        let seconds = seconds.max(1.0);
        let fits = |step: &&u32| seconds / f64::from(**step) <= TICKS_MAX;
        let step_s = STEPS_S.iter().find(fits).copied().unwrap_or_else(|| (seconds / TICKS_MAX).ceil() as u32);
        let label = |at_s: u32| match step_s {
            step if step < 60 => format!("{at_s} s"),
            step if step < 3600 => format!("{} min", at_s / 60),
            _ => format!("{} h", f64::from(at_s) / 3600.0),
        };
        let ticks = (0..).map(|at| at * step_s).take_while(|&at_s| f64::from(at_s) <= seconds);
        Axis {
            title: "time since the beginning".into(),
            from: 0.0,
            to: seconds,
            spacing: Spacing::Linear,
            ticks: ticks.map(|at_s| Tick { value: f64::from(at_s), label: label(at_s) }).collect(),
        }
    }

    /// Quantiles, drawn out towards 1: each nine takes as much room as the one before. Values are [`nines`].
    pub(super) fn quantiles(nines_max: f64) -> Axis {
        let to = nines_max.max(2.0);
        let ends = [(0.0, "0 %"), (0.5, "50 %"), (0.75, "75 %"), (0.9, "90 %"), (0.99, "99 %"), (0.999, "99.9 %")];
        let mut ticks: Vec<Tick> =
            ends.map(|(quantile, label)| Tick { value: nines(quantile), label: label.into() }).into();
        ticks.extend(
            (4..=12).map(|nines| Tick {
                value: f64::from(nines),
                label: format!("99.{} %", "9".repeat(nines as usize - 2)),
            }),
        );
        ticks.retain(|tick| tick.value <= to);
        Axis { title: "percentile".into(), from: 0.0, to, spacing: Spacing::Linear, ticks }
    }
}

/// 1 for 0.9, 2 for 0.99, 3 for 0.999. Of 1 it is infinite.
pub(super) fn nines(quantile: f64) -> f64 {
    -(1.0 - quantile).log10()
}

/// The next of 1, 2, 5, 10, 20, 50 and so on.
fn round_up(value: f64) -> f64 {
    let power = 10f64.powf(value.log10().floor());
    let digits = [1.0, 2.0, 5.0].into_iter().find(|digit| value <= digit * power * 1.000_001);
    digits.unwrap_or(10.0) * power
}

fn round_down(value: f64) -> f64 {
    let power = 10f64.powf(value.log10().floor());
    let digits = [5.0, 2.0].into_iter().find(|digit| value >= digit * power * 0.999_999);
    digits.unwrap_or(1.0) * power
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|tick| tick.label.as_str()).collect()
    }

    #[test]
    fn counts_begin_at_nought() {
        assert_eq!(labels(&Axis::counts("", 9_300.0)), ["0", "2 k", "4 k", "6 k", "8 k", "10 k"]);
        assert_eq!(labels(&Axis::counts("", 0.0)), ["0", "1"]);
    }

    #[test]
    fn latencies_lie_between_round_values() {
        let axis = Axis::latencies("", [70_000, 0, 900_000].into_iter());
        assert_eq!(labels(&axis), ["50 µs", "100 µs", "200 µs", "500 µs", "1 ms"]);
        assert!((axis.share(50e3)).abs() < 1e-9 && (axis.share(1e6) - 1.0).abs() < 1e-9);
        let middling = Axis::latencies("", [50_000, 20_000_000].into_iter());
        assert_eq!(labels(&middling), ["", "", "100 µs", "", "", "1 ms", "", "", "10 ms", ""]);
        assert!(middling.share(50e3) > 0.1, "above the frame");
        let wide = Axis::latencies("", [2_000, 900_000_000].into_iter());
        assert_eq!(labels(&wide), ["1 µs", "10 µs", "100 µs", "1 ms", "10 ms", "100 ms", "1 s"]);
        assert!(!labels(&Axis::latencies("", std::iter::empty())).is_empty());
        let single = Axis::latencies("", [1_000].into_iter());
        assert!(single.to > single.from);
    }

    #[test]
    fn loads_far_apart_are_logarithmic() {
        assert_eq!(labels(&Axis::loads("", 1_000.0, 9_300.0)), ["0", "2 k", "4 k", "6 k", "8 k", "10 k"]);
        assert_eq!(labels(&Axis::loads("", 1_000.0, 16_000.0)), ["1 k", "2 k", "5 k", "10 k", "20 k"]);
        assert_eq!(Axis::loads("", 0.0, 16_000.0).spacing, Spacing::Linear);
    }

    #[test]
    fn times_have_a_dozen_ticks_at_most() {
        assert_eq!(labels(&Axis::time(3.0)), ["0 s", "1 s", "2 s", "3 s"]);
        assert_eq!(labels(&Axis::time(600.0)).last(), Some(&"10 min"));
        for seconds in [0.0, 1.5, 59.0, 601.0, 86_400.0, 1e6] {
            assert!(Axis::time(seconds).ticks.len() <= 13, "{seconds}");
        }
    }

    #[test]
    fn every_nine_takes_the_same_room() {
        let axis = Axis::quantiles(4.5);
        assert_eq!(labels(&axis), ["0 %", "50 %", "75 %", "90 %", "99 %", "99.9 %", "99.99 %"]);
        let shares: Vec<f64> = axis.ticks[3..].iter().map(|tick| axis.share(tick.value)).collect();
        assert!(shares.windows(2).all(|pair| (pair[1] - pair[0] - 1.0 / 4.5).abs() < 1e-9), "{shares:?}");
    }
}
