//! The hit ratio to expect.

use super::Popularity;

/// Keys that are treated as one.
struct Group {
    keys: f64,
    /// Of one key, among all requests.
    share: f64,
}

/// The share of requests that an LRU cache with room for `cached_keys` of `keys` objects answers, when each is stored at
/// its miss: 0 to 1.
///
/// Che's approximation: an object stays for a time that is the same for all, the one after which as many different
/// objects have been asked for as there is room for. H. Che, Y. Tung and Z. Wang, "Hierarchical Web Caching Systems", IEEE
/// Journal on Selected Areas in Communications 20(7), 2002; why it is good to a percent or so: C. Fricker, P. Robert and
/// J. Roberts, "A Versatile and Accurate Approximation for LRU Cache Performance", ITC 2012. `Latest` counts as the Zipf
/// that it is while nothing is written; a sequence longer than the cache never hits.
pub fn hit_ratio(popularity: Popularity, keys: u64, cached_keys: u64) -> f64 {
    if cached_keys >= keys {
        return 1.0;
    }
    let room = cached_keys as f64;
    match popularity {
        Popularity::Sequential => 0.0,
        Popularity::Uniform => room / keys as f64,
        Popularity::Zipf(exponent) | Popularity::Latest(exponent) => {
            let groups = zipf_groups(keys, exponent);
            let stay = stay(&groups, room);
            groups.iter().map(|group| group.keys * group.share * present(group, stay)).sum()
        }
    }
}

/// A thousandth of the rank wide, so that a thousand ranks stand alone and a billion make 16,000 groups.
fn zipf_groups(keys: u64, exponent: f64) -> Vec<Group> {
    let mut groups = Vec::new();
    let mut first = 1;
    while first <= keys {
        let count = (first / 1000).clamp(1, keys - first + 1);
        let middle = first as f64 + (count - 1) as f64 / 2.0;
        groups.push(Group { keys: count as f64, share: middle.powf(-exponent) });
        first += count;
    }
    let whole: f64 = groups.iter().map(|group| group.keys * group.share).sum();
    groups.iter_mut().for_each(|group| group.share /= whole);
    groups
}

/// The probability that a key is cached: that it was asked for in the last `stay` requests.
fn present(group: &Group, stay: f64) -> f64 {
    -(-group.share * stay).exp_m1()
}

/// In requests, by bisection: the longer the stay, the more keys are present. `room` is less than all keys; where a steep
/// law leaves fewer that are ever asked for, the longest stay will do.
fn stay(groups: &[Group], room: f64) -> f64 {
    const LONGEST: f64 = 1e300;
    let held = |stay: f64| groups.iter().map(|group| group.keys * present(group, stay)).sum::<f64>();
    let (mut short, mut long) = (0.0, room.max(1.0));
    while held(long) < room && long < LONGEST {
        (short, long) = (long, long * 2.0);
    }
    // Each halves the error; the first is at most a factor of two.
    for _ in 0..40 {
        let middle = (short + long) / 2.0;
        if held(middle) < room { short = middle } else { long = middle }
    }
    long
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::popularity::Chooser;

    /// A cache that remembers when each key was last asked for, and in which order.
    fn simulated(popularity: Popularity, keys: u64, cached_keys: u64) -> f64 {
        let mut chooser = Chooser::new(popularity, keys, 1);
        let mut last = vec![0u64; keys as usize];
        let mut order = std::collections::BTreeMap::new();
        let (warm, all) = (10 * keys, 30 * keys);
        let mut hits = 0;
        for now in 1..=all {
            let key = chooser.draw();
            let before = std::mem::replace(&mut last[key as usize], now);
            let hit = order.remove(&before).is_some();
            order.insert(now, key);
            if order.len() as u64 > cached_keys {
                order.pop_first();
            }
            hits += u64::from(hit && now > warm);
        }
        hits as f64 / (all - warm) as f64
    }

    #[test]
    fn a_simulated_cache_agrees() {
        for popularity in [
            Popularity::Uniform,
            Popularity::Sequential,
            Popularity::Zipf(0.5),
            Popularity::Zipf(0.9),
            Popularity::Zipf(1.0),
            Popularity::Zipf(1.2),
            Popularity::Latest(0.99),
        ] {
            for cached_keys in [20, 500, 4000] {
                let (found, expected) =
                    (simulated(popularity, 5000, cached_keys), hit_ratio(popularity, 5000, cached_keys));
                assert!((found - expected).abs() < 0.01, "{popularity}, {cached_keys}: {found}, {expected} expected");
            }
        }
    }

    #[test]
    fn groups_are_all_keys() {
        for keys in [1, 999, 2001, 1_000_000_000] {
            let groups = zipf_groups(keys, 0.99);
            assert_eq!(groups.iter().map(|group| group.keys).sum::<f64>(), keys as f64);
            assert!(groups.len() < 17_000);
        }
    }

    #[test]
    fn more_room_is_more_hits() {
        for (keys, exponent) in [(1_000_000_000, 0.99), (1000, 30.0), (1000, 1000.0)] {
            let popularity = Popularity::Zipf(exponent);
            let ratios: Vec<f64> = (0..=10).map(|tenth| hit_ratio(popularity, keys, keys / 10 * tenth)).collect();
            assert!(ratios.is_sorted() && ratios[0] < 1e-9, "{ratios:?}");
            assert_eq!(ratios[10], 1.0);
        }
    }
}
