//! The words of the file of `spindle serve`, where a setting is one of few. Anything else in their place is refused with
//! the words that are wanted.
#![forbid(unsafe_code)]

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};

use super::decided::{
    CoreDumps, Eviction, Memory, Permission, Presence, Promise, Protocol, Switch, Verbosity, WhenFull,
};

macro_rules! words {
    ($($setting:ident { $($word:literal => $value:ident),+ })+) => {$(
        impl<'de> Deserialize<'de> for $setting {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(Words(&[$(($word, $setting::$value)),+]))
            }
        }
    )+};
}

words! {
    Eviction { "evict" => Evict, "refuse" => Refuse }
    WhenFull { "refuse" => Refuse, "wait" => Wait }
    Permission { "allowed" => Allowed, "refused" => Refused }
    Promise { "written" => Written, "durable" => Durable }
    Switch { "on" => On, "off" => Off }
    Protocol { "auto" => Auto, "ascii" => Ascii }
    Verbosity {
        "quiet" => Quiet, "errors" => Errors, "commands" => Commands, "transitions" => Transitions
    }
    Presence { "foreground" => Foreground, "daemon" => Daemon }
    Memory { "pageable" => Pageable, "locked" => Locked }
    CoreDumps { "inherited" => Inherited, "largest" => Largest }
}

struct Words<T: 'static>(&'static [(&'static str, T)]);

impl<T: Copy> Visitor<'_> for Words<T> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (word, _)) in self.0.iter().enumerate() {
            write!(formatter, "{}\"{word}\"", if index == 0 { "" } else { " or " })?;
        }
        Ok(())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        let known = self.0.iter().find(|(word, _)| *word == text);
        known.map(|(_, value)| *value).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }
}
