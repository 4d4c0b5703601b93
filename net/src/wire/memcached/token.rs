//! The words of a line. Spaces part them, any number of spaces; nothing else does: a tab or a control byte belongs to
//! its word, as in memcached.

use super::request::Answer;
use super::scan;

/// The words of a line, or of the rest of one, in order. Never yields an empty word. Equal when the words are.
#[derive(Debug, Clone, Copy, Eq)]
pub struct Tokens<'a> {
    /// Empty, or begins with a word.
    rest: &'a [u8],
}

impl<'a> Tokens<'a> {
    /// Splits `text`, which holds no line terminator.
    #[inline]
    pub fn of(text: &'a [u8]) -> Self {
        Tokens { rest: without_spaces_before(text) }
    }

    /// The text not yet taken apart, from the next word on.
    #[inline]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        let end = scan::find_space(self.rest).unwrap_or(self.rest.len());
        let (token, rest) = self.rest.split_at(end);
        self.rest = without_spaces_before(rest);
        Some(token)
    }
}

impl PartialEq for Tokens<'_> {
    fn eq(&self, other: &Self) -> bool {
        Iterator::eq(*self, *other)
    }
}

#[inline]
fn without_spaces_before(mut text: &[u8]) -> &[u8] {
    while let [b' ', rest @ ..] = text {
        text = rest;
    }
    text
}

/// Whether the last word of the line is `noreply`: the only place where memcached looks for it, whatever the other words
/// mean (`delete noreply` deletes the key `noreply`, silently).
pub(super) fn answer_wanted(line: &[u8]) -> Answer {
    match last(line) {
        Some(b"noreply") => Answer::Suppressed,
        _ => Answer::Wanted,
    }
}

/// Appends the end of a request line, with `noreply` where no answer is wanted.
pub(super) fn write_end(out: &mut Vec<u8>, answer: Answer) {
    out.extend_from_slice(match answer {
        Answer::Wanted => b"\r\n",
        Answer::Suppressed => b" noreply\r\n",
    });
}

/// The last word of a line.
pub(super) fn last(line: &[u8]) -> Option<&[u8]> {
    let end = line.iter().rposition(|&byte| byte != b' ')? + 1;
    let start = line[..end].iter().rposition(|&byte| byte == b' ').map_or(0, |space| space + 1);
    Some(&line[start..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<&str> {
        Tokens::of(line.as_bytes()).map(|token| str::from_utf8(token).unwrap()).collect()
    }

    #[test]
    fn any_number_of_spaces_parts_words_and_nothing_else_does() {
        assert_eq!(words("a  bc   d"), ["a", "bc", "d"]);
        assert_eq!(words("  a\tb \r"), ["a\tb", "\r"]);
        assert_eq!(words("   "), Vec::<&str>::new());
        assert_eq!(words(""), Vec::<&str>::new());
    }

    #[test]
    fn the_rest_begins_with_the_next_word() {
        let mut tokens = Tokens::of(b"a   b c ");
        tokens.next();
        assert_eq!(tokens.rest(), b"b c ");
    }

    #[test]
    fn noreply_counts_as_the_last_word_only() {
        assert_eq!(answer_wanted(b"delete k noreply  "), Answer::Suppressed);
        assert_eq!(answer_wanted(b"delete noreply"), Answer::Suppressed);
        assert_eq!(answer_wanted(b"delete noreply k"), Answer::Wanted);
        assert_eq!(answer_wanted(b"delete k xnoreply"), Answer::Wanted);
        assert_eq!(answer_wanted(b"delete k noreplyx"), Answer::Wanted);
        assert_eq!(answer_wanted(b"   "), Answer::Wanted);
    }
}
