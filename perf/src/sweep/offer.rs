//! One plan at another load.

use super::Asked;
use crate::closed_loop::LoadError;
use crate::load::http::Filling;
use crate::load::{self, Pace, Plan, WorkPlan};
use crate::report::summary::Summary;

/// Runs `plan` at the load that is asked for.
///
/// # Errors
/// Those of [`load::run`].
pub fn run(plan: &Plan, asked: &Asked) -> Result<Summary, LoadError> {
    let measured = load::run(&at(plan, asked), |_, _| {})?;
    Ok(Summary::of(&measured))
}

/// The open classes share the load as they do in `plan`, and draw from other seeds in every repeat: but for those whose objects
/// are there already and follow from the seed.
fn at(plan: &Plan, asked: &Asked) -> Plan {
    let mut plan = plan.clone();
    let offered = |pace: &Pace| match pace {
        Pace::Open { per_second, .. } => *per_second,
        Pace::Closed => 0.0,
    };
    let planned: f64 = plan.classes.iter().map(|class| offered(&class.pace)).sum();
    for class in &mut plan.classes {
        if !matches!(&class.work, WorkPlan::Http(http) if http.filling == Filling::Present) {
            // Far beyond the seeds that classes of one plan are given beside each other.
            class.seed = class.seed.wrapping_add(u64::from(asked.repeat) << 32);
        }
        if let Pace::Open { per_second, .. } = &mut class.pace {
            *per_second *= asked.per_second / planned;
        }
    }
    plan
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};
    use std::time::Duration;

    use super::*;
    use crate::arrivals::Arrivals;
    use crate::describe::Removal;
    use crate::environment::Environment;
    use crate::load::{CachePlan, ClassPlan, KeyPlan, Mix, OnMiss, Protocol, Verify};
    use crate::popularity::Popularity;
    use crate::sizes::Sizes;

    fn class(pace: Pace, seed: u64) -> ClassPlan {
        let keys =
            KeyPlan { count: 10, popularity: Popularity::Uniform, sizes: Sizes::Fixed(10), removal: Removal::Never };
        let cache = CachePlan {
            protocol: Protocol::Classic,
            prefix: "k".into(),
            keys,
            mix: Mix::of_sets(0.1),
            ttl: None,
            on_miss: OnMiss::Nothing,
        };
        ClassPlan {
            name: "class".into(),
            server: SocketAddr::from((Ipv4Addr::LOCALHOST, 1)),
            pace,
            connections: 1,
            depth: 1,
            churn: None,
            verify: Verify::All,
            seed,
            work: WorkPlan::Cache(cache),
        }
    }

    #[test]
    fn classes_share_a_load_as_planned_and_draw_anew_in_every_repeat() {
        let open = |per_second| Pace::Open { per_second, arrivals: Arrivals::Constant };
        let classes = vec![class(open(100.0), 1), class(Pace::Closed, 2), class(open(300.0), 3)];
        let (second, environment) = (Duration::from_secs(1), Environment::look(Vec::new()));
        let (warm_up, measured, patience) = (second, second, second);
        let plan =
            Plan { cpu: None, classes, warm_up, measured, patience, slow: Vec::new(), watched: None, environment };
        let paces = |plan: &Plan| plan.classes.iter().map(|class| class.pace).collect::<Vec<_>>();
        let seeds = |plan: &Plan| plan.classes.iter().map(|class| class.seed).collect::<Vec<_>>();
        let [first, again] = [0, 1].map(|repeat| at(&plan, &Asked { target: 0, per_second: 1000.0, repeat }));
        assert_eq!(paces(&first), [open(250.0), Pace::Closed, open(750.0)]);
        assert_eq!(paces(&again), paces(&first));
        assert_eq!(seeds(&first), [1, 2, 3]);
        assert!(seeds(&again).iter().all(|seed| !seeds(&first).contains(seed)), "{:?}", seeds(&again));
    }
}
