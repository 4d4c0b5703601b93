//! What is asked of a cache, and how often.

use std::fmt;
use std::str::FromStr;

use crate::load::Operation;

/// Keys of a multiget, at most: its request is written in one piece.
const MULTIGET_KEYS_MAX: usize = 500;

/// Weights: a request of a kind is drawn as often as its weight is a part of their sum. None is negative, one at least is
/// above 0. Written and read as `get=80,set=10,multiget=5:16,delete=1`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Mix {
    pub get: f64,
    pub set: f64,
    pub multiget: f64,
    /// Of one multiget, drawn one by one; what is drawn twice is asked for once. From 1 to 500 where there are multigets.
    pub multiget_keys: usize,
    pub delete: f64,
    pub touch: f64,
    pub incr: f64,
    pub cas: f64,
}

/// A kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Get,
    Set,
    Multiget,
    Delete,
    Touch,
    Incr,
    Cas,
}

impl Kind {
    pub(super) fn operation(self) -> Operation {
        match self {
            Kind::Get => Operation::Get,
            Kind::Set => Operation::Set,
            Kind::Multiget => Operation::Multiget,
            Kind::Delete => Operation::Delete,
            Kind::Touch => Operation::Touch,
            Kind::Incr => Operation::Incr,
            Kind::Cas => Operation::Cas,
        }
    }
}

impl Mix {
    /// Sets, `share` of all requests, 0 to 1; the others are gets.
    pub fn of_sets(share: f64) -> Mix {
        Mix { get: 1.0 - share, set: share, ..Mix::default() }
    }

    fn weights(&self) -> [(Kind, f64); 7] {
        [
            (Kind::Get, self.get),
            (Kind::Set, self.set),
            (Kind::Multiget, self.multiget),
            (Kind::Delete, self.delete),
            (Kind::Touch, self.touch),
            (Kind::Incr, self.incr),
            (Kind::Cas, self.cas),
        ]
    }
}

/// Draws kinds of requests.
#[derive(Clone, Debug)]
pub(super) struct Kinds {
    /// Of each kind that there is: up to which part of 1 it is drawn.
    bounds: Vec<(Kind, f64)>,
}

impl Kinds {
    pub(super) fn of(mix: &Mix) -> Kinds {
        let total: f64 = mix.weights().iter().map(|(_, weight)| weight).sum();
        let mut below = 0.0;
        let positive = mix.weights().into_iter().filter(|(_, weight)| *weight > 0.0);
        let mut bounds: Vec<(Kind, f64)> = positive
            .map(|(kind, weight)| {
                below += weight / total;
                (kind, below)
            })
            .collect();
        // Sums of fractions are not always 1.
        if let Some((_, bound)) = bounds.last_mut() {
            *bound = 1.0;
        }
        Kinds { bounds }
    }

    /// Those that there are, in the order of the mix.
    pub(super) fn all(&self) -> impl Iterator<Item = Kind> {
        self.bounds.iter().map(|(kind, _)| *kind)
    }

    /// The kind at `even`, which is evenly from 0 to 1, 1 excluded.
    #[inline]
    pub(super) fn at(&self, even: f64) -> Kind {
        self.bounds.iter().find(|(_, bound)| even < *bound).map_or(Kind::Get, |(kind, _)| *kind)
    }
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum MixError {
    #[error("\"{0}\" is no part of a mix: it is KIND=WEIGHT, as in get=90,set=10")]
    Part(String),
    #[error("nothing is called \"{0}\": a mix is of get, set, multiget, delete, touch, incr and cas")]
    Kind(String),
    #[error("\"{0}\" is named twice")]
    Twice(String),
    #[error("\"{0}\" is not a weight: it is a number from 0 to a million")]
    Weight(String),
    #[error("\"{0}\" is no multiget: it is WEIGHT:KEYS with 1 to 500 keys, as in multiget=5:16")]
    Multiget(String),
    #[error("nothing in the mix has a weight")]
    Nothing,
}

impl FromStr for Mix {
    type Err = MixError;

    fn from_str(text: &str) -> Result<Mix, MixError> {
        let (mut mix, mut named) = (Mix::default(), Vec::new());
        for part in text.split(',') {
            let (kind, value) = part.split_once('=').ok_or_else(|| MixError::Part(part.to_owned()))?;
            if named.contains(&kind) {
                return Err(MixError::Twice(kind.to_owned()));
            }
            named.push(kind);
            let weight = match kind {
                "get" => &mut mix.get,
                "set" => &mut mix.set,
                "delete" => &mut mix.delete,
                "touch" => &mut mix.touch,
                "incr" => &mut mix.incr,
                "cas" => &mut mix.cas,
                "multiget" => {
                    (mix.multiget, mix.multiget_keys) = parse_multiget(value)?;
                    continue;
                }
                _ => return Err(MixError::Kind(kind.to_owned())),
            };
            *weight = parse_weight(value)?;
        }
        if Kinds::of(&mix).bounds.is_empty() { Err(MixError::Nothing) } else { Ok(mix) }
    }
}

fn parse_weight(text: &str) -> Result<f64, MixError> {
    let weight = text.parse::<f64>().ok().filter(|weight| (0.0..=1e6).contains(weight));
    weight.ok_or_else(|| MixError::Weight(text.to_owned()))
}

fn parse_multiget(text: &str) -> Result<(f64, usize), MixError> {
    let refused = || MixError::Multiget(text.to_owned());
    let (weight, keys) = text.split_once(':').ok_or_else(refused)?;
    let keys = keys.parse().ok().filter(|keys| (1..=MULTIGET_KEYS_MAX).contains(keys));
    Ok((parse_weight(weight)?, keys.ok_or_else(refused)?))
}

impl fmt::Display for Mix {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut before = "";
        for (kind, weight) in self.weights().into_iter().filter(|(_, weight)| *weight > 0.0) {
            write!(formatter, "{before}{}={weight}", kind.operation().name())?;
            if kind == Kind::Multiget {
                write!(formatter, ":{}", self.multiget_keys)?;
            }
            before = ",";
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mix_is_read_as_it_is_written() {
        for text in ["get=80,set=10,multiget=5:16,delete=1,touch=1,incr=2,cas=1", "get=1", "set=0.25,incr=3.5"] {
            assert_eq!(text.parse::<Mix>().unwrap().to_string(), text);
        }
        assert_eq!("set=3,get=1".parse::<Mix>().unwrap(), Mix { get: 1.0, set: 3.0, ..Mix::default() });
    }

    #[test]
    fn what_is_no_mix_is_refused_with_the_reason() {
        for (text, error) in [
            ("", MixError::Part("".into())),
            ("get", MixError::Part("get".into())),
            ("get=1,", MixError::Part("".into())),
            ("gets=1", MixError::Kind("gets".into())),
            ("get=1,get=2", MixError::Twice("get".into())),
            ("get=-1", MixError::Weight("-1".into())),
            ("get=NaN", MixError::Weight("NaN".into())),
            ("get=inf", MixError::Weight("inf".into())),
            ("get=much", MixError::Weight("much".into())),
            ("multiget=5", MixError::Multiget("5".into())),
            ("multiget=5:0", MixError::Multiget("5:0".into())),
            ("multiget=5:501", MixError::Multiget("5:501".into())),
            ("get=0,set=0", MixError::Nothing),
        ] {
            assert_eq!(text.parse::<Mix>(), Err(error), "{text:?}");
        }
    }

    #[test]
    fn kinds_are_drawn_by_their_weights() {
        let kinds = Kinds::of(&"get=8,delete=1,cas=1".parse().unwrap());
        for (even, kind) in [
            (0.0, Kind::Get),
            (0.79, Kind::Get),
            (0.81, Kind::Delete),
            (0.89, Kind::Delete),
            (0.91, Kind::Cas),
            (1.0 - f64::EPSILON / 2.0, Kind::Cas),
        ] {
            assert_eq!(kinds.at(even), kind, "{even}");
        }
        assert_eq!(Kinds::of(&Mix::of_sets(1.0)).at(0.0), Kind::Set);
        assert_eq!(Kinds::of(&Mix::of_sets(0.0)).at(0.99), Kind::Get);
    }
}
