//! A source split in two of the same shape: its code and its comments. What belongs to the other, and what stands
//! inside literals, is blank, so that a rule that looks for a word finds it only where it means something.

/// Both halves have the lines and columns of the original.
pub(crate) struct Source {
    pub(crate) text: String,
    pub(crate) code: String,
    pub(crate) comments: String,
}

/// What a byte belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Code,
    Comment,
    Literal,
}

impl Source {
    pub(crate) fn read(text: &str) -> Self {
        let parts = parts(text.as_bytes());
        let only = |wanted: Part| -> String {
            let keep = |(byte, part): (u8, &Part)| match byte {
                b'\n' => '\n',
                _ if *part == wanted && byte.is_ascii() => char::from(byte),
                _ => ' ',
            };
            text.bytes().zip(&parts).map(keep).collect()
        };
        Self { text: text.to_owned(), code: only(Part::Code), comments: only(Part::Comment) }
    }

    /// The line, counted from 1, of a byte of the original or of one of its halves.
    pub(crate) fn line_at(&self, offset: usize) -> usize {
        1 + self.code.as_bytes()[..offset].iter().filter(|byte| **byte == b'\n').count()
    }

    /// Where `word` stands in the code as a word of its own.
    pub(crate) fn words<'a>(&'a self, word: &'a str) -> impl Iterator<Item = usize> + 'a {
        let bytes = self.code.as_bytes();
        let of_word = |at: Option<&u8>| at.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        self.code.match_indices(word).map(|(at, _)| at).filter(move |&at| {
            !of_word(at.checked_sub(1).and_then(|before| bytes.get(before))) && !of_word(bytes.get(at + word.len()))
        })
    }
}

fn parts(text: &[u8]) -> Vec<Part> {
    let mut parts = Vec::with_capacity(text.len());
    while parts.len() < text.len() {
        let rest = &text[parts.len()..];
        let before = parts.len().checked_sub(1).map(|at| text[at]);
        let (length, part) = next(rest, before);
        parts.extend(std::iter::repeat_n(part, length));
    }
    parts
}

/// The length and kind of what `rest` begins with.
fn next(rest: &[u8], before: Option<u8>) -> (usize, Part) {
    let in_word = before.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    match rest {
        [b'/', b'/', ..] => (rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len()), Part::Comment),
        [b'/', b'*', ..] => (block_comment(rest), Part::Comment),
        [b'"', ..] => (quoted(rest, b'"'), Part::Literal),
        [b'r', b'"' | b'#', ..] if !in_word => raw_string(rest, 1),
        [b'b' | b'c', b'r', b'"' | b'#', ..] if !in_word => raw_string(rest, 2),
        [b'\'', ..] => char_or_lifetime(rest),
        _ => (1, Part::Code),
    }
}

fn block_comment(rest: &[u8]) -> usize {
    let (mut at, mut depth) = (2, 1);
    while depth > 0 && at < rest.len() {
        match &rest[at..] {
            [b'/', b'*', ..] => (at, depth) = (at + 2, depth + 1),
            [b'*', b'/', ..] => (at, depth) = (at + 2, depth - 1),
            _ => at += 1,
        }
    }
    at
}

fn quoted(rest: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != quote {
        at += if rest[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(rest.len())
}

fn raw_string(rest: &[u8], prefix: usize) -> (usize, Part) {
    let hashes = rest[prefix..].iter().take_while(|byte| **byte == b'#').count();
    let opened = prefix + hashes;
    if rest.get(opened) != Some(&b'"') {
        // A raw identifier, r#like_this.
        return (opened, Part::Code);
    }
    let end = [&b"\""[..], &b"#".repeat(hashes)].concat();
    let inside = &rest[opened + 1..];
    let length = inside.windows(end.len()).position(|window| window == end).map_or(inside.len(), |at| at + end.len());
    (opened + 1 + length, Part::Literal)
}

fn char_or_lifetime(rest: &[u8]) -> (usize, Part) {
    let text = &rest[..rest.len().min(8)];
    let closes = match text {
        [_, b'\\', ..] => true,
        // A character may have up to four bytes; a lifetime is never closed.
        [_, first, ..] if *first < 0x80 => text.get(2) == Some(&b'\''),
        _ => true,
    };
    if closes { (quoted(rest, b'\''), Part::Literal) } else { (1, Part::Code) }
}

#[cfg(test)]
mod tests {
    use super::Source;

    fn code(text: &str) -> String {
        Source::read(text).code.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn comments_are_not_code() {
        assert_eq!(code("a // b\nc /* d /* e */ f */ g"), "a c g");
        assert_eq!(Source::read("a // b\nc").comments, "  // b\n ");
    }

    #[test]
    fn literals_are_neither() {
        assert_eq!(code(r##"a "b \" // c" d r#"e " f"# g b"h" br"i" 'j' '\'' b'k' l"##), "a d g b b l");
        assert_eq!(Source::read(r#""// no comment""#).comments.trim(), "");
    }

    #[test]
    fn lifetimes_and_raw_names_are_code() {
        assert_eq!(code("fn f<'a>(r#in: &'a str) -> 'static {}"), "fn f<'a>(r#in: &'a str) -> 'static {}");
        assert_eq!(code("'é' x '{' y"), "x y");
    }

    #[test]
    fn words_have_edges_and_lines() {
        let source = Source::read("unsafe_code\nmyunsafe unsafe{}");
        let found: Vec<usize> = source.words("unsafe").map(|at| source.line_at(at)).collect();
        assert_eq!(found, [2]);
    }

    #[test]
    fn an_open_end_is_no_panic() {
        for text in ["\"", "'", "/*", "r#\"", "\"\\", "b", "'\\", "r"] {
            assert_eq!(Source::read(text).code.len(), text.len());
        }
    }
}
