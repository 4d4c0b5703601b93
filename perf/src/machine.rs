//! What a figure has to say about where and when it was measured.

use std::time::{SystemTime, UNIX_EPOCH};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// `YYYY-MM-DD`, in UTC.
    pub date: String,
    /// As uname(2) has it.
    pub kernel: String,
    /// As /proc/cpuinfo has it.
    pub cpu_model: String,
    /// That this process may run on.
    pub cpus: usize,
    pub kind: MachineKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MachineKind {
    Physical,
    /// /proc/cpuinfo has the flag `hypervisor`.
    Virtual,
}

impl Machine {
    /// Looks at this machine now.
    pub fn look() -> Machine {
        let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let field = |name: &str| {
            let line = cpuinfo.lines().find(|line| line.starts_with(name));
            line.and_then(|line| line.split_once(':')).map(|(_, value)| value.trim()).unwrap_or("unknown")
        };
        let is_virtual = field("flags").split(' ').any(|flag| flag == "hypervisor");
        let kernel = nix::sys::utsname::uname();
        let days = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() / 86_400);
        Machine {
            date: date(days),
            kernel: kernel.map_or("unknown".into(), |names| names.release().to_string_lossy().into_owned()),
            cpu_model: field("model name").into(),
            cpus: spindle_core::thread::cpus_available().len(),
            kind: if is_virtual { MachineKind::Virtual } else { MachineKind::Physical },
        }
    }
}

impl std::fmt::Display for Machine {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = match self.kind {
            MachineKind::Physical => "",
            MachineKind::Virtual => " (virtual machine)",
        };
        write!(formatter, "{}, Linux {}, {}, {} CPUs{kind}", self.date, self.kernel, self.cpu_model, self.cpus)
    }
}

/// Memory that can be had without swapping. proc_meminfo(5): `MemAvailable`.
///
/// # Errors
/// No /proc.
pub fn memory_available_bytes() -> std::io::Result<u64> {
    let info = std::fs::read_to_string("/proc/meminfo")?;
    let kibibytes =
        info.lines().find_map(|line| line.strip_prefix("MemAvailable:")?.trim().strip_suffix(" kB")?.parse().ok());
    kibibytes.map(|kibibytes: u64| kibibytes * 1024).ok_or_else(|| std::io::Error::other("no MemAvailable"))
}

/// The Gregorian date of a day since 1970-01-01, counted in years that begin in March, so that the leap day is the last
/// (Howard Hinnant, chrono-compatible low-level date algorithms, `civil_from_days`).
fn date(days_since_1970: u64) -> String {
    const DAYS_TO_1970: u64 = 719_468;
    const ERA_DAYS: u64 = 146_097;
    let days = days_since_1970 + DAYS_TO_1970;
    let (era, day) = (days / ERA_DAYS, days % ERA_DAYS);
    let year_of_era = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day_of_month:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        for (days, expected) in [
            (0, "1970-01-01"),
            (59, "1970-03-01"),
            (11_016, "2000-02-29"),
            (20_513, "2026-03-01"),
            (20_512, "2026-02-28"),
        ] {
            assert_eq!(date(days), expected);
        }
    }

    #[test]
    fn this_machine_is_known() {
        let machine = Machine::look();
        assert!(machine.cpus > 0);
        assert_ne!(machine.kernel, "unknown");
        assert!(memory_available_bytes().unwrap() > 0);
    }
}
