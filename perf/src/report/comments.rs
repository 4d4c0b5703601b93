//! An environment as HdrHistogram's tools pass over it: comments, lines that begin with #.

use std::io::{self, Write};

use crate::environment::{Environment, Fact};

/// A line for each fact.
///
/// # Errors
/// What the writer says.
pub(super) fn write(environment: &Environment, out: &mut impl Write) -> io::Result<()> {
    environment.facts().iter().try_for_each(|Fact { name, value }| writeln!(out, "#[{name}: {}]", one_line(value)))
}

/// A command line may have line feeds in it, after which there would be no comment.
fn one_line(value: &str) -> String {
    let ends_line = |character: char| character.is_control() || matches!(character, '\u{2028}' | '\u{2029}');
    value.chars().map(|character| if ends_line(character) { ' ' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fact_is_one_comment() {
        let command = ["spindle", "load\n1.000 0.5 7 2.00\r\u{85}\u{2028}7"].map(String::from);
        let environment = Environment::look(command.into());
        let mut out = Vec::new();
        write(&environment, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.lines().count(), environment.facts().len());
        assert!(text.lines().all(|line| line.starts_with("#[") && line.ends_with(']')), "{text}");
        assert!(text.contains(&format!("#[kernel: Linux {}]\n", environment.machine.kernel)), "{text}");
        assert!(text.ends_with("#[command line: spindle load 1.000 0.5 7 2.00   7]\n"), "{text}");
    }
}
