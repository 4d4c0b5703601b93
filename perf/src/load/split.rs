//! A plan for several generators, each of which is a thread with a ring, connections and keys of its own.
//!
//! Every class is split over as many of them as it has connections and keys for. Which keys one has is fixed (see
//! [`Share`]); its portion of the requests is what these keys are asked for, and it has connections in proportion. So all
//! together ask for the same, as often, as a single generator would. Slow clients are dealt out in whole groups.

use crate::load::http::ObjectsPlan;
use crate::popularity::Popularity;
use crate::share::{Portion, Share};
use crate::slow::SlowPlan;

use super::{ClassPlan, Plan, WorkPlan};

/// What one generator does.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) cpu: Option<usize>,
    pub(super) slices: Vec<Slice>,
    pub(super) slow: Vec<SlowPlan>,
}

/// The least portion of a class that is worth a generator. Where few keys have nearly all of the requests, fewer generators
/// have the class.
const PORTION_MIN: f64 = 1e-3;

/// What one generator has of a class.
#[derive(Clone, Debug)]
pub(super) struct Slice {
    /// The class's place in the plan.
    pub(super) place: usize,
    /// With the slice's own number of connections. All else is of the whole class.
    pub(super) class: ClassPlan,
    pub(super) share: Share,
    pub(super) portion: Portion,
}

impl Part {
    pub(super) fn connections(&self) -> usize {
        let fast: usize = self.slices.iter().map(|slice| slice.class.connections).sum();
        fast + self.slow.iter().map(|slow| slow.count).sum::<usize>()
    }
}

impl Slice {
    /// All of the class at `place`.
    pub(super) fn whole(place: usize, class: &ClassPlan) -> Slice {
        Slice { place, class: class.clone(), share: Share::WHOLE, portion: Portion::WHOLE }
    }

    /// What the generator's own draws follow from. (What the objects follow from is the same for all.)
    pub(super) fn seed_of_draws(&self) -> u64 {
        self.share.seed(self.class.seed)
    }
}

/// One part for each CPU of the plan; a single one that is not pinned, if it has none.
pub(super) fn split(plan: &Plan) -> Vec<Part> {
    let cpus: Vec<Option<usize>> =
        if plan.cpus.is_empty() { vec![None] } else { plan.cpus.iter().copied().map(Some).collect() };
    let mut parts: Vec<Part> = cpus.into_iter().map(|cpu| Part { cpu, slices: Vec::new(), slow: Vec::new() }).collect();
    let count = parts.len();
    // Each class begins with another generator: the first slice is the largest, and a small class has few.
    let mut next = 0;
    for (place, class) in plan.classes.iter().enumerate() {
        let slices = slices(place, class, count);
        let first = next;
        next = (first + slices.len() % count + usize::from(slices.len() == count)) % count;
        for (at, slice) in slices.into_iter().enumerate() {
            parts[(first + at) % count].slices.push(slice);
        }
    }
    for slow in &plan.slow {
        parts[next].slow.push(slow.clone());
        next = (next + 1) % count;
    }
    parts.retain(|part| part.connections() > 0);
    parts
}

/// At most `count`.
fn slices(place: usize, class: &ClassPlan, count: usize) -> Vec<Slice> {
    let (keys, popularity) = asked_for(&class.work);
    let most = (count.min(class.connections) as u64).min(keys);
    let Some(shares) = (2..=most).rev().find_map(|of| worth_it(of, keys, popularity)) else {
        return vec![Slice::whole(place, class)];
    };
    let portions: Vec<Portion> = shares.iter().map(|(_, portion)| *portion).collect();
    let connections = deal(class.connections, &portions);
    let sliced = shares.into_iter().zip(connections);
    sliced
        .map(|((share, portion), connections)| Slice {
            place,
            class: ClassPlan { connections, ..class.clone() },
            share,
            portion,
        })
        .collect()
}

/// `of` shares of the keys, and the portion of each, if none is too small.
fn worth_it(of: u64, keys: u64, popularity: Popularity) -> Option<Vec<(Share, Portion)>> {
    let shares = (0..of).map(|part| Share { part, of });
    let weights: Vec<f64> = shares.clone().map(|share| popularity.weight_of(share, keys)).collect();
    // Steep laws have weights beyond what numbers can say.
    if !weights.iter().all(|weight| weight.is_finite()) {
        return None;
    }
    let portions = Portion::in_proportion(&weights);
    portions.iter().all(|portion| portion.size() >= PORTION_MIN).then(|| shares.zip(portions).collect())
}

/// How many keys there are, and how popular each.
fn asked_for(work: &WorkPlan) -> (u64, Popularity) {
    match work {
        WorkPlan::Cache(cache) => (cache.keys.count, cache.keys.popularity),
        WorkPlan::Http(http) => match &http.objects {
            ObjectsPlan::Keys(keys) => (keys.count, keys.popularity),
            ObjectsPlan::Corpus { corpus, popularity } => (corpus.files, *popularity),
        },
    }
}

/// So many of `whole` for each portion, one at least: there are enough.
fn deal(whole: usize, portions: &[Portion]) -> Vec<usize> {
    let beyond_one = (whole - portions.len()) as f64;
    let upto = |place: f64| (beyond_one * place).round() as usize;
    portions.iter().map(|portion| 1 + upto(portion.end) - upto(portion.begin)).collect()
}

#[cfg(test)]
mod tests;
