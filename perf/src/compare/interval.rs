//! The interval of a ratio of means, by the bootstrap: what would have come of other samples, had they been drawn from the
//! same seconds or runs (Efron 1979; of neighbours that hang together in blocks, around the end: Politis, Romano 1992).
//!
//! Few runs scatter less than what they were drawn from, and the plain percentile interval of three is far too narrow. So
//! it is stretched about its estimate until it is as wide as Student's would be, with Welch's degrees of freedom (Hesterberg
//! 2015, "What teachers should know about the bootstrap", section 4.3, for the reason); its shape stays the bootstrap's.

use spindle_core::simulator::Random;

use super::sample::Sample;

/// Of the interval: 95 %.
const TAIL: f64 = 0.025;
const NORMAL: f64 = 1.959_964;
/// Student's 97.5 % quantile for 1 to 10 degrees of freedom.
const STUDENT: [f64; 10] = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228];

const RESAMPLES_MIN: usize = 1000;
const RESAMPLES_MAX: usize = 5000;
/// A day's seconds should not take a day.
const DRAWS_MAX: usize = 20_000_000;

/// Where the truth lies 19 times of 20. A share: 0.05 is five in a hundred more.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    pub low: f64,
    pub estimate: f64,
    pub high: f64,
}

impl Interval {
    pub fn widened(self, by: f64) -> Interval {
        Interval { low: self.low - by, high: self.high + by, ..self }
    }
}

/// Of the mean of `b` by that of `a`, less one. None where a sample is too small to tell.
pub fn of_ratio(a: &Sample, b: &Sample, seed: u64) -> Option<Interval> {
    if [a, b].iter().any(|sample| sample.values.len() < sample.least) {
        return None;
    }
    let estimate = b.log_mean(b.values.iter().copied())? - a.log_mean(a.values.iter().copied())?;
    let mut random = Random::new(seed);
    let resamples = (DRAWS_MAX / (a.values.len() + b.values.len())).clamp(RESAMPLES_MIN, RESAMPLES_MAX);
    let (mut of_a, mut of_b) = (Vec::with_capacity(resamples), Vec::with_capacity(resamples));
    for _ in 0..resamples {
        // A resample of nothing but silent seconds has no ratio.
        let (Some(a), Some(b)) = (resampled(a, &mut random), resampled(b, &mut random)) else { continue };
        of_a.push(a);
        of_b.push(b);
    }
    if of_a.len() < RESAMPLES_MIN {
        return None;
    }
    let stretch = stretch([(a, &of_a), (b, &of_b)]);
    let mut ratios: Vec<f64> = of_a.iter().zip(&of_b).map(|(a, b)| b - a).collect();
    ratios.sort_by(f64::total_cmp);
    let at = |quantile: f64| ratios[(quantile * (ratios.len() - 1) as f64).round() as usize];
    let end = |quantile: f64| (estimate + stretch * (at(quantile) - estimate)).exp_m1();
    Some(Interval { low: end(TAIL), estimate: estimate.exp_m1(), high: end(1.0 - TAIL) })
}

/// The logarithm of the mean of as many values, drawn in blocks, each from anywhere.
fn resampled(sample: &Sample, random: &mut Random) -> Option<f64> {
    let Sample { values, block, .. } = sample;
    let blocks = values.len().div_ceil(*block);
    let drawn = (0..blocks).flat_map(|_| {
        let from = random.below(values.len());
        (from..from + block).map(|at| values[at % values.len()])
    });
    sample.log_mean(drawn.take(values.len()))
}

/// How much wider the interval has to be than that of the resamples.
fn stretch(sides: [(&Sample, &[f64]); 2]) -> f64 {
    let (mut drawn, mut true_, mut by_freedom) = (0.0, 0.0, 0.0);
    for (sample, means) in sides {
        let freedom = sample.independent() - 1.0;
        let variance = variance(means);
        let unbiased = variance * (freedom + 1.0) / freedom;
        drawn += variance;
        true_ += unbiased;
        by_freedom += unbiased * unbiased / freedom;
    }
    if drawn == 0.0 {
        return 1.0;
    }
    (true_ / drawn).sqrt() * student(true_ * true_ / by_freedom) / NORMAL
}

fn variance(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64
}

/// Student's 97.5 % quantile: between the lines of the table along a straight one, which lies above the curve; beyond it by
/// its expansion about the normal one (Abramowitz, Stegun, 26.7.5).
fn student(freedom: f64) -> f64 {
    let freedom = freedom.max(1.0);
    let row = freedom as usize - 1;
    match (STUDENT.get(row), STUDENT.get(row + 1)) {
        (Some(quantile), Some(next)) => quantile + (next - quantile) * freedom.fract(),
        _ => {
            let z = NORMAL;
            let second = (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / (96.0 * freedom * freedom);
            z + (z.powi(3) + z) / (4.0 * freedom) + second
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::sample::Mean;
    use crate::sizes::even;

    /// Normal, by the sum of twelve even ones.
    fn normal(random: &mut Random) -> f64 {
        (0..12).map(|_| even(random.draw())).sum::<f64>() - 6.0
    }

    fn sample(values: Vec<f64>, block: usize) -> Sample {
        Sample { values, mean: Mean::Geometric, block, least: if block == 1 { 2 } else { 8 } }
    }

    /// How many of so many intervals hold the truth; each from two samples that `draw` makes for a mean.
    fn held(rounds: u64, truth: f64, mut draw: impl FnMut(&mut Random, f64) -> Sample) -> f64 {
        let mut random = Random::new(99);
        let held = (0..rounds).filter(|round| {
            let (a, b) = (draw(&mut random, 1000.0), draw(&mut random, 1000.0 * (1.0 + truth)));
            let interval = of_ratio(&a, &b, *round).unwrap();
            (interval.low..=interval.high).contains(&truth)
        });
        held.count() as f64 / rounds as f64
    }

    #[test]
    fn an_interval_of_runs_holds_the_truth_19_times_of_20() {
        for (runs, noise) in [(3, 0.02), (5, 0.2), (20, 0.02)] {
            let share = held(400, 0.05, |random, mean| {
                sample((0..runs).map(|_| mean * (noise * normal(random)).exp()).collect(), 1)
            });
            assert!((0.92..0.985).contains(&share), "{share} of {runs} runs with {noise} noise");
        }
    }

    #[test]
    fn an_interval_of_seconds_that_hang_together_holds_it_nearly_as_often() {
        let share = held(400, 0.05, |random, mean| {
            let mut state = 0.0;
            let values = (0..60).map(|_| {
                state = 0.3 * state + normal(random);
                mean * (0.05 * state).exp()
            });
            sample(values.collect(), 4)
        });
        assert!((0.9..0.98).contains(&share), "{share}");
    }

    #[test]
    fn samples_of_one_law_show_no_difference_19_times_of_20() {
        let share =
            held(400, 0.0, |random, mean| sample((0..4).map(|_| mean * (0.1 * normal(random)).exp()).collect(), 1));
        assert!((0.92..0.985).contains(&share), "{share}");
    }

    #[test]
    fn a_shift_of_five_in_a_hundred_is_found_in_noise_of_one() {
        let mut random = Random::new(5);
        let mut of = |mean: f64| sample((0..3).map(|_| mean * (0.01 * normal(&mut random)).exp()).collect(), 1);
        let found = (0..200).filter(|round| of_ratio(&of(1000.0), &of(1050.0), *round).unwrap().low > 0.0).count();
        assert!(found > 180, "{found} of 200");
    }

    #[test]
    fn what_does_not_scatter_has_a_point() {
        let interval = of_ratio(&sample(vec![10.0; 3], 1), &sample(vec![11.0; 3], 1), 1).unwrap();
        assert!((interval.low - 0.1).abs() < 1e-9 && (interval.high - 0.1).abs() < 1e-9, "{interval:?}");
        let widened = interval.widened(0.001);
        assert!((widened.low - 0.099).abs() < 1e-9 && (widened.high - 0.101).abs() < 1e-9, "{widened:?}");
    }

    #[test]
    fn too_little_has_none() {
        assert_eq!(of_ratio(&sample(vec![1.0], 1), &sample(vec![1.0; 3], 1), 1), None);
        assert_eq!(of_ratio(&sample(vec![1.0; 7], 2), &sample(vec![1.0; 60], 4), 1), None);
        let silent = Sample { values: vec![0.0; 10], mean: Mean::Arithmetic, block: 1, least: 2 };
        assert_eq!(of_ratio(&silent, &silent, 1), None);
    }

    #[test]
    fn the_same_seed_gives_the_same_interval() {
        let (a, b) = (sample(vec![1.0, 1.1, 0.9], 1), sample(vec![1.0, 1.2, 0.8], 1));
        assert_eq!(of_ratio(&a, &b, 7), of_ratio(&a, &b, 7));
    }

    #[test]
    fn students_quantiles() {
        for (freedom, quantile) in
            [(1.0, 12.706), (2.0, 4.303), (2.5, 3.7425), (10.0, 2.228), (11.0, 2.201), (30.0, 2.042), (1000.0, 1.962)]
        {
            assert!((student(freedom) - quantile).abs() < 0.003, "{freedom}: {}", student(freedom));
        }
    }
}
