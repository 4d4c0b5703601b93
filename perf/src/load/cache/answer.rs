//! What an answer says.

use spindle_net::wire::memcached::reply_parse::{MetaCode, ParsedReply, Reply, parse_reply};
use spindle_net::wire::memcached::token::Tokens;

/// What was asked, as far as the answer is of another kind for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    Get,
    /// A set, an add or a compare-and-swap.
    Store,
    Delete,
    Touch,
    Incr,
}

/// What an answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said<'a> {
    Value(Item<'a>),
    /// It was stored, deleted or touched.
    Done,
    Number(u64),
    /// Nothing there to get, compare with, delete, touch or count.
    NotFound,
    NotStored,
    Exists,
    Refused,
}

/// A value, as it was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Item<'a> {
    /// Where the protocol repeats it.
    pub(crate) key: Option<&'a [u8]>,
    /// Where it was asked for.
    pub(crate) unique: Option<u64>,
    pub(crate) data: &'a [u8],
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

/// What nearly every value is followed by: looked for before it is parsed.
const END: &[u8] = b"END\r\n";

/// The answer to one request, not a multiget, at the front of `input`.
pub(crate) fn hear(input: &[u8], question: Question) -> Hearing<'_> {
    let (reply, consumed) = match parse_reply(input) {
        ParsedReply::Incomplete { bytes_min } => return Hearing::Incomplete { bytes_min },
        ParsedReply::Malformed => return Hearing::Malformed,
        ParsedReply::Reply { reply, consumed } => (reply, consumed),
    };
    if let (Reply::Value(value), Question::Get) = (reply, question) {
        let item = Item { key: Some(value.key), unique: value.cas, data: value.data };
        if input[consumed..].starts_with(END) {
            return Hearing::Answer { said: Said::Value(item), consumed: consumed + END.len() };
        }
        return match parse_reply(&input[consumed..]) {
            ParsedReply::Reply { reply: Reply::End, consumed: end } => {
                Hearing::Answer { said: Said::Value(item), consumed: consumed + end }
            }
            ParsedReply::Incomplete { bytes_min } => Hearing::Incomplete { bytes_min: consumed + bytes_min },
            _ => Hearing::Malformed,
        };
    }
    match said(reply, question) {
        Some(said) => Hearing::Answer { said, consumed },
        None => Hearing::Malformed,
    }
}

/// What a reply says that is an answer by itself.
fn said(reply: Reply<'_>, question: Question) -> Option<Said<'_>> {
    use MetaCode::{En, Ex, Hd, Nf, Ns};
    let said = match (question, reply) {
        (_, Reply::Error(_) | Reply::ClientError(_) | Reply::ServerError(_)) => Said::Refused,
        (Question::Get, Reply::MetaValue { data, flags }) => {
            Said::Value(Item { key: None, unique: unique(flags), data })
        }
        (Question::Get, Reply::End | Reply::Meta { code: En, .. }) => Said::NotFound,
        (Question::Store, Reply::Stored | Reply::Meta { code: Hd, .. }) => Said::Done,
        (Question::Store, Reply::NotStored | Reply::Meta { code: Ns, .. }) => Said::NotStored,
        (Question::Store, Reply::Exists | Reply::Meta { code: Ex, .. }) => Said::Exists,
        (Question::Store, Reply::NotFound | Reply::Meta { code: Nf, .. }) => Said::NotFound,
        (Question::Delete, Reply::Deleted | Reply::Meta { code: Hd, .. }) => Said::Done,
        (Question::Delete, Reply::NotFound | Reply::Meta { code: Nf, .. }) => Said::NotFound,
        (Question::Touch, Reply::Touched | Reply::Meta { code: Hd, .. }) => Said::Done,
        (Question::Touch, Reply::NotFound | Reply::Meta { code: En, .. }) => Said::NotFound,
        (Question::Incr, Reply::Number(number)) => Said::Number(number),
        (Question::Incr, Reply::MetaValue { data, .. }) => Said::Number(std::str::from_utf8(data).ok()?.parse().ok()?),
        (Question::Incr, Reply::NotFound | Reply::Meta { code: Nf, .. }) => Said::NotFound,
        _ => return None,
    };
    Some(said)
}

/// Of a meta reply's flags: `c`, the unique number of what is stored.
pub(super) fn unique(flags: Tokens<'_>) -> Option<u64> {
    flag(flags, b'c')
}

/// Of a meta reply's flags: a number after a letter.
pub(super) fn flag(mut flags: Tokens<'_>, letter: u8) -> Option<u64> {
    let token = flags.find(|token| token.first() == Some(&letter))?;
    std::str::from_utf8(&token[1..]).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Question; 5] = [Question::Get, Question::Store, Question::Delete, Question::Touch, Question::Incr];

    #[test]
    fn an_answer_is_what_its_question_may_be_answered() {
        let value = |key, unique| Said::Value(Item { key, unique, data: b"12" });
        for (text, said) in [
            ("VALUE k 0 2\r\n12\r\nEND\r\n", [Some(value(Some(&b"k"[..]), None)), None, None, None, None]),
            ("VALUE k 0 2 7\r\n12\r\nEND\r\n", [Some(value(Some(&b"k"[..]), Some(7))), None, None, None, None]),
            ("VA 2 c7\r\n12\r\n", [Some(value(None, Some(7))), None, None, None, Some(Said::Number(12))]),
            ("END\r\n", [Some(Said::NotFound), None, None, None, None]),
            ("EN\r\n", [Some(Said::NotFound), None, None, Some(Said::NotFound), None]),
            ("STORED\r\n", [None, Some(Said::Done), None, None, None]),
            ("HD\r\n", [None, Some(Said::Done), Some(Said::Done), Some(Said::Done), None]),
            ("NOT_STORED\r\n", [None, Some(Said::NotStored), None, None, None]),
            ("NS\r\n", [None, Some(Said::NotStored), None, None, None]),
            ("EXISTS\r\n", [None, Some(Said::Exists), None, None, None]),
            ("EX\r\n", [None, Some(Said::Exists), None, None, None]),
            ("DELETED\r\n", [None, None, Some(Said::Done), None, None]),
            ("TOUCHED\r\n", [None, None, None, Some(Said::Done), None]),
            ("12\r\n", [None, None, None, None, Some(Said::Number(12))]),
            ("SERVER_ERROR busy\r\n", [Some(Said::Refused); 5]),
            ("OK\r\n", [None; 5]),
        ] {
            for (question, said) in ALL.into_iter().zip(said) {
                let heard = said.map_or(Hearing::Malformed, |said| Hearing::Answer { said, consumed: text.len() });
                assert_eq!(hear(text.as_bytes(), question), heard, "{question:?}: {text:?}");
            }
        }
    }

    #[test]
    fn a_value_is_answered_with_its_end() {
        let value = b"VALUE k 0 2\r\n12\r\nEND\r\n";
        for cut in 0..value.len() {
            let Hearing::Incomplete { bytes_min } = hear(&value[..cut], Question::Get) else { panic!("cut at {cut}") };
            assert!(bytes_min > cut && bytes_min <= value.len());
        }
        assert_eq!(hear(b"VALUE k 0 2\r\n12\r\nVALUE", Question::Get), Hearing::Incomplete { bytes_min: 23 });
        assert_eq!(hear(b"VALUE k 0 2\r\n12\r\nSTORED\r\n", Question::Get), Hearing::Malformed);
        assert_eq!(hear(b"VA 2\r\nxy\r\n", Question::Incr), Hearing::Malformed);
    }
}
