//! `spindle load search`: the highest load that a target bears within a response time.
#![forbid(unsafe_code)]

use clap::{ArgAction, Args};
use spindle_perf::sweep::limit::{Limit, time_ns};
use spindle_perf::sweep::search::Bracket;

use super::refusal::{Argument, Refusal};
use super::sweep::{JudgingArguments, LadderOutputArguments, RangeArguments};
use super::target::{Target, TargetError, TargetsArguments};

#[derive(Debug, Args)]
#[command(mut_arg("targets", |target| target.num_args(1).action(ArgAction::Set)))]
pub struct SearchArguments {
    #[command(flatten)]
    pub target: TargetsArguments,
    /// The response time that is still good enough, such as 2ms
    #[arg(long, value_name = "TIME", value_parser = time_ns)]
    pub limit: u64,
    #[command(flatten)]
    pub range: RangeArguments,
    /// How near the load that holds is to come to the one that fails
    #[arg(long, value_name = "SHARE", default_value = "2%", value_parser = share)]
    pub within: f64,
    #[command(flatten)]
    pub judging: JudgingArguments,
    #[command(flatten)]
    pub output: LadderOutputArguments,
}

/// What is to be searched.
#[derive(Clone, Debug)]
pub struct Search {
    pub target: Target,
    pub bracket: Bracket,
    pub limit: Limit,
    pub repeats: u32,
}

impl SearchArguments {
    /// What is to be searched.
    ///
    /// # Errors
    /// Those of [`TargetsArguments::decide`]; values that cannot be.
    pub fn decide(&self) -> Result<Search, TargetError> {
        let (from, to) = self.range.decide()?;
        let none = || Refusal::new(Argument::Server, "TARGET", "there is none");
        Ok(Search {
            target: self.target.decide((from, to))?.pop().ok_or_else(none)?,
            bracket: Bracket { from, to, within: self.within },
            limit: Limit { percentile: self.judging.percentile, ns: self.limit },
            repeats: self.judging.repeats,
        })
    }
}

/// `2%` or `0.02`, from a hundredth of a percent up to all of it.
fn share(typed: &str) -> Result<f64, String> {
    let (number, part) = typed.strip_suffix('%').map_or((typed, 1.0), |percent| (percent, 100.0));
    let share = number.trim().parse::<f64>().ok().map(|number| number / part);
    let within = share.filter(|share| (0.0001..=1.0).contains(share));
    within.ok_or_else(|| "it is a share such as 2% or 0.02, from 0.01% to 100%".into())
}

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn shares_are_parts_or_percent() {
        assert_eq!((share("2%"), share("0.02"), share("2 %")), (Ok(0.02), Ok(0.02), Ok(0.02)));
        assert!(share("two").is_err() && share("nan%").is_err() && share("").is_err() && share("0").is_err());
    }
}
