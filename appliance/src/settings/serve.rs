//! `spindle serve`: a file, or nothing.
#![forbid(unsafe_code)]

use super::asked::Asked;
use super::decided::Settings;
use super::error::SettingsError;
use super::file_error::describe;
use super::validator::{Personality, decide};
use crate::arguments::ServeArguments;

/// Reads the file, if one was named, and decides.
///
/// # Errors
/// The file cannot be read; it is no TOML, or has a name that is not known (with line, column and what was expected);
/// or a value is out of its bounds (with line and key).
pub fn from_serve(typed: &ServeArguments) -> Result<Settings, SettingsError> {
    let Some(path) = &typed.file else {
        return decide(Asked::default(), Personality::Serve);
    };
    let refused = |message| SettingsError::File { path: path.clone(), message };
    let text =
        std::fs::read_to_string(path).map_err(|error| SettingsError::Unreadable { path: path.clone(), error })?;
    let asked = from_text(&text).map_err(refused)?;
    decide(asked, Personality::Serve).map_err(|error| refused(describe(&error, &text)))
}

fn from_text(text: &str) -> Result<Asked, String> {
    toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::from_text;

    #[test]
    fn an_unknown_name_is_refused_with_its_line_and_the_known_ones() {
        let message = from_text("[cache]\nport = 1\nprot = 2\n").unwrap_err();
        assert!(message.contains("line 3") && message.contains("unknown field `prot`"), "{message}");
        let message = from_text("[cash]\n").unwrap_err();
        assert!(message.contains("line 1") && message.contains("`cache`"), "{message}");
    }

    #[test]
    fn a_wrong_type_is_refused_with_its_line() {
        let message = from_text("[cache]\nmemory_bytes = \"64x\"\n").unwrap_err();
        assert!(message.contains("line 2") && message.contains("not a size"), "{message}");
        let message = from_text("[cache]\neviction = \"maybe\"\n").unwrap_err();
        assert!(message.contains("line 2") && message.contains("\"evict\" or \"refuse\""), "{message}");
        let message = from_text("[cache]\ncas = false\n").unwrap_err();
        assert!(message.contains("line 2") && message.contains("`false`, expected \"on\" or \"off\""), "{message}");
    }

    #[test]
    fn an_empty_file_asks_for_nothing() {
        let asked = from_text("").unwrap();
        assert!(asked.cache.is_none() && asked.files.is_none());
    }
}
