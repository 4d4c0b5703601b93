//! One plan at another load.

use super::Asked;
use super::remains::Remains;
use crate::arrivals::PER_SECOND;
use crate::closed_loop::LoadError;
use crate::load::{self, ClassPlan, Pace, Plan, Stop};
use crate::report::summary::Summary;
use crate::server_version;

/// Why no ladder can be made of a plan.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum OfferError {
    #[error("class {class} is a closed loop: it has no load that could be offered, and no response times to judge by")]
    Closed { class: String },
    #[error(
        "of {per_second} requests a second, class {class} would have {share}, \
         which is not from {} to {}", PER_SECOND.start(), PER_SECOND.end()
    )]
    OutOfBounds { per_second: f64, class: String, share: f64 },
}

/// Whether `plan` can be run at every load from `from` to `to`, requests offered a second.
///
/// # Errors
/// A class without an offer, or one that would have too small or too large a share.
pub fn check(plan: &Plan, from: f64, to: f64) -> Result<(), OfferError> {
    let closed = plan.classes.iter().find(|class| class.pace == Pace::Closed);
    if let Some(ClassPlan { name, .. }) = closed {
        return Err(OfferError::Closed { class: name.clone() });
    }
    for per_second in [from, to] {
        for class in &at(plan, &Asked { target: 0, per_second, repeat: 0 }).classes {
            if !PER_SECOND.contains(&offered(class)) {
                let (class, share) = (class.name.clone(), offered(class));
                return Err(OfferError::OutOfBounds { per_second, class, share });
            }
        }
    }
    Ok(())
}

/// Runs `plan`, which [`check`] has let pass, at the load that is asked for. `remains` is what earlier runs of these targets
/// have left behind.
///
/// # Errors
/// Those of [`load::run`]; and that it was to stop, before its end or before its beginning.
pub fn run(plan: &Plan, asked: &Asked, remains: &mut Remains, stop: &Stop) -> Result<Summary, LoadError> {
    if stop.is_asked() {
        return Err(LoadError::Stopped);
    }
    let mut plan = at(plan, asked);
    remains.prepare(&mut plan);
    load::fill(&plan)?;
    server_version::note(&mut plan);
    let measured = load::measure(&plan, stop, None, |_, _| {})?;
    remains.keep(&plan);
    if stop.is_asked() { Err(LoadError::Stopped) } else { Ok(Summary::of(&measured)) }
}

fn offered(class: &ClassPlan) -> f64 {
    match class.pace {
        Pace::Open { per_second, .. } => per_second,
        Pace::Closed => 0.0,
    }
}

/// The classes share the load as they do in `plan`, and draw from other seeds in every repeat. Slow clients are as they are.
fn at(plan: &Plan, asked: &Asked) -> Plan {
    let mut plan = plan.clone();
    let planned: f64 = plan.classes.iter().map(offered).sum();
    for class in &mut plan.classes {
        // Far beyond the seeds that classes of one plan are given beside each other.
        class.seed = class.seed.wrapping_add(u64::from(asked.repeat) << 32);
        if let Pace::Open { per_second, .. } = &mut class.pace {
            *per_second *= asked.per_second / planned;
        }
    }
    plan
}

#[cfg(test)]
pub(super) mod tests {
    use std::net::{Ipv4Addr, SocketAddr};
    use std::time::Duration;

    use super::*;
    use crate::arrivals::Arrivals;
    use crate::describe::Removal;
    use crate::environment::Environment;
    use crate::load::http::{Filling, HttpPlan, ObjectsPlan};
    use crate::load::{CachePlan, KeyPlan, Mix, OnMiss, Protocol, Spin, Verify, WorkPlan};
    use crate::popularity::Popularity;
    use crate::sizes::Sizes;

    fn open(per_second: f64) -> Pace {
        Pace::Open { per_second, arrivals: Arrivals::Constant }
    }

    fn keys() -> KeyPlan {
        KeyPlan { count: 10, popularity: Popularity::Uniform, sizes: Sizes::Fixed(10), removal: Removal::Never }
    }

    fn class(pace: Pace, seed: u64, work: WorkPlan) -> ClassPlan {
        ClassPlan {
            name: format!("class-{seed}"),
            server: SocketAddr::from((Ipv4Addr::LOCALHOST, 1)),
            pace,
            connections: 1,
            depth: 1,
            churn: None,
            verify: Verify::All,
            seed,
            work,
        }
    }

    fn cache(pace: Pace, seed: u64) -> ClassPlan {
        let work = CachePlan {
            protocol: Protocol::Classic,
            prefix: "k".into(),
            key_sizes: None,
            keys: keys(),
            mix: Mix::of_sets(0.1),
            ttl: None,
            on_miss: OnMiss::Nothing,
        };
        class(pace, seed, WorkPlan::Cache(work))
    }

    /// A class that fills the folder of a URL.
    pub(crate) fn http(url: &str, mix: &str, seed: u64) -> ClassPlan {
        let work = HttpPlan {
            url: url.parse().unwrap(),
            objects: ObjectsPlan::Keys(keys()),
            mix: mix.parse().unwrap(),
            range_share: 0.0,
            conditional_share: 0.0,
            filling: Filling::Put,
        };
        class(open(1.0), seed, WorkPlan::Http(work))
    }

    pub(crate) fn plan(classes: Vec<ClassPlan>) -> Plan {
        let (second, environment) = (Duration::from_secs(1), Environment::look(Vec::new()));
        let (warm_up, measured, patience) = (second, second, second);
        Plan {
            cpus: Vec::new(),
            classes,
            warm_up,
            measured,
            patience,
            spin: Spin::Always,
            slow: Vec::new(),
            watched: None,
            environment,
        }
    }

    #[test]
    fn classes_share_a_load_as_planned_and_draw_anew_in_every_repeat() {
        let plan = plan(vec![cache(open(100.0), 1), cache(open(300.0), 3)]);
        let paces = |plan: &Plan| plan.classes.iter().map(|class| class.pace).collect::<Vec<_>>();
        let seeds = |plan: &Plan| plan.classes.iter().map(|class| class.seed).collect::<Vec<_>>();
        let [first, again] = [0, 1].map(|repeat| at(&plan, &Asked { target: 0, per_second: 1000.0, repeat }));
        assert_eq!(paces(&first), [open(250.0), open(750.0)]);
        assert_eq!(paces(&again), paces(&first));
        assert_eq!(seeds(&first), [1, 3]);
        assert!(seeds(&again).iter().all(|seed| !seeds(&first).contains(seed)), "{:?}", seeds(&again));
    }

    #[test]
    fn a_plan_that_cannot_be_offered_is_told_of() {
        let closed = plan(vec![cache(open(100.0), 1), cache(Pace::Closed, 2)]);
        let why = check(&closed, 1.0, 2.0).unwrap_err().to_string();
        assert!(why.starts_with("class class-2 is a closed loop"), "{why}");
        let uneven = plan(vec![cache(open(1e-3), 1), cache(open(999.999), 2)]);
        assert_eq!(check(&uneven, 1.0, 1e9), Ok(()));
        let why = check(&uneven, 0.5, 1e9).unwrap_err().to_string();
        assert!(why.starts_with("of 0.5 requests a second, class class-1 would have 0.0000005"), "{why}");
        assert!(why.ends_with("which is not from 0.000001 to 1000000000"), "{why}");
    }
}
