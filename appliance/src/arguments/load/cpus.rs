//! Which CPUs the load runs on.
#![forbid(unsafe_code)]

use std::str::FromStr;

use spindle_core::thread::cpus_available;

/// A generator for each, in the order in which they are named: `1`, `1-3`, `1,3`, as taskset(1) takes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CpuList(pub Vec<usize>);

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum CpuListError {
    #[error("it is a CPU that this process may run on, one of {available:?}, or several, as in 1-3 or 1,3")]
    NotThere { available: Vec<usize> },
    #[error("CPU {0} is named twice: a generator needs one to itself")]
    Twice(usize),
}

impl FromStr for CpuList {
    type Err = CpuListError;

    fn from_str(typed: &str) -> Result<CpuList, CpuListError> {
        let available = cpus_available();
        let mut cpus = Vec::new();
        for part in typed.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let range = first.parse::<usize>().ok().zip(last.parse::<usize>().ok());
            // A range that is wrong way round has none.
            let range = range.filter(|(first, last)| first <= last && available.contains(last));
            let Some((first, last)) = range else { return Err(CpuListError::NotThere { available }) };
            for cpu in first..=last {
                if !available.contains(&cpu) {
                    return Err(CpuListError::NotThere { available });
                }
                if cpus.contains(&cpu) {
                    return Err(CpuListError::Twice(cpu));
                }
                cpus.push(cpu);
            }
        }
        Ok(CpuList(cpus))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_of_cpus_that_are_there() {
        let available = cpus_available();
        let last = *available.last().unwrap();
        assert_eq!(last.to_string().parse(), Ok(CpuList(vec![last])));
        assert_eq!(format!("{last}-{last}").parse(), Ok(CpuList(vec![last])));
        let all: Vec<String> = available.iter().map(usize::to_string).collect();
        assert_eq!(all.join(",").parse(), Ok(CpuList(available.clone())));
        assert_eq!(format!("{last},{last}").parse::<CpuList>(), Err(CpuListError::Twice(last)));
        for wrong in ["", "x", ",", "1-", "-1", "4096", "0-99999999999", "1:2", &format!("{}-{last}", last + 1)] {
            assert!(matches!(wrong.parse::<CpuList>(), Err(CpuListError::NotThere { .. })), "{wrong}");
        }
    }
}
