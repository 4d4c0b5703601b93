//! A sweep or a search as plain data, in a JSON file (docs/sweep-result.md).

use serde::{Deserialize, Serialize};

use super::knee::Knee;
use super::ladder::{Climb, Ended};
use super::limit::Limit;
use super::search::Search;
use super::step::{Medians, Step};
use crate::report::summary::Summary;

/// Of docs/sweep-result.md. Counted up when a field changes its meaning or goes; a new field leaves it.
pub const SCHEMA: u32 = 1;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SweepResult {
    pub schema: u32,
    pub kind: Kind,
    /// That the knee is for.
    pub limit: Option<Limit>,
    /// Runs of every load, of a search at most.
    pub repeats: u32,
    pub targets: Vec<TargetResult>,
    /// All that were made, target by target; of a ladder by rising load, of a search as they were tried.
    pub runs: Vec<OneRun>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Sweep,
    Search,
}

/// One server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TargetResult {
    pub name: String,
    #[serde(flatten)]
    pub ended: Ended,
    /// None without a limit.
    pub knee: Option<Knee>,
    /// In the order of the runs.
    pub steps: Vec<Medians>,
}

/// One run of a server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OneRun {
    pub target: String,
    /// As docs/load-result.md has it.
    pub result: Summary,
}

impl Kind {
    /// As the command line has it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Sweep => "sweep",
            Kind::Search => "search",
        }
    }
}

impl SweepResult {
    /// What came of a ladder; the names are those of the targets, in their order.
    pub fn of_climbs(names: &[String], climbs: Vec<Climb>, limit: Option<Limit>, repeats: u32) -> SweepResult {
        let climbs = names.iter().zip(climbs).map(|(name, climb)| (name.clone(), climb.ended, climb.steps));
        SweepResult::of(Kind::Sweep, climbs, limit, repeats)
    }

    pub fn of_search(name: &str, search: Search, limit: Limit, repeats: u32) -> SweepResult {
        let ended = search.broken.map_or(Ended::Complete, |error| Ended::Broken { error });
        SweepResult::of(Kind::Search, [(name.into(), ended, search.probes)].into_iter(), Some(limit), repeats)
    }

    fn of(
        kind: Kind,
        climbs: impl Iterator<Item = (String, Ended, Vec<Step>)>,
        limit: Option<Limit>,
        repeats: u32,
    ) -> SweepResult {
        let (mut targets, mut runs) = (Vec::new(), Vec::new());
        for (name, ended, steps) in climbs {
            targets.push(TargetResult {
                name: name.clone(),
                ended,
                knee: limit.map(|limit| Knee::of(&steps, &limit)),
                steps: steps.iter().map(Step::medians).collect(),
            });
            let of_target = steps.into_iter().flat_map(|step| step.runs);
            runs.extend(of_target.map(|result| OneRun { target: name.clone(), result }));
        }
        SweepResult { schema: SCHEMA, kind, limit, repeats, targets, runs }
    }

    /// Requests that came to nothing, of all runs. Above a server's capacity there are some.
    pub fn errors(&self) -> u64 {
        self.runs.iter().map(|run| run.result.total.errors).sum()
    }

    /// Wrong answers, of all runs.
    pub fn wrong(&self) -> u64 {
        self.runs.iter().map(|run| run.result.total.wrong).sum()
    }

    /// Whether every target has a step most of whose runs are valid.
    pub fn has_something_valid_of_each(&self) -> bool {
        let valid = |step: &Medians| step.runs_valid * 2 > step.runs;
        self.targets.iter().all(|target| target.steps.iter().any(valid))
    }

    pub fn broken(&self) -> bool {
        self.targets.iter().any(|target| matches!(target.ended, Ended::Broken { .. }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::json;
    use crate::sweep::limit::Rank;
    use crate::sweep::table::tests::sweep;

    #[test]
    fn a_file_keeps_all_of_it_and_a_run_is_a_line() {
        let result = sweep();
        let mut out = Vec::new();
        json::write(&result, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(serde_json::from_str::<SweepResult>(&text).unwrap(), result);
        assert_eq!(text.lines().filter(|line| line.starts_with("    {\"target\": ")).count(), result.runs.len());
    }

    #[test]
    fn has_the_promised_fields() {
        let json = serde_json::to_value(sweep()).unwrap();
        assert_eq!((&json["schema"], &json["kind"]), (&1.into(), &"sweep".into()));
        assert_eq!(json["limit"]["percentile"], "p99_9");
        let (spindle, memcached) = (&json["targets"][0], &json["targets"][1]);
        assert_eq!((&spindle["name"], &spindle["ended"]), (&"spindle".into(), &"complete".into()));
        assert_eq!(spindle["knee"]["knee"], "never_fails");
        assert_eq!((&memcached["ended"], &memcached["knee"]["knee"]), (&"no_longer_valid".into(), &"between".into()));
        assert_eq!(memcached["knee"]["fault"]["fault"], "invalid");
        for field in ["offered_per_second", "achieved_per_second", "p50_ns", "p99_9_ns", "runs", "runs_valid"] {
            assert!(memcached["steps"][0][field].is_number(), "{field}");
        }
        assert!(json["runs"][0]["result"]["response_ns"]["p99_9"].is_number());
    }

    #[test]
    fn a_search_has_its_probes() {
        let limit = Limit { percentile: Rank::P99, ns: 5 };
        let search = Search { probes: Vec::new(), broken: Some("refused".into()) };
        let result = SweepResult::of_search("spindle", search, limit, 3);
        assert!(result.broken() && !result.has_something_valid_of_each());
        assert_eq!(result.targets[0].knee, Some(Knee::Unknown));
    }
}
