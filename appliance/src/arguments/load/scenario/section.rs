//! A table of a scenario. Its keys are flags: they are given to the parser that reads those, and what it refuses is told
//! in the words of the file.
#![forbid(unsafe_code)]

use std::error::Error;
use std::ops::Range;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ArgAction, Args, Command};
use spindle_core::simulator::Random;
use toml::de::{DeTable, DeValue};

use super::mistake::{Mistake, Text};
use crate::arguments::load::refusal::{Argument, Refusal};

/// A name is in logs, tables and keys.
const NAME_BYTES_MAX: usize = 40;

#[derive(Debug)]
pub(super) struct Section<'t> {
    /// Empty of the top of the file.
    pub(super) name: String,
    text: Text<'t>,
    /// As the file writes it, with a space behind; empty of the top of the file.
    title: String,
    at: usize,
    table: &'t DeTable<'t>,
    /// The key that says whom it is for.
    server: &'static str,
    /// Every key that somebody has asked for, in that order.
    known: Vec<String>,
}

impl<'t> Section<'t> {
    pub(super) fn of_document(text: Text<'t>, table: &'t DeTable<'t>) -> Section<'t> {
        let (name, title) = (String::new(), String::new());
        Section { name, text, title, at: 0, table, server: "", known: Vec::new() }
    }

    /// The tables `[kind.NAME]`, in the order of the file.
    pub(super) fn take_tables(&mut self, kind: &str) -> Result<Vec<Section<'t>>, Mistake> {
        self.know(kind);
        let Some(tables) = self.table.get(kind) else { return Ok(Vec::new()) };
        let not_named =
            |at: usize| Mistake::at(self.text.line(at), format!("it is written [{kind}.NAME], with a name of its own"));
        let named = tables.get_ref().as_table().ok_or_else(|| not_named(tables.span().start))?;
        let mut sections = Vec::new();
        for (name, table) in named {
            let at = name.span().start;
            let (name, table) = (name.get_ref(), table.get_ref().as_table().ok_or_else(|| not_named(at))?);
            let is_one = (1..=NAME_BYTES_MAX).contains(&name.len())
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
            if !is_one {
                let why = format!("a name is 1 to {NAME_BYTES_MAX} letters, digits, -, _ and .");
                return Err(Mistake::at(self.text.line(at), format!("[{kind}.{name:?}]: {why}")));
            }
            let title = format!("[{kind}.{name}] ");
            sections.push(Section { name: name.to_string(), title, at, table, known: Vec::new(), ..*self });
        }
        sections.sort_by_key(|section| section.at);
        Ok(sections)
    }

    fn know(&mut self, key: &str) {
        if !self.known.iter().any(|known| known == key) {
            self.known.push(key.to_owned());
        }
    }

    /// A seed that follows from that of the scenario and the name, whatever else is in the file.
    pub(super) fn seed(&self, of_scenario: u64) -> u64 {
        self.name.bytes().fold(of_scenario, |seed, byte| Random::new(seed ^ u64::from(byte)).draw())
    }

    /// Which of the keys is there, and says whom the section is for: one has to be, and no two can.
    pub(super) fn one_of(&mut self, keys: &[&'static str]) -> Result<&'static str, Mistake> {
        keys.iter().for_each(|key| self.know(key));
        let mut there = keys.iter().filter(|key| self.table.contains_key(**key));
        let Some(server) = there.next() else {
            return Err(self.wrong(format!("it needs {}", keys.join(" or "))));
        };
        if let Some(second) = there.next() {
            return Err(self.wrong_at(second, format!("not together with {server}")));
        }
        self.server = server;
        Ok(server)
    }

    /// What one key says, by its own parser.
    pub(super) fn read_word<T>(&mut self, key: &str, parse: impl Fn(&str) -> Result<T, String>) -> Result<T, Mistake> {
        self.know(key);
        let value = self.table.get(key).ok_or_else(|| self.wrong(format!("it needs {key}")))?;
        let word = plain(value.get_ref()).ok_or_else(|| self.wrong_at(key, "it is a word".into()))?;
        parse(&word).map_err(|why| self.wrong_at(key, why))
    }

    /// Reads those keys that are flags of `T`; a positional one is the key that says whom it is for. Of flags that the file
    /// does not set, those `own` have these values.
    pub(super) fn read<T: Args>(&mut self, own: &[(&str, String)]) -> Result<T, Mistake> {
        let command = Command::new("section").no_binary_name(true).disable_help_flag(true);
        let mut command = T::augment_args(command);
        let mut given = Vec::new();
        let mut positional = Vec::new();
        for argument in command.get_arguments() {
            let key = if argument.is_positional() { self.server } else { argument.get_id().as_str() };
            self.know(key);
            let flag = format!("--{}", argument.get_long().unwrap_or_default());
            let value = match self.table.get(key) {
                Some(value) => value.get_ref(),
                None => {
                    let default = own.iter().find(|(name, _)| *name == key);
                    given.extend(default.map(|(_, value)| format!("{flag}={value}")));
                    continue;
                }
            };
            match (argument.get_action(), value) {
                (ArgAction::SetTrue, DeValue::Boolean(true)) => given.push(flag),
                (ArgAction::SetTrue, DeValue::Boolean(false)) => {}
                (ArgAction::SetTrue, _) => return Err(self.wrong_at(key, "it is true or false".into())),
                _ => {
                    let word = plain(value).ok_or_else(|| self.wrong_at(key, "it is a number or a word".into()))?;
                    if argument.is_positional() { positional.push(word) } else { given.push(format!("{flag}={word}")) }
                }
            }
        }
        given.push("--".into());
        given.append(&mut positional);
        let parsed = command.try_get_matches_from_mut(given).and_then(|matches| T::from_arg_matches(&matches));
        parsed.map_err(|error| self.explain(&error))
    }

    /// Refuses what nobody has asked for.
    pub(super) fn finish(&self) -> Result<(), Mistake> {
        let unknown = self.table.keys().filter(|key| !self.known.iter().any(|known| known == key.get_ref()));
        let Some(first) = unknown.min_by_key(|key| key.span().start) else { return Ok(()) };
        let problem = format!("{}unknown key {}; there are {}", self.title, first.get_ref(), self.known.join(", "));
        Err(Mistake::at(self.text.line(first.span().start), problem))
    }

    /// What the section as a whole is blamed for.
    pub(super) fn wrong(&self, why: impl AsRef<str>) -> Mistake {
        Mistake::at(self.text.line(self.at), format!("{}{}", self.title, why.as_ref()))
    }

    /// What a key's value is blamed for; the section, where it is not written.
    pub(super) fn wrong_at(&self, key: &str, why: String) -> Mistake {
        let Some((at, value)) = self.span(key) else { return self.wrong(format!("{key}: {why}")) };
        Mistake::at(self.text.line(at), format!("{}{key} = {}: {why}", self.title, self.text.quote(value)))
    }

    pub(super) fn refused(&self, refusal: Refusal) -> Mistake {
        let key = match refusal.of {
            Argument::Server => self.server,
            Argument::Named(name) => name,
        };
        self.wrong_at(key, refusal.why)
    }

    /// Where a key is written, and its value.
    fn span(&self, key: &str) -> Option<(usize, Range<usize>)> {
        let (key, value) = self.table.get_key_value(key)?;
        Some((key.span().start, value.span()))
    }

    /// What the parser of flags complains of, in the words of the file.
    fn explain(&self, error: &clap::Error) -> Mistake {
        let keys = |kind| match error.get(kind) {
            Some(ContextValue::String(flag)) => vec![self.key(flag)],
            Some(ContextValue::Strings(flags)) => flags.iter().map(|flag| self.key(flag)).collect(),
            _ => Vec::new(),
        };
        let blamed = keys(ContextKind::InvalidArg);
        let key = blamed.first().map_or("", String::as_str);
        match error.kind() {
            ErrorKind::MissingRequiredArgument => self.wrong(format!("it needs {}", blamed.join(" and "))),
            ErrorKind::ArgumentConflict => {
                self.wrong_at(key, format!("not together with {}", keys(ContextKind::PriorArg).join(" and ")))
            }
            ErrorKind::InvalidValue => match error.get(ContextKind::ValidValue) {
                Some(ContextValue::Strings(words)) => self.wrong_at(key, format!("it is one of {}", words.join(", "))),
                _ => self.wrong_at(key, "a value is missing".into()),
            },
            _ => match error.source() {
                Some(source) => self.wrong_at(key, source.to_string()),
                None => self.wrong_at(key, error.kind().to_string()),
            },
        }
    }

    /// The key of a flag as the parser writes it: `--warm-up <SECONDS>`, or `<HOST:PORT>`.
    fn key(&self, flag: &str) -> String {
        match flag.strip_prefix("--") {
            Some(long) => long.split([' ', '=']).next().unwrap_or_default().replace('-', "_"),
            None => self.server.into(),
        }
    }
}

/// A number or a string, as a command line would have it.
fn plain(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(match i128::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => number.to_string(),
            Err(_) => number.to_string(),
        }),
        DeValue::Float(number) => Some(number.to_string()),
        _ => None,
    }
}
