//! Numbers within bounds.
#![forbid(unsafe_code)]

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// Parses a number within `bounds`, or says which they are.
pub(super) fn within<T>(bounds: RangeInclusive<T>) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static
where
    T: FromStr + PartialOrd + Display + Clone + Send + Sync + 'static,
{
    move |typed| {
        let number = typed.parse().ok().filter(|number| bounds.contains(number));
        number.ok_or_else(|| format!("it is a number from {} to {}", bounds.start(), bounds.end()))
    }
}

#[cfg(test)]
mod tests {
    use super::within;

    #[test]
    fn a_number_is_within_its_bounds() {
        assert_eq!(within(1..=9)("9"), Ok(9));
        assert_eq!(within(0.5..=2.0)("1e0"), Ok(1.0));
        for wrong in ["0", "10", "1.5", "fast", "-1", ""] {
            assert_eq!(within(1..=9)(wrong), Err("it is a number from 1 to 9".into()), "{wrong}");
        }
        assert_eq!(within(0.5..=1e9)("nan"), Err("it is a number from 0.5 to 1000000000".into()));
    }
}
