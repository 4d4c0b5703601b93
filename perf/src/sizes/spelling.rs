//! Sizes as people write them; what is displayed is read back as the same.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::{Listed, Sizes};

/// What is wrong with a description of sizes: its writer's fault, always.
#[derive(Debug, thiserror::Error)]
pub enum SizesError {
    #[error("\"{text}\" is not a size: it is a whole number of bytes, or of k, m or g (100, 32k, 1m)")]
    Size { text: String },
    #[error("{low}-{high} runs backwards: the smaller size comes first")]
    Backwards { low: String, high: String },
    #[error("\"{text}\" is not a deviation: it is a number from 0 to 10, as 1.5 in lognormal:32k:1.5")]
    Sigma { text: String },
    #[error(
        "\"{text}\" does not describe sizes: they are 100, 100-4000, lognormal:MEDIAN:SIGMA[:MAX], etc, etc-keys or csv:FILE"
    )]
    Shape { text: String },
    #[error("\"{text}\" is not a weight: it is a number from 0 on")]
    Weight { text: String },
    #[error("{} cannot be read: {source}", path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("{}:{line}: {cause}", path.display())]
    Line { path: PathBuf, line: usize, cause: Box<SizesError> },
    #[error("{} names no size that has a weight: its lines are SIZE or SIZE,WEIGHT", path.display())]
    Nothing { path: PathBuf },
    #[error("the weights in {} are too large to add up", path.display())]
    Heavy { path: PathBuf },
}

/// A whole number of bytes; k, m and g stand for 2^10, 2^20 and 2^30, large or small.
pub fn parse_bytes(text: &str) -> Result<u64, SizesError> {
    let (digits, shift) = match text.as_bytes().last() {
        Some(b'k' | b'K') => (&text[..text.len() - 1], 10),
        Some(b'm' | b'M') => (&text[..text.len() - 1], 20),
        Some(b'g' | b'G') => (&text[..text.len() - 1], 30),
        _ => (text, 0),
    };
    let number = if digits.starts_with('+') { None } else { digits.parse::<u64>().ok() };
    number.and_then(|number| number.checked_mul(1 << shift)).ok_or_else(|| SizesError::Size { text: text.to_owned() })
}

impl FromStr for Sizes {
    type Err = SizesError;

    /// `100`, `100-4000`, `lognormal:MEDIAN:SIGMA[:MAX]`, `etc`, `etc-keys` or `csv:FILE`. The file is read here.
    fn from_str(text: &str) -> Result<Sizes, SizesError> {
        if let Some(path) = text.strip_prefix("csv:").filter(|path| !path.is_empty()) {
            return Listed::read(Path::new(path)).map(Sizes::Listed);
        }
        if let Some(arguments) = text.strip_prefix("lognormal:") {
            return parse_log_normal(text, arguments);
        }
        if let Some((low, high)) = text.split_once('-').filter(|(low, _)| low.starts_with(|c: char| c.is_ascii_digit()))
        {
            return parse_range(low, high);
        }
        match text {
            "etc" => Ok(Sizes::Etc),
            "etc-keys" => Ok(Sizes::EtcKeys),
            _ if text.starts_with(|first: char| first.is_ascii_digit()) => parse_bytes(text).map(Sizes::Fixed),
            _ => Err(SizesError::Shape { text: text.to_owned() }),
        }
    }
}

fn parse_range(low_text: &str, high_text: &str) -> Result<Sizes, SizesError> {
    let (low, high) = (parse_bytes(low_text)?, parse_bytes(high_text)?);
    if low > high {
        return Err(SizesError::Backwards { low: low_text.to_owned(), high: high_text.to_owned() });
    }
    Ok(Sizes::Range { low, high })
}

fn parse_log_normal(text: &str, arguments: &str) -> Result<Sizes, SizesError> {
    let mut arguments = arguments.split(':');
    let (Some(median), Some(sigma), max, None) =
        (arguments.next(), arguments.next(), arguments.next(), arguments.next())
    else {
        return Err(SizesError::Shape { text: text.to_owned() });
    };
    let median = parse_bytes(median)?;
    let sigma = match sigma.parse() {
        Ok(number) if (0.0..=10.0).contains(&number) => number,
        _ => return Err(SizesError::Sigma { text: sigma.to_owned() }),
    };
    Ok(Sizes::LogNormal { median, sigma, max: max.map(parse_bytes).transpose()? })
}

impl fmt::Display for Sizes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Sizes::Fixed(size) => Bytes(*size).fmt(formatter),
            Sizes::Range { low, high } => write!(formatter, "{}-{}", Bytes(*low), Bytes(*high)),
            Sizes::LogNormal { median, sigma, max: None } => write!(formatter, "lognormal:{}:{sigma}", Bytes(*median)),
            Sizes::LogNormal { median, sigma, max: Some(max) } => {
                write!(formatter, "lognormal:{}:{sigma}:{}", Bytes(*median), Bytes(*max))
            }
            Sizes::Etc => formatter.write_str("etc"),
            Sizes::EtcKeys => formatter.write_str("etc-keys"),
            Sizes::Listed(listed) => write!(formatter, "csv:{}", listed.path.display()),
        }
    }
}

/// With the largest suffix that is exact.
struct Bytes(u64);

impl fmt::Display for Bytes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0, self.0.trailing_zeros()) {
            (0, _) => formatter.write_str("0"),
            (size, 30..) => write!(formatter, "{}g", size >> 30),
            (size, 20..) => write!(formatter, "{}m", size >> 20),
            (size, 10..) => write!(formatter, "{}k", size >> 10),
            (size, _) => write!(formatter, "{size}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fault(text: &str) -> String {
        text.parse::<Sizes>().unwrap_err().to_string()
    }

    #[test]
    fn every_form_is_read() {
        let read = |text: &str| text.parse::<Sizes>().unwrap();
        assert_eq!(read("100"), Sizes::Fixed(100));
        assert_eq!(read("32k"), Sizes::Fixed(32 << 10));
        assert_eq!(read("2G"), Sizes::Fixed(2 << 30));
        assert_eq!(read("100-4k"), Sizes::Range { low: 100, high: 4096 });
        assert_eq!(read("lognormal:32k:1.5"), Sizes::LogNormal { median: 32 << 10, sigma: 1.5, max: None });
        assert_eq!(read("lognormal:32k:1.5:1m"), Sizes::LogNormal { median: 32 << 10, sigma: 1.5, max: Some(1 << 20) });
        assert_eq!(read("etc"), Sizes::Etc);
        assert_eq!(read("etc-keys"), Sizes::EtcKeys);
    }

    #[test]
    fn a_file_is_read_and_named_again() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "1k,2\n").unwrap();
        let text = format!("csv:{}", file.path().display());
        let sizes = text.parse::<Sizes>().unwrap();
        assert_eq!((sizes.at(0.5), sizes.to_string()), (1024, text));
    }

    #[test]
    fn faults_say_what_would_do() {
        assert_eq!(fault("4k-100"), "4k-100 runs backwards: the smaller size comes first");
        for (text, culprit) in [
            ("12x", "12x"),
            ("100-", ""),
            ("100-many", "many"),
            ("1.5k", "1.5k"),
            ("99999999999g", "99999999999g"),
            ("lognormal:big:1", "big"),
            ("lognormal:1k:1:k", "k"),
        ] {
            assert!(fault(text).starts_with(&format!("\"{culprit}\" is not a size: ")), "{}", fault(text));
        }
        for text in ["", "-5", "+5", "zipf", "csv:", "lognormal:", "lognormal:1k", "lognormal:1k:1:1k:1", "ETC", "é"] {
            assert!(fault(text).starts_with(&format!("\"{text}\" does not describe sizes: ")), "{}", fault(text));
        }
        for sigma in ["", "-1", "11", "NaN", "inf", "wide"] {
            let fault = fault(&format!("lognormal:32k:{sigma}"));
            assert!(fault.starts_with(&format!("\"{sigma}\" is not a deviation: ")), "{fault}");
        }
    }

    fn any_sizes() -> impl Strategy<Value = Sizes> {
        prop_oneof![
            any::<u64>().prop_map(Sizes::Fixed),
            (0u64..1 << 34).prop_map(|size| Sizes::Fixed(size << 30)),
            (any::<u64>(), any::<u64>()).prop_map(|(a, b)| Sizes::Range { low: a.min(b), high: a.max(b) }),
            (any::<u64>(), 0.0..10.0, any::<Option<u64>>()).prop_map(|(median, sigma, max)| Sizes::LogNormal {
                median,
                sigma,
                max
            }),
            Just(Sizes::Etc),
            Just(Sizes::EtcKeys),
        ]
    }

    proptest! {
        #[test]
        fn what_is_displayed_is_read_back(sizes in any_sizes()) {
            prop_assert_eq!(sizes.to_string().parse::<Sizes>().unwrap(), sizes);
        }

        #[test]
        fn any_text_has_an_answer(text in ".{0,24}", even in 0.0..1.0) {
            if let Ok(sizes) = text.parse::<Sizes>() {
                sizes.at(even);
            }
        }
    }
}
