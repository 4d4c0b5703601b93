//! A configuration from perf/peers/ with `{{names}}` in it, filled in.

use std::fmt::Display;

/// What may be filled in: nothing that any of the configuration languages, or a command line, would take for its own.
fn is_plain(value: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._:-".contains(&byte);
    !value.is_empty() && value.bytes().all(plain)
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    #[error("{name} is {value:?}, which cannot stand in a server's configuration: letters, digits and / . _ : - only")]
    Odd { name: &'static str, value: String },
    #[error("the template asks for {0:?}, which it is not given")]
    Unknown(String),
}

/// The values for one server's template.
#[derive(Debug, Default)]
pub(super) struct Values(Vec<(&'static str, String)>);

impl Values {
    /// # Errors
    /// A value that would have to be quoted.
    pub(super) fn set(&mut self, name: &'static str, value: impl Display) -> Result<(), TemplateError> {
        let value = value.to_string();
        if !is_plain(&value) {
            return Err(TemplateError::Odd { name, value });
        }
        self.0.push((name, value));
        Ok(())
    }

    /// Puts the values into the template. One that it does not ask for is none of its business.
    ///
    /// # Errors
    /// A name without a value.
    pub(super) fn fill(&self, template: &str) -> Result<String, TemplateError> {
        let mut filled = String::with_capacity(template.len());
        let mut rest = template;
        while let Some((before, after)) = rest.split_once("{{") {
            let (name, after) = after.split_once("}}").unwrap_or((after, ""));
            let value = self.0.iter().find(|(known, _)| *known == name);
            let (_, value) = value.ok_or_else(|| TemplateError::Unknown(name.into()))?;
            filled.push_str(before);
            filled.push_str(value);
            rest = after;
        }
        filled.push_str(rest);
        Ok(filled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_replaced_by_values() {
        let mut values = Values::default();
        values.set("root", "/srv/files").unwrap();
        values.set("port", 80).unwrap();
        assert_eq!(
            values.fill("root {{root}};\nlisten {{port}};{{root}}").unwrap(),
            "root /srv/files;\nlisten 80;/srv/files"
        );
        assert_eq!(values.fill("nothing { } here").unwrap(), "nothing { } here");
        assert_eq!(values.fill("a {{folder}}"), Err(TemplateError::Unknown("folder".into())));
        assert!(matches!(values.fill("a {{port"), Ok(filled) if filled == "a 80"));
    }

    #[test]
    fn no_value_can_say_more_than_it_should() {
        let mut values = Values::default();
        for odd in ["", "/srv/my files", "/srv/\"", "/srv;", "{", "/ü", "a\nb", "$host"] {
            let error = values.set("root", odd).unwrap_err();
            assert!(error.to_string().contains("root is"), "{error}");
        }
        values.set("address", "127.0.0.1:8080").unwrap();
    }
}
