//! Where the figures of a report come from: its first lines.

use std::fmt;
use std::path::Path;

use crate::environment::Environment;

/// The machine, who was measured, and by which build; its `Display` is a line for that, and the command.
#[derive(Clone, Debug)]
pub(super) struct Provenance {
    environment: Environment,
    /// What those who were measured say of themselves.
    versions: Vec<String>,
    spindle: SpindleBuild,
}

/// Which Spindle was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SpindleBuild {
    Absent,
    /// The binary that measures.
    OurOwn,
    /// Its commit is unknown: no Spindle tells it.
    Another,
}

impl SpindleBuild {
    pub(super) fn of(binary: Option<&Path>) -> SpindleBuild {
        let Some(binary) = binary else { return SpindleBuild::Absent };
        let ours = std::env::current_exe().and_then(|ours| ours.canonicalize());
        match (binary.canonicalize(), ours) {
            (Ok(binary), Ok(ours)) if binary == ours => SpindleBuild::OurOwn,
            _ => SpindleBuild::Another,
        }
    }
}

impl Provenance {
    pub(super) fn new(environment: Environment, versions: Vec<String>, spindle: SpindleBuild) -> Provenance {
        Provenance { environment, versions, spindle }
    }

    #[cfg(test)]
    pub(super) fn specimen(versions: &[&str], command: &str) -> Provenance {
        use crate::machine::{Machine, MachineKind};
        let environment = Environment {
            machine: Machine {
                date: "2026-01-02".into(),
                kernel: "6.12.1".into(),
                cpu_model: "A CPU".into(),
                cpus: 2,
                kind: MachineKind::Virtual,
            },
            governor: None,
            version: "0.1.0".into(),
            commit: Some("0123456789ab".into()),
            ..Environment::look(vec![command.into()])
        };
        let versions = versions.iter().map(ToString::to_string).collect();
        Provenance::new(environment, versions, SpindleBuild::OurOwn)
    }
}

impl fmt::Display for Provenance {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Environment { machine, governor, version, commit, command_line, .. } = &self.environment;
        let known = |fact: &Option<String>| fact.clone().unwrap_or_else(|| "unknown".into());
        let (governor, commit) = (known(governor), known(commit));
        write!(out, "{machine}, governor {governor}. {}. Load lab {version}", self.versions.join(", "))?;
        match self.spindle {
            SpindleBuild::Absent => write!(out, " of commit {commit}.")?,
            SpindleBuild::OurOwn => write!(out, " and Spindle of commit {commit}.")?,
            SpindleBuild::Another => write!(out, " of commit {commit}, Spindle of an unknown one.")?,
        }
        writeln!(out, "\n\n    {}", command_line.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_begins_with_machine_builds_and_command() {
        let ours = Provenance::specimen(&["spindle 0.1.0", "memcached 1.6.18"], "spindle load peers");
        let begin = "2026-01-02, Linux 6.12.1, A CPU, 2 CPUs (virtual machine), governor unknown. \
                     spindle 0.1.0, memcached 1.6.18. Load lab 0.1.0";
        let end = "\n\n    spindle load peers\n";
        assert_eq!(ours.to_string(), format!("{begin} and Spindle of commit 0123456789ab.{end}"));
        let absent = Provenance { spindle: SpindleBuild::Absent, ..ours.clone() };
        assert_eq!(absent.to_string(), format!("{begin} of commit 0123456789ab.{end}"));
        let environment =
            Environment { governor: Some("performance".into()), commit: None, ..ours.environment.clone() };
        let another = Provenance { environment, spindle: SpindleBuild::Another, ..ours }.to_string();
        assert!(another.contains("(virtual machine), governor performance. "), "{another}");
        assert!(another.contains(" of commit unknown, Spindle of an unknown one.\n"), "{another}");
    }

    #[test]
    fn only_the_binary_that_runs_is_our_own() {
        let ours = std::env::current_exe().unwrap();
        assert_eq!(SpindleBuild::of(Some(&ours)), SpindleBuild::OurOwn);
        assert_eq!(SpindleBuild::of(Some(Path::new("/bin/sh"))), SpindleBuild::Another);
        assert_eq!(SpindleBuild::of(Some(Path::new("/no/such/spindle"))), SpindleBuild::Another);
        assert_eq!(SpindleBuild::of(None), SpindleBuild::Absent);
    }
}
