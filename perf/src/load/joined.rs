//! One result of what several generators have measured.

use std::time::{Duration, SystemTime};

use super::stop::Early;
use super::{Plan, verdict};
use crate::measured::{ClassMeasured, Generator, Loop, Measured, OperationMeasured, ServerCost};
use crate::slow::SlowMeasured;

/// What one generator has measured.
#[derive(Debug)]
pub(super) struct PartMeasured {
    pub(super) began: SystemTime,
    pub(super) lasted: Duration,
    /// Each with its place in the plan.
    pub(super) classes: Vec<(usize, ClassMeasured)>,
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
        spin: plan.spin,
    };
    let classes: Vec<ClassMeasured> = (0..plan.classes.len()).filter_map(|place| of_class(place, &parts)).collect();
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

fn of_class(place: usize, parts: &[PartMeasured]) -> Option<ClassMeasured> {
    let measured = parts.iter().flat_map(|part| &part.classes);
    let of_class = measured.filter(|(of, _)| *of == place).map(|(_, class)| class.clone());
    of_class.reduce(|mut sum, part| {
        sum.add(&part);
        sum
    })
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
        // All generators have the class's plan, and so the same operations in the same order.
        for (own, others) in self.operations.iter_mut().zip(&other.operations) {
            own.add(others);
        }
    }
}

impl OperationMeasured {
    /// Puts what was measured elsewhere on top.
    pub(super) fn add(&mut self, other: &OperationMeasured) {
        self.requests += other.requests;
        self.response_ns += &other.response_ns;
        self.service_ns += &other.service_ns;
        self.lag_ns += &other.lag_ns;
        self.lag_server_ns += &other.lag_server_ns;
        self.lag_generator_ns += &other.lag_generator_ns;
    }
}
