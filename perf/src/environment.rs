//! What a figure has to say about where it was measured, and by what.

use serde::{Deserialize, Serialize};

use crate::machine::{Machine, MachineKind};

/// Of this build (build.rs).
const COMMIT: Option<&str> = option_env!("SPINDLE_COMMIT");

/// Everything that two results must share before their figures may be compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    #[serde(with = "MachineInFile")]
    pub machine: Machine,
    /// That the load may run on, by number.
    pub cpus: Vec<usize>,
    /// Of the clock rate, as cpufreq has it; of several, all that are in use. None where the kernel leaves the clock
    /// alone, as in most virtual machines.
    pub governor: Option<String>,
    /// Of the load lab.
    pub version: String,
    /// Of the load lab, when its build was told.
    pub commit: Option<String>,
    /// As the servers give it; of several, all that differ.
    pub server_version: Option<String>,
    pub command_line: Vec<String>,
}

/// The shape of [`Machine`] in a file.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Machine")]
struct MachineInFile {
    date: String,
    kernel: String,
    cpu_model: String,
    cpus: usize,
    #[serde(with = "MachineKindInFile")]
    kind: MachineKind,
}

/// The shape of [`MachineKind`] in a file.
#[derive(Serialize, Deserialize)]
#[serde(remote = "MachineKind", rename_all = "lowercase")]
enum MachineKindInFile {
    Physical,
    Virtual,
}

/// One line of an environment, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    pub name: &'static str,
    pub value: String,
}

/// A fact that two environments do not share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub name: &'static str,
    pub left: String,
    pub right: String,
}

impl Environment {
    /// Looks at this machine now. The version of the server is unknown until it has been asked.
    pub fn look(command_line: Vec<String>) -> Environment {
        Environment {
            machine: Machine::look(),
            cpus: spindle_core::thread::cpus_available(),
            governor: governor(),
            version: env!("CARGO_PKG_VERSION").into(),
            commit: COMMIT.map(str::to_owned),
            server_version: None,
            command_line,
        }
    }

    /// All of it, in the order in which people ask.
    pub fn facts(&self) -> Vec<Fact> {
        let known = |value: &Option<String>| value.clone().unwrap_or_else(|| "unknown".into());
        let kind = match self.machine.kind {
            MachineKind::Physical => "physical",
            MachineKind::Virtual => "virtual",
        };
        let cpus: Vec<String> = self.cpus.iter().map(usize::to_string).collect();
        [
            ("date", self.machine.date.clone()),
            ("kernel", format!("Linux {}", self.machine.kernel)),
            ("CPU", self.machine.cpu_model.clone()),
            ("CPUs", format!("{} ({})", self.machine.cpus, cpus.join(", "))),
            ("machine", kind.into()),
            ("governor", known(&self.governor)),
            ("server", known(&self.server_version)),
            ("load lab", self.version.clone()),
            ("commit", known(&self.commit)),
            ("command line", self.command_line.join(" ")),
        ]
        .map(|(name, value)| Fact { name, value })
        .into()
    }
}

/// The governors of all CPUs, each once (Documentation/admin-guide/pm/cpufreq.rst).
fn governor() -> Option<String> {
    let folders = std::fs::read_dir("/sys/devices/system/cpu/cpufreq").ok()?;
    let mut governors: Vec<String> = folders
        .filter_map(|folder| std::fs::read_to_string(folder.ok()?.path().join("scaling_governor")).ok())
        .map(|governor| governor.trim().to_owned())
        .collect();
    governors.sort();
    governors.dedup();
    if governors.is_empty() { None } else { Some(governors.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_keeps_all_of_it() {
        let here = Environment::look(vec!["spindle".into(), "load".into()]);
        assert!(!here.cpus.is_empty());
        let text = serde_json::to_string(&here).unwrap();
        assert_eq!(serde_json::from_str::<Environment>(&text).unwrap(), here);
    }
}
