//! Popularity of keys by Zipf's law: the key of rank r is drawn in proportion to 1 / r^s.

use spindle_core::simulator::Random;

/// Draws ranks by looking for a random number in the running sum of all weights: exact, 8 bytes a rank.
#[derive(Clone, Debug)]
pub struct Zipf {
    /// Ascending; the last is the whole.
    sums: Vec<f64>,
}

impl Zipf {
    /// `ranks` is at least 1; `exponent` is 0 (all alike) or more.
    pub fn new(ranks: usize, exponent: f64) -> Zipf {
        let weights = (1..=ranks.max(1)).map(|rank| (rank as f64).powf(-exponent));
        let sums = weights.scan(0.0, |sum, weight| {
            *sum += weight;
            Some(*sum)
        });
        Zipf { sums: sums.collect() }
    }

    /// From 0, the most popular, to one below the number of ranks.
    pub fn draw(&self, random: &mut Random) -> usize {
        // 53 bits: as many as an f64 has.
        let even = (random.draw() >> 11) as f64 / (1u64 << 53) as f64;
        let last = self.sums.len() - 1;
        self.sums.partition_point(|&sum| sum <= even * self.sums[last]).min(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_come_in_proportion() {
        let (zipf, mut random) = (Zipf::new(1000, 0.9), Random::new(1));
        let mut drawn = vec![0u32; 1000];
        (0..200_000).for_each(|_| drawn[zipf.draw(&mut random)] += 1);
        let whole: f64 = (1..=1000).map(|rank| f64::from(rank).powf(-0.9)).sum();
        for rank in [1, 2, 10, 100] {
            let expected = 200_000.0 * f64::from(rank).powf(-0.9) / whole;
            let error = (f64::from(drawn[rank as usize - 1]) - expected).abs() / expected;
            assert!(error < 0.15, "rank {rank}: {} drawn, {expected:.0} expected", drawn[rank as usize - 1]);
        }
        assert_eq!(drawn.iter().sum::<u32>(), 200_000);
    }
}
