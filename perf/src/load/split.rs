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

/// What one generator has of a class.
#[derive(Clone, Debug)]
pub(super) struct Slice {
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
    /// All of a class.
    pub(super) fn whole(class: &ClassPlan) -> Slice {
        Slice { class: class.clone(), share: Share::WHOLE, portion: Portion::WHOLE }
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
    // What is left over of each goes to another generator than what was left over before.
    let mut next = 0;
    for class in &plan.classes {
        let slices = slices(class, count);
        let first = next;
        next = (first + slices.len()) % count;
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
fn slices(class: &ClassPlan, count: usize) -> Vec<Slice> {
    let (keys, popularity) = asked_for(&class.work);
    let of = (count.min(class.connections) as u64).min(keys).max(1);
    if of == 1 {
        return vec![Slice::whole(class)];
    }
    let shares: Vec<Share> = (0..of).map(|part| Share { part, of }).collect();
    let weights: Vec<f64> = shares.iter().map(|&share| popularity.weight_of(share, keys)).collect();
    let portions = Portion::in_proportion(&weights);
    let connections = deal(class.connections, &portions);
    let sliced = shares.into_iter().zip(portions).zip(connections);
    sliced
        .map(|((share, portion), connections)| Slice {
            class: ClassPlan { connections, ..class.clone() },
            share,
            portion,
        })
        .collect()
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
