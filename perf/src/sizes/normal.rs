//! The normal distribution.

use std::f64::consts::TAU;

/// How many deviations above the mean the fraction `even` of a normal distribution ends, to 7 digits; `even` is from 0
/// to 1 and stands for the middle of its 2^-53, so that 0 has an answer too.
///
/// PPND7 of M. J. Wichura, "Algorithm AS 241: The Percentage Points of the Normal Distribution", Applied Statistics
/// 37(3), 1988.
pub(super) fn quantile(even: f64) -> f64 {
    let half_step = 1.0 / (1u64 << 54) as f64;
    let below = (even + half_step).min(1.0 - half_step * 2.0);
    let centred = below - 0.5;
    if centred.abs() <= 0.425 {
        let r = 0.180625 - centred * centred;
        let above = ((59.109374720 * r + 159.29113202) * r + 50.434271938) * r + 3.3871327179;
        return centred * above / (((67.187563600 * r + 78.757757664) * r + 17.895169469) * r + 1.0);
    }
    let r = (-below.min(1.0 - below).ln()).sqrt();
    let distance = if r <= 5.0 {
        let r = r - 1.6;
        (((0.17023821103 * r + 1.3067284816) * r + 2.7568153900) * r + 1.4234372777)
            / ((0.12021131975 * r + 0.73700164250) * r + 1.0)
    } else {
        let r = r - 5.0;
        (((0.017337203997 * r + 0.42868294337) * r + 3.0812263860) * r + 6.6579051150)
            / ((0.012258202635 * r + 0.24197894225) * r + 1.0)
    };
    distance.copysign(centred)
}

/// The mean of `value` over deviations from the mean, by the trapezoid rule. `value` grows no faster than
/// exp(`growth` * deviations).
pub(super) fn mean(growth: f64, value: impl Fn(f64) -> f64) -> f64 {
    /// In a deviation.
    const STEPS: f64 = 512.0;
    let (first, last) = ((-9.0 * STEPS) as i64, ((9.0 + growth) * STEPS) as i64);
    let weighted = |step: i64| {
        let deviations = step as f64 / STEPS;
        value(deviations) * (-deviations * deviations / 2.0).exp()
    };
    (first..=last).map(weighted).sum::<f64>() / (STEPS * TAU.sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_percentage_points() {
        let known = [
            (0.5, 0.0),
            (0.9, 1.2815515655446),
            (0.975, 1.959963984540054),
            (0.999, 3.090232306167813),
            (1e-10, -6.361340902404056),
            (1e-12, -7.034483825301131),
        ];
        for (below, expected) in known {
            let found = quantile(below - 1.0 / (1u64 << 54) as f64);
            assert!((found - expected).abs() < 1e-6, "{below}: {found}");
        }
    }

    #[test]
    fn both_ends_have_an_answer() {
        let last = 1.0 - f64::EPSILON / 2.0;
        assert!((-8.4..-8.2).contains(&quantile(0.0)), "{}", quantile(0.0));
        assert!((8.1..8.4).contains(&quantile(last)), "{}", quantile(last));
    }

    #[test]
    fn known_means() {
        assert!((mean(0.0, |_| 1.0) - 1.0).abs() < 1e-9);
        assert!((mean(3.0, |deviations| (3.0 * deviations).exp()) / 4.5f64.exp() - 1.0).abs() < 1e-9);
    }
}
