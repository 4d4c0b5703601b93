//! Zipf's law: the rank r of n is drawn in proportion to 1 / r^s; and Mandelbrot's, in proportion to 1 / (r + shift)^s.

use spindle_core::simulator::Random;

use crate::sizes::even;

/// Draws ranks in constant memory and, whatever their number, in constant time: a little over one try in the mean.
///
/// Rejection-inversion of W. Hörmann and G. Derflinger, "Rejection-Inversion to Generate Variates from Monotone Discrete
/// Distributions", ACM Transactions on Modeling and Computer Simulation 6(3), 1996. A point is drawn evenly under the
/// curve h(x) = x^-s by the inverse of its integral H, and x rounded to the rank k. The curve is convex, so that the strip
/// of k, from k - 1/2 to k + 1/2, has at least the area h(k): points beyond that area are drawn again.
#[derive(Clone, Debug)]
pub struct Zipf {
    ranks: f64,
    exponent: f64,
    /// Above -1.
    shift: f64,
    /// H where the points begin: the strip of the rank 1 is cut to its area.
    begin: f64,
    /// H where the last strip ends.
    end: f64,
    /// A point at most this far below its rank is surely within the area: no need to compute it.
    sure: f64,
}

impl Zipf {
    /// `ranks` is at least 1, and below 2^53; `exponent` is 0 (all alike) or more, and finite.
    pub fn new(ranks: usize, exponent: f64) -> Zipf {
        Zipf::shifted(ranks, exponent, 0.0)
    }

    /// The rank r in proportion to 1 / (r + shift)^s; `shift` is above -1. With (part + 1) / of - 1 these are the ranks part
    /// + 1, part + 1 + of, part + 1 + 2 of, ... of Zipf's law.
    pub fn shifted(ranks: usize, exponent: f64, shift: f64) -> Zipf {
        let ranks = ranks.max(1) as f64;
        let mut zipf = Zipf { ranks, exponent, shift, begin: 0.0, end: 0.0, sure: 0.0 };
        zipf.begin = zipf.integral(1.5) - zipf.weight(1.0);
        zipf.end = zipf.integral(ranks + 0.5);
        zipf.sure = 2.0 - zipf.integral_inverse(zipf.integral(2.5) - zipf.weight(2.0));
        zipf
    }

    /// From 0, the most popular, to one below the number of ranks.
    pub fn draw(&self, random: &mut Random) -> usize {
        loop {
            // From the end, which belongs to the last rank, to the beginning, which belongs to none.
            let point = self.end + even(random.draw()) * (self.begin - self.end);
            let x = self.integral_inverse(point);
            let rank = x.round().clamp(1.0, self.ranks);
            if rank - x <= self.sure || point >= self.integral(rank + 0.5) - self.weight(rank) {
                return rank as usize - 1;
            }
        }
    }

    /// The sum of all ranks' weights: of the first ones one by one, of the others by Euler and Maclaurin's formula.
    pub fn total(&self) -> f64 {
        const ONE_BY_ONE: f64 = 1000.0;
        let first = self.ranks.min(ONE_BY_ONE);
        let head: f64 = (1..=first as u32).map(|rank| self.weight(f64::from(rank))).sum();
        let tail = self.integral(self.ranks) - self.integral(first);
        head + tail + (self.weight(self.ranks) - self.weight(first)) / 2.0
    }

    /// h(x)
    fn weight(&self, x: f64) -> f64 {
        (x + self.shift).powf(-self.exponent)
    }

    /// H(x): the integral of h from where x + shift is 1, (x^(1 - s) - 1) / (1 - s), or ln x where s is 1; exact near there
    /// too.
    fn integral(&self, x: f64) -> f64 {
        let (ln, power) = ((x + self.shift).ln(), 1.0 - self.exponent);
        let stretched = power * ln;
        if stretched == 0.0 { ln } else { stretched.exp_m1() / power }
    }

    fn integral_inverse(&self, integral: f64) -> f64 {
        let power = 1.0 - self.exponent;
        // Rounding may lead below -1, where the curve has ended.
        let stretched = (power * integral).max(-1.0);
        let shifted = if stretched == 0.0 { integral.exp() } else { (stretched.ln_1p() / power).exp() };
        shifted - self.shift
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Chi-square over groups of ranks (each with 1/64 of the whole or a single rank): its mean is the number of groups
    /// less 1, its deviation the root of twice that.
    #[test]
    fn ranks_come_in_proportion() {
        for exponent in [0.0, 0.5, 0.9, 0.99, 1.0, 1.0 + 1e-12, 1.2, 2.0] {
            for ranks in [1usize, 2, 10, 1000, 100_000] {
                let excess = chi_square_excess(ranks, exponent, 0.0);
                assert!(excess < 4.0, "s = {exponent}, {ranks} ranks: {excess} deviations above the mean");
            }
        }
    }

    #[test]
    fn shifted_ranks_come_in_proportion() {
        for exponent in [0.5, 0.99, 1.0, 2.0] {
            for shift in [-0.9375, -0.75, -0.5, -0.25] {
                for ranks in [1usize, 2, 10, 1000, 100_000] {
                    let excess = chi_square_excess(ranks, exponent, shift);
                    assert!(
                        excess < 4.0,
                        "s = {exponent}, {ranks} ranks + {shift}: {excess} deviations above the mean"
                    );
                }
            }
        }
    }

    #[test]
    fn totals_are_the_sums_of_all_weights() {
        for exponent in [0.0, 0.5, 0.99, 1.0, 1.5] {
            for (ranks, shift) in [(1usize, 0.0), (7, -0.75), (1000, 0.0), (1001, -0.5), (300_000, -0.25)] {
                let zipf = Zipf::shifted(ranks, exponent, shift);
                let sum: f64 = (1..=ranks).map(|rank| (rank as f64 + shift).powf(-exponent)).sum();
                assert!((zipf.total() / sum - 1.0).abs() < 1e-6, "{ranks} ranks + {shift}: {} {sum}", zipf.total());
            }
        }
    }

    fn chi_square_excess(ranks: usize, exponent: f64, shift: f64) -> f64 {
        const DRAWS: usize = 500_000;
        let (zipf, mut random) = (Zipf::shifted(ranks, exponent, shift), Random::new(1));
        let mut drawn = vec![0u32; ranks];
        (0..DRAWS).for_each(|_| drawn[zipf.draw(&mut random)] += 1);
        let weight = |rank: usize| (rank as f64 + 1.0 + shift).powf(-exponent);
        let whole: f64 = (0..ranks).map(weight).sum();
        let (mut groups, mut chi_square) = (0.0, 0.0);
        let (mut expected, mut found) = (0.0, 0.0);
        for (rank, drawn) in drawn.iter().enumerate() {
            expected += weight(rank) / whole * DRAWS as f64;
            found += f64::from(*drawn);
            if expected > DRAWS as f64 / 64.0 || rank == ranks - 1 {
                chi_square += (found - expected) * (found - expected) / expected;
                groups += 1.0;
                (expected, found) = (0.0, 0.0);
            }
        }
        let freedom: f64 = groups - 1.0;
        if freedom == 0.0 { chi_square } else { (chi_square - freedom) / (2.0 * freedom).sqrt() }
    }

    /// Of 10^9 ranks, shares of the first and of the first thousand, by Euler and Maclaurin's sum of all weights.
    #[test]
    fn a_billion_ranks_are_as_exact() {
        let ranks = 1_000_000_000usize;
        for exponent in [0.5, 0.99, 1.0, 1.2] {
            let (zipf, mut random) = (Zipf::new(ranks, exponent), Random::new(3));
            let head: f64 = (1..=1000).map(|rank| zipf.weight(f64::from(rank))).sum();
            let tail = zipf.integral(ranks as f64) - zipf.integral(1000.0) - zipf.weight(1000.0) / 2.0;
            let draws = 400_000;
            let (mut first, mut thousand, mut greatest) = (0, 0, 0);
            for rank in (0..draws).map(|_| zipf.draw(&mut random)) {
                first += u32::from(rank == 0);
                thousand += u32::from(rank < 1000);
                greatest = greatest.max(rank);
            }
            for (found, weight) in [(first, 1.0), (thousand, head)] {
                let share = weight / (head + tail);
                let expected = share * f64::from(draws);
                let deviation = (expected * (1.0 - share)).sqrt();
                assert!((f64::from(found) - expected).abs() < 4.0 * deviation + 1.0, "{found}, {expected} expected");
            }
            assert!((ranks / 100..ranks).contains(&greatest), "s = {exponent}: {greatest}");
        }
    }

    #[test]
    fn steep_laws_end_too() {
        for exponent in [5.0, 50.0, 1000.0] {
            let (zipf, mut random) = (Zipf::new(1_000_000_000, exponent), Random::new(1));
            let first = (0..10_000).filter(|_| zipf.draw(&mut random) == 0).count();
            assert!(first > 9_500, "s = {exponent}: {first}");
        }
    }
}
