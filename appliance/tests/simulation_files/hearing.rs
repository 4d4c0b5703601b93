//! Bytes that a client hears -> answers, one after the other.

/// One answer, whole or as far as it has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) status: u16,
    pub(crate) length: usize,
    pub(crate) closes: bool,
    /// As much of the content as there is.
    pub(crate) body: Vec<u8>,
}

/// What is next in the bytes.
pub(crate) enum Next {
    /// The head is not all there.
    Nothing,
    /// The head is there, and not all of the content.
    Begun(Heard),
    Whole(Heard, usize),
}

/// Reads the answer at the front; `withheld` where it is to a HEAD.
///
/// # Errors
/// It is none.
pub(crate) fn next(bytes: &[u8], withheld: bool) -> Result<Next, String> {
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(Next::Nothing) };
    let head = std::str::from_utf8(&bytes[..end]).map_err(|_| "a head that is no text".to_owned())?;
    let wrong = || format!("no answer: {head:?}");
    let status = head.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).ok_or_else(wrong)?;
    let status: u16 = status.parse().map_err(|_| wrong())?;
    let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    let length = match field("Content-Length") {
        Some(length) => length.parse().map_err(|_| wrong())?,
        None if matches!(status, 100 | 204 | 304) => 0,
        None => return Err(wrong()),
    };
    let closes = field("Connection") == Some("close");
    let start = end + 4;
    let follows = if withheld { 0 } else { length };
    let here = follows.min(bytes.len() - start);
    let heard = Heard { status, length, closes, body: bytes[start..start + here].to_vec() };
    Ok(if here == follows { Next::Whole(heard, start + here) } else { Next::Begun(heard) })
}
