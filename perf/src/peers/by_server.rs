//! The first table of the caches' report: all that matters most, a row for each cache.

use super::contender::Contender;
use super::equal_load::AtEqualLoad;
use super::figures::{AT_A_LOAD, at_a_load};
use super::report::rate;
use super::throughput::Loaded;
use crate::report::markdown;

/// A column for each throughput that was measured, and those of the equal load if that was; none when neither was. The
/// caches are the first contenders of each load, and all there are at equal load.
pub(super) fn table(caches: &[Contender], loads: &[Loaded], equal_load: &[AtEqualLoad]) -> Option<String> {
    if loads.is_empty() && equal_load.is_empty() {
        return None;
    }
    let mut heads = vec!["server".to_string()];
    heads.extend(loads.iter().map(|loaded| format!("{}: requests per second of server CPU", loaded.row)));
    if !equal_load.is_empty() {
        heads.extend(AT_A_LOAD.map(String::from));
    }
    let cells = |(at, cache): (usize, &Contender)| {
        let mut cells = vec![cache.name.clone()];
        cells.extend(loads.iter().map(|loaded| rate(&loaded.figures[at])));
        cells.extend(equal_load.get(at).into_iter().flat_map(|at| at_a_load(&at.waits, &at.cost)));
        cells
    };
    let rows: Vec<Vec<String>> = caches.iter().enumerate().map(cells).collect();
    Some(markdown::unaligned(&heads, &rows))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peers::contender::Kind;
    use crate::peers::figures::{Saturated, Waits};
    use crate::peers::rows::{LoadRow, Verb};
    use crate::peers::throughput::Figures;

    fn contender(kind: Kind, name: &str) -> Contender {
        Contender { kind, name: name.into(), binary: name.into(), version: String::new() }
    }

    fn loaded(depth: usize, rates: &[f64]) -> Loaded {
        let figures = |&per_cpu_second: &f64| Some(Figures { per_cpu_second, ..Figures::specimen() });
        let row = LoadRow { verb: Verb::Get, connections: 64, depth };
        Loaded { row, figures: rates.iter().map(figures).collect() }
    }

    fn at_equal_load(invalid: usize) -> AtEqualLoad {
        let waits = Waits {
            offered_per_second: 68_000.4,
            p50_ns: 33_000.0,
            p99_ns: 733_000.0,
            p99_9_ns: 3_838_000.0,
            invalid,
            reason: "the generator was late".into(),
        };
        let (context_switches_per_request, resident_bytes) = (0.22, 21.25 * 1_048_576.0);
        AtEqualLoad { waits, cost: Saturated { context_switches_per_request, resident_bytes, ..Saturated::default() } }
    }

    #[test]
    fn a_row_for_each_cache_and_a_column_for_what_was_measured() {
        let caches = [contender(Kind::Spindle, "Spindle"), contender(Kind::Memcached, "memcached")];
        // The third is a toy store's, which is no cache.
        let loads = [loaded(1, &[186e3, 133e3, 188e3]), loaded(16, &[1.83e6, 163e3, 1.77e6])];
        let equal = [at_equal_load(0), at_equal_load(1)];
        let equal_heads = "equal load, requests per second | p50 / p99 / p99.9 at equal load, µs | memory, MiB | \
                           context switches per request |";
        assert_eq!(
            table(&caches, &loads, &equal).unwrap(),
            format!(
                "| server | get, 64 x 1: requests per second of server CPU | get, 64 x 16: requests per second of server CPU | \
                 {equal_heads}\n| --- | --- | --- | --- | --- | --- | --- |\n\
                 | Spindle | 186 k | 1.83 M | 68000 | 33 / 733 / 3838 | 21.2 | 0.22 |\n\
                 | memcached | 133 k | 163 k | 68000 | 33 / 733 / 3838 (INVALID) | 21.2 | 0.22 |\n"
            )
        );
        let without_equal = table(&caches, &loads[..1], &[]).unwrap();
        assert!(without_equal.ends_with("| Spindle | 186 k |\n| memcached | 133 k |\n"), "{without_equal}");
        let without_loads = table(&caches, &[], &equal).unwrap();
        assert!(without_loads.starts_with(&format!("| server | {equal_heads}\n")), "{without_loads}");
        assert_eq!(table(&caches, &[], &[]), None);
    }
}
