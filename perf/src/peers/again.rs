//! Rounds at equal load that say nothing about a server, because the generator was late or had no CPU left: they are measured
//! again.
//!
//! Again means of that server alone, and at once, in its place in the round: its neighbours in time stay its neighbours.
//! All servers again whenever one of them had to be would be no fairer: what decides is how late the generator was, by the
//! lab's bound for every measurement, and not how long the server took, so whatever is kept of anybody was measured on a
//! machine as quiet as that. And it would cost all of them for the failure of one. Of seven servers, with one run in five
//! spoilt, four rounds in five would be thrown away (1 - 0.8^7). At the end instead of at once, a server would meet another
//! hour of the machine than the others.
//!
//! What neither way rules out is a server that disturbs the generator, and so is measured only where it did not. Therefore
//! it is told whose rounds were measured again, and how many: who has many more of them than the others is flattered.

use crate::measured::{Measured, Reason};

/// The rounds at equal load of one server.
#[derive(Clone, Debug)]
pub(super) struct Rounds {
    kept: Vec<Measured>,
    tally: Tally,
    again_max: usize,
}

/// How often a server was measured at equal load.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Valid or not.
    pub(super) kept: usize,
    /// Thrown away, because the generator was late.
    pub(super) late: usize,
    /// Thrown away, because it was saturated, whatever else it was.
    pub(super) saturated: usize,
}

/// What becomes of a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Kept,
    Again,
}

impl Rounds {
    /// None yet, of so many. As many more may be measured.
    pub(super) fn of(rounds: usize) -> Rounds {
        Rounds { kept: Vec::with_capacity(rounds), tally: Tally::default(), again_max: rounds }
    }

    /// One round more, measured as often as it takes and as there is leave to. Each time there is something to `say`.
    ///
    /// # Errors
    /// Those of `measure`.
    pub(super) fn take<E>(&mut self, measure: impl Fn() -> Result<Measured, E>, say: impl Fn(&str)) -> Result<(), E> {
        loop {
            let measured = measure()?;
            let p99_us = measured.classes[0].response_ns.value_at_quantile(0.99) as f64 / 1e3;
            let reasons: Vec<String> = measured.reasons.iter().map(ToString::to_string).collect();
            match self.tally.decide(&reasons, self.again_max) {
                Fate::Kept => {
                    say(&format!("{p99_us:.0} µs at p99"));
                    self.kept.push(measured);
                    return Ok(());
                }
                Fate::Again => say(&format!("{p99_us:.0} µs at p99, and once more: {}", reasons.join("; "))),
            }
        }
    }

    /// In the order in which they were measured.
    pub(super) fn kept(&self) -> &[Measured] {
        &self.kept
    }

    pub(super) fn tally(&self) -> Tally {
        self.tally
    }
}

impl Tally {
    /// Of a round that is not valid for these reasons, or valid when there is none; counts it.
    fn decide(&mut self, reasons: &[String], again_max: usize) -> Fate {
        if !Reason::blame_generator(reasons) || self.again() == again_max {
            self.kept += 1;
            return Fate::Kept;
        }
        match reasons.iter().any(|reason| reason.starts_with(Reason::SATURATED)) {
            true => self.saturated += 1,
            false => self.late += 1,
        }
        Fate::Again
    }

    /// All that were thrown away.
    fn again(self) -> usize {
        self.late + self.saturated
    }

    fn with(self, other: Tally) -> Tally {
        let Tally { kept, late, saturated } = other;
        Tally { kept: self.kept + kept, late: self.late + late, saturated: self.saturated + saturated }
    }
}

/// What there is to say below a table about a row of it; of servers by name, in the order of the table.
pub(super) fn note(row: &str, servers: &[(&str, Tally)]) -> Option<String> {
    let all = servers.iter().fold(Tally::default(), |all, (_, tally)| all.with(*tally));
    let why = match (all.late, all.saturated) {
        (0, 0) => return None,
        (_, 0) => "late",
        (0, _) => "saturated",
        _ => "late or saturated",
    };
    let again = servers.iter().filter(|(_, tally)| tally.again() > 0);
    let again: Vec<String> = again.map(|(name, tally)| format!("{name} {}", tally.again())).collect();
    let were = if all.again() == 1 { "was" } else { "were" };
    Some(format!(
        "{row}: {} of {} rounds at equal load {were} measured again, because the generator was {why} ({}).",
        all.again(),
        all.kept + all.again(),
        again.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use super::*;
    use crate::report::specimen;

    const LATE: Reason = Reason::GeneratorLate { class: None, p99_9_ns: 51_000, bound_ns: 50_000 };
    const SATURATED: Reason = Reason::GeneratorSaturated { busy: 0.95 };

    fn short() -> Reason {
        Reason::NotAchieved { class: "get".into(), achieved_per_second: 900.0, offered_per_second: 1000.0 }
    }

    fn said(reasons: &[Reason]) -> Vec<String> {
        reasons.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_the_generator_did_is_measured_again_and_nothing_else() {
        let fate = |reasons: &[Reason]| {
            let mut tally = Tally::default();
            (tally.decide(&said(reasons), 5), tally)
        };
        let kept = (Fate::Kept, Tally { kept: 1, ..Tally::default() });
        let late = (Fate::Again, Tally { late: 1, ..Tally::default() });
        let saturated = (Fate::Again, Tally { saturated: 1, ..Tally::default() });
        assert_eq!(fate(&[]), kept, "valid");
        assert_eq!(fate(&[LATE]), late);
        assert_eq!(fate(&[LATE, LATE]), late);
        assert_eq!(fate(&[SATURATED]), saturated);
        assert_eq!(fate(&[LATE, SATURATED]), saturated);
        assert_eq!(fate(&[SATURATED, short()]), saturated, "it fell short for want of its own CPU");
        assert_eq!(fate(&[short()]), kept, "the server fell short");
        assert_eq!(fate(&[LATE, short()]), kept, "lateness explains no shortfall");
        assert_eq!(fate(&[Reason::NothingMeasured]), kept);
    }

    #[test]
    fn as_many_more_as_there_are_rounds_and_no_more() {
        let mut tally = Tally::default();
        let fates: Vec<Fate> = (0..5).map(|_| tally.decide(&said(&[LATE]), 3)).collect();
        assert_eq!(fates, [Fate::Again, Fate::Again, Fate::Again, Fate::Kept, Fate::Kept]);
        assert_eq!(tally, Tally { kept: 2, late: 3, saturated: 0 });
    }

    #[test]
    fn a_round_is_measured_until_it_is_one() {
        let (at, lines) = (Cell::new(0), RefCell::new(Vec::new()));
        let measure = || -> Result<_, ()> {
            let mut measured = specimen::run(1);
            measured.reasons = [vec![LATE], vec![], vec![short()], vec![SATURATED], vec![LATE]][at.get()].clone();
            at.set(at.get() + 1);
            Ok(measured)
        };
        let mut rounds = Rounds::of(2);
        for _ in 0..3 {
            rounds.take(measure, |line| lines.borrow_mut().push(line.to_string())).unwrap();
        }
        let kept: Vec<&[Reason]> = rounds.kept().iter().map(|measured| &measured.reasons[..]).collect();
        assert_eq!(kept, [&[][..], &[short()], &[LATE]], "the last one though it is none: there is no leave left");
        assert_eq!(rounds.tally(), Tally { kept: 3, late: 1, saturated: 1 });
        let lines = lines.into_inner();
        assert!(lines[0].ends_with(&format!(" µs at p99, and once more: {LATE}")), "{lines:?}");
        assert!(lines[1].ends_with(" µs at p99") && lines.len() == 5, "{lines:?}");
        assert_eq!(rounds.take(|| Err("it is gone"), |_| {}), Err("it is gone"));
    }

    #[test]
    fn who_was_measured_again_is_told_in_words() {
        let tally = |late, saturated| Tally { kept: 5, late, saturated };
        assert_eq!(note("get-4k", &[("nginx", tally(0, 0)), ("Perlbal", tally(0, 0))]), None);
        let of = |servers: &[(&str, Tally)]| note("get-4k", servers).unwrap();
        assert_eq!(
            of(&[("Spindle", tally(1, 0)), ("nginx", tally(0, 0)), ("Perlbal", tally(2, 0))]),
            "get-4k: 3 of 18 rounds at equal load were measured again, because the generator was late (Spindle 1, Perlbal 2)."
        );
        assert_eq!(
            of(&[("nginx", tally(0, 1))]),
            "get-4k: 1 of 6 rounds at equal load was measured again, because the generator was saturated (nginx 1)."
        );
        assert!(of(&[("nginx", tally(1, 1))]).ends_with("the generator was late or saturated (nginx 2)."));
    }
}
