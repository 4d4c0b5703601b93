//! What the head of an answer says.

use spindle_net::wire::http::Content;
use spindle_net::wire::http::answer_head::{self, AnswerHead};
use spindle_net::wire::http::range::{self, ContentRange};

use super::{Malformed, To};

/// The fields that a load looks at; all of them point into the input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head<'a> {
    pub status: u16,
    /// Content-Length; that of a HEAD's answer and of a 304 counts bytes that do not follow.
    pub length: Option<u64>,
    pub content_range: Option<ContentRange>,
    pub etag: Option<&'a [u8]>,
    pub last_modified: Option<&'a [u8]>,
    pub date: Option<&'a [u8]>,
    pub server: Option<&'a [u8]>,
}

/// The head at the front of `input`, if all of it is there.
pub(super) fn parse(input: &[u8], to: To) -> Result<Option<(AnswerHead, Head<'_>)>, Malformed> {
    let content = if to == To::Head { Content::Withheld } else { Content::Follows };
    let mut head = Head::default();
    let parsed = answer_head::parse(input, content, |name, value| {
        let is = |wanted: &str| name.eq_ignore_ascii_case(wanted);
        if is("etag") {
            head.etag = Some(value);
        } else if is("last-modified") {
            head.last_modified = Some(value);
        } else if is("date") {
            head.date = Some(value);
        } else if is("server") {
            head.server = Some(value);
        } else if is("content-range") {
            head.content_range = range::content_range(value);
        }
    })?;
    Ok(parsed.map(|parsed| (parsed, Head { status: parsed.status, length: parsed.length, ..head })))
}
