//! What is wrong with a scenario, and where.
#![forbid(unsafe_code)]

use std::fmt;
use std::io;
use std::ops::Range;
use std::path::PathBuf;

/// Why a file gives no scenario.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    #[error("{}: {error}", file.display())]
    Unreadable { file: PathBuf, error: io::Error },
    /// As compilers say it, so that editors find the place.
    #[error("{}:{mistake}", file.display())]
    Wrong { file: PathBuf, mistake: Mistake },
}

#[derive(Debug, PartialEq, Eq)]
pub struct Mistake {
    /// From 1; none where the whole file is to blame.
    line: Option<usize>,
    problem: String,
}

impl Mistake {
    pub(super) fn at(line: usize, problem: impl Into<String>) -> Mistake {
        Mistake { line: Some(line), problem: problem.into() }
    }

    pub(super) fn of_all(problem: impl Into<String>) -> Mistake {
        Mistake { line: None, problem: problem.into() }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(formatter, "{line}: {}", self.problem),
            None => write!(formatter, " {}", self.problem),
        }
    }
}

/// The text of a scenario.
#[derive(Clone, Copy, Debug)]
pub(super) struct Text<'t>(pub(super) &'t str);

impl<'t> Text<'t> {
    /// From 1.
    pub(super) fn line(self, at: usize) -> usize {
        self.0.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
    }

    /// As it is written, if it is short enough to be repeated.
    pub(super) fn quote(self, span: Range<usize>) -> &'t str {
        const LONG: usize = 60;
        let written = self.0.get(span).unwrap_or_default();
        if written.len() > LONG || written.contains('\n') { "..." } else { written }
    }

    pub(super) fn no_toml(self, error: &toml::de::Error) -> Mistake {
        let at = error.span().map_or(0, |span| span.start);
        Mistake::at(self.line(at), error.message())
    }
}
