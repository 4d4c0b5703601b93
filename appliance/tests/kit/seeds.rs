//! Runs that are drawn from a seed: many of them, and one again.

/// Runs a seed and says which one it was when it fails. A run is what it returns.
fn run(seed: u64, simulate: fn(u64) -> String) -> String {
    std::panic::catch_unwind(|| simulate(seed)).unwrap_or_else(|panic| {
        eprintln!("the simulation failed with seed {seed}: SPINDLE_SEED={seed} replays it");
        std::panic::resume_unwind(panic)
    })
}

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Runs so many seeds, or as many as `SPINDLE_SEEDS` asks for.
pub(crate) fn run_many(seeds: u64, simulate: fn(u64) -> String) {
    (0..from_environment("SPINDLE_SEEDS").unwrap_or(seeds)).for_each(|seed| drop(run(seed, simulate)));
}

/// Replays `SPINDLE_SEED` and tells of it; without it runs a fixed seed, twice, to show that a seed is a run.
pub(crate) fn replay(simulate: fn(u64) -> String) {
    let asked = from_environment("SPINDLE_SEED");
    let seed = asked.unwrap_or(4711);
    let ran = run(seed, simulate);
    if asked.is_some() {
        eprintln!("{ran}");
    }
    assert_eq!(ran, run(seed, simulate));
    assert_ne!(ran, run(seed + 1, simulate));
}
