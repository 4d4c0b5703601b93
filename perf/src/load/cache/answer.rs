//! What an answer says.

use spindle_net::wire::memcached::reply_parse::{MetaCode, ParsedReply, Reply, parse_reply};

/// What an answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said<'a> {
    /// `key` where the protocol repeats it.
    Value {
        key: Option<&'a [u8]>,
        data: &'a [u8],
    },
    Nothing,
    Stored,
    NotStored,
    Refused,
}

/// What came of looking at the front of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hearing<'a> {
    Answer {
        said: Said<'a>,
        consumed: usize,
    },
    /// There are to be at least so many bytes.
    Incomplete {
        bytes_min: usize,
    },
    Malformed,
}

/// The answer to one request, a get or a set, at the front of `input`.
pub(crate) fn hear(input: &[u8], is_get: bool) -> Hearing<'_> {
    let (reply, consumed) = match parse_reply(input) {
        ParsedReply::Incomplete { bytes_min } => return Hearing::Incomplete { bytes_min },
        ParsedReply::Malformed => return Hearing::Malformed,
        ParsedReply::Reply { reply, consumed } => (reply, consumed),
    };
    let said = match (reply, is_get) {
        (Reply::Error(_) | Reply::ClientError(_) | Reply::ServerError(_), _) => Said::Refused,
        (Reply::Value(value), true) => {
            let rest = &input[consumed..];
            return match parse_reply(rest) {
                ParsedReply::Reply { reply: Reply::End, consumed: end } => Hearing::Answer {
                    said: Said::Value { key: Some(value.key), data: value.data },
                    consumed: consumed + end,
                },
                ParsedReply::Incomplete { bytes_min } => Hearing::Incomplete { bytes_min: consumed + bytes_min },
                _ => Hearing::Malformed,
            };
        }
        (Reply::MetaValue { data, .. }, true) => Said::Value { key: None, data },
        (Reply::End, true) | (Reply::Meta { code: MetaCode::En, .. }, true) => Said::Nothing,
        (Reply::Stored, false) | (Reply::Meta { code: MetaCode::Hd, .. }, false) => Said::Stored,
        (Reply::NotStored, false) | (Reply::Meta { code: MetaCode::Ns, .. }, false) => Said::NotStored,
        _ => return Hearing::Malformed,
    };
    Hearing::Answer { said, consumed }
}
