//! One result of what several generators have measured.

use std::time::{Duration, SystemTime};

use super::stop::Early;
use super::{ClassPlan, Plan, verdict};
use crate::measured::{ClassMeasured, Errors, Generator, Loop, Measured, ServerCost, Wrong};
use crate::slow::SlowMeasured;

/// What one generator has measured.
#[derive(Debug)]
pub(super) struct PartMeasured {
    pub(super) began: SystemTime,
    pub(super) lasted: Duration,
    pub(super) classes: Vec<ClassMeasured>,
    pub(super) slow: Vec<SlowMeasured>,
    pub(super) generator: Generator,
    /// Only one of them looks at it.
    pub(super) server: Option<ServerCost>,
    pub(super) early: Option<Early>,
}

/// All of it, but for the seconds and the links. There is one part at least.
pub(super) fn join(plan: &Plan, parts: Vec<PartMeasured>) -> Measured {
    let lasted = parts.iter().map(|part| part.lasted).max().unwrap_or_default();
    let early = parts.iter().find_map(|part| part.early);
    let generator = Generator {
        cpu: parts.iter().map(|part| part.generator.cpu).sum(),
        busy: parts.iter().map(|part| part.generator.busy).fold(0.0, f64::max),
        threads: parts.len(),
    };
    let classes: Vec<ClassMeasured> = plan.classes.iter().filter_map(|class| of_class(class, &parts)).collect();
    let of_plan = |name: &String| plan.slow.iter().position(|slow| slow.name == *name);
    let mut slow: Vec<SlowMeasured> = parts.iter().flat_map(|part| &part.slow).cloned().collect();
    slow.sort_by_key(|group| of_plan(&group.name));
    let mut reasons = verdict::reasons(&classes, lasted, &generator);
    reasons.extend(slow.iter().filter_map(verdict::not_attached));
    reasons.extend(slow.iter().filter_map(verdict::missing));
    reasons.extend(early.map(|early| verdict::cut_short(early, lasted)));
    let paced = classes.iter().any(|class| class.driven == Loop::Open);
    Measured {
        driven: if paced { Loop::Open } else { Loop::Closed },
        began: parts.iter().map(|part| part.began).min().unwrap_or_else(SystemTime::now),
        lasted,
        classes,
        slow,
        seconds: Vec::new(),
        links: Vec::new(),
        generator,
        server: parts.iter().find_map(|part| part.server),
        reasons,
        environment: plan.environment.clone(),
    }
}

fn of_class(class: &ClassPlan, parts: &[PartMeasured]) -> Option<ClassMeasured> {
    let of_class = |part: &&ClassMeasured| part.name == class.name;
    let mut measured = parts.iter().filter_map(|part| part.classes.iter().find(of_class));
    let first = measured.next()?.clone();
    Some(measured.fold(first, |mut sum, part| {
        sum.add(part);
        sum
    }))
}

impl ClassMeasured {
    /// Puts what another generator has measured of the class on top.
    fn add(&mut self, other: &ClassMeasured) {
        self.offered_per_second += other.offered_per_second;
        self.requests += other.requests;
        self.achieved += other.achieved;
        self.errors.add(other.errors);
        self.wrong.add(other.wrong);
        self.response_ns += &other.response_ns;
        self.service_ns += &other.service_ns;
        self.lag_ns += &other.lag_ns;
        self.lag_server_ns += &other.lag_server_ns;
        self.lag_generator_ns += &other.lag_generator_ns;
    }
}

impl Errors {
    fn add(&mut self, other: Errors) {
        let Errors { refused, unfinished, broken, malformed } = other;
        self.refused += refused;
        self.unfinished += unfinished;
        self.broken += broken;
        self.malformed += malformed;
    }
}

impl Wrong {
    fn add(&mut self, other: Wrong) {
        let Wrong { corrupt, stale, torn, swapped, length, misplaced, lost, expired, lost_update, invented } = other;
        self.corrupt += corrupt;
        self.stale += stale;
        self.torn += torn;
        self.swapped += swapped;
        self.length += length;
        self.misplaced += misplaced;
        self.lost += lost;
        self.expired += expired;
        self.lost_update += lost_update;
        self.invented += invented;
    }
}
