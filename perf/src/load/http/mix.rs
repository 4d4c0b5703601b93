//! What is asked of the objects, and how often each.

use std::fmt;
use std::str::FromStr;

use crate::load::Operation;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Get,
    Head,
    Put,
    Delete,
    Post,
}

const METHODS: [Method; 5] = [Method::Get, Method::Head, Method::Put, Method::Delete, Method::Post];

impl Method {
    /// As HTTP writes it.
    pub(super) fn token(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Head => "HEAD",
            Method::Put => "PUT",
            Method::Delete => "DELETE",
            Method::Post => "POST",
        }
    }

    pub(super) fn operation(self) -> Operation {
        match self {
            Method::Get => Operation::Get,
            Method::Head => Operation::Head,
            Method::Put => Operation::Put,
            Method::Delete => Operation::Delete,
            Method::Post => Operation::Post,
        }
    }
}

/// Methods with weights, spelled `get`, or `get=9,put=1`: the sum of the weights does not matter.
#[derive(Clone, Debug, PartialEq)]
pub struct Mix {
    /// In the order of `METHODS`; each is zero or more, and one of them more.
    weights: [f64; METHODS.len()],
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum MixError {
    #[error("{0:?} is none of get, head, put, delete, post")]
    Method(String),
    #[error("{0:?} is no weight: a number above 0")]
    Weight(String),
    #[error("{0} is there twice")]
    Twice(String),
}

impl Mix {
    /// The method that the fraction `even` of all requests stays below: 0 to 1, 1 excluded.
    pub fn at(&self, even: f64) -> Method {
        let mut left = even * self.weights.iter().sum::<f64>();
        let mut last = Method::Get;
        for (method, weight) in self.weighted() {
            if left < weight {
                return method;
            }
            (left, last) = (left - weight, method);
        }
        last
    }

    pub fn has(&self, wanted: Method) -> bool {
        self.methods().any(|method| method == wanted)
    }

    pub(super) fn methods(&self) -> impl Iterator<Item = Method> {
        self.weighted().map(|(method, _)| method)
    }

    fn weighted(&self) -> impl Iterator<Item = (Method, f64)> {
        METHODS.into_iter().zip(self.weights).filter(|(_, weight)| *weight > 0.0)
    }
}

impl FromStr for Mix {
    type Err = MixError;

    fn from_str(text: &str) -> Result<Mix, MixError> {
        let mut weights = [0.0; METHODS.len()];
        for part in text.split(',') {
            let (name, weight) = part.split_once('=').unwrap_or((part, "1"));
            let at = METHODS.iter().position(|method| method.token().eq_ignore_ascii_case(name));
            let at = at.ok_or_else(|| MixError::Method(name.into()))?;
            let parsed = weight.parse().ok().filter(|weight| (f64::MIN_POSITIVE..=1e9).contains(weight));
            if weights[at] > 0.0 {
                return Err(MixError::Twice(name.into()));
            }
            weights[at] = parsed.ok_or_else(|| MixError::Weight(weight.into()))?;
        }
        Ok(Mix { weights })
    }
}

impl fmt::Display for Mix {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (method, weight)) in self.weighted().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            write!(formatter, "{comma}{}={weight}", method.token().to_ascii_lowercase())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mix(text: &str) -> Mix {
        text.parse().unwrap()
    }

    #[test]
    fn a_weight_is_a_share_of_the_sum() {
        let mix = mix("get=6,PUT=3,delete");
        assert_eq!([0.0, 0.59].map(|even| mix.at(even)), [Method::Get; 2]);
        assert_eq!([0.61, 0.89].map(|even| mix.at(even)), [Method::Put; 2]);
        assert_eq!([0.91, 1.0 - f64::EPSILON / 2.0].map(|even| mix.at(even)), [Method::Delete; 2]);
        assert!(mix.has(Method::Put) && !mix.has(Method::Head));
        assert_eq!(mix.to_string().parse(), Ok(mix));
    }

    #[test]
    fn one_method_needs_no_weight() {
        for method in METHODS {
            assert_eq!([0.0, 0.5, 0.999].map(|even| mix(method.token()).at(even)), [method; 3]);
        }
    }

    #[test]
    fn what_is_no_mix_is_refused() {
        let refusal = |text: &str| text.parse::<Mix>().unwrap_err();
        for method in ["", "patch", "get,"] {
            assert!(matches!(refusal(method), MixError::Method(_)), "{method}");
        }
        for weight in ["get=", "get=0", "get=-1", "get=x", "get=inf", "get=nan"] {
            assert!(matches!(refusal(weight), MixError::Weight(_)), "{weight}");
        }
        assert_eq!(refusal("get=1,put=1,get=1"), MixError::Twice("get".into()));
    }
}
