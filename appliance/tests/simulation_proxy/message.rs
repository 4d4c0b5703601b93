//! Bytes -> messages of HTTP, as they come, at both ends of the proxy. It is strict, and knows nothing of the product's own
//! parsers: what they have to be held against.

/// A head: its line and its fields.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) line: String,
    fields: Vec<(String, String)>,
}

/// How the length of a body is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    Sized(usize),
    Chunked,
    /// By the end of the connection; by nothing in a request, which has no body then.
    Unsaid,
}

impl Head {
    fn read(bytes: &[u8]) -> Result<Head, String> {
        let wrong = || format!("no head: {:?}", String::from_utf8_lossy(bytes));
        let text = std::str::from_utf8(bytes).map_err(|_| wrong())?;
        let mut lines = text.split("\r\n");
        let line = lines.next().filter(|line| !line.is_empty()).ok_or_else(wrong)?.to_owned();
        let field = |line: &str| {
            let (name, value) = line.split_once(": ")?;
            let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
            is_name.then(|| (name.to_ascii_lowercase(), value.to_owned()))
        };
        let fields = lines.map(|line| field(line).ok_or_else(wrong)).collect::<Result<_, _>>()?;
        Ok(Head { line, fields })
    }

    /// The value of a field, whose name is in lower case and which is there once.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let mut values = self.fields.iter().filter(|field| field.0 == name).map(|field| field.1.as_str());
        values.next().filter(|_| values.next().is_none())
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|field| field.0 == name)
    }

    /// # Errors
    /// It is told in two ways, or in one that is none.
    pub(crate) fn framing(&self) -> Result<Framing, String> {
        let told = |name: &str| self.has(name).then(|| self.field(name).unwrap_or("twice"));
        match (told("content-length"), told("transfer-encoding")) {
            (None, None) => Ok(Framing::Unsaid),
            (None, Some("chunked")) => Ok(Framing::Chunked),
            (Some(length), None) => length.parse().map(Framing::Sized).map_err(|_| format!("no length: {length}")),
            told => Err(format!("nobody knows where that ends: {told:?}")),
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum State {
    Head,
    Sized { left: usize },
    ChunkSize,
    Chunk { left: usize },
    ChunkEnd,
    Trailer,
    Unsaid,
}

/// Whether a body has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    Over,
    GoesOn,
}

/// One side of one connection: a head, its body, the next head.
pub(crate) struct Reader {
    bytes: Vec<u8>,
    state: State,
    /// As much as has come of the current body, or the last.
    pub(crate) body: Vec<u8>,
}

impl Reader {
    pub(crate) fn new() -> Reader {
        Reader { bytes: Vec::new(), state: State::Head, body: Vec::new() }
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// What was not understood yet.
    pub(crate) fn rest(&self) -> &[u8] {
        &self.bytes
    }

    /// The next head, once it is there.
    ///
    /// # Errors
    /// It is none.
    pub(crate) fn head(&mut self) -> Result<Option<Head>, String> {
        assert!(matches!(self.state, State::Head), "a body comes first");
        let Some(end) = self.bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
        let head = Head::read(&self.bytes[..end])?;
        self.bytes.drain(..end + 4);
        Ok(Some(head))
    }

    /// A body is next; of no bytes where there is none.
    pub(crate) fn begin(&mut self, framing: Framing) {
        self.body.clear();
        self.state = match framing {
            Framing::Sized(left) => State::Sized { left },
            Framing::Chunked => State::ChunkSize,
            Framing::Unsaid => State::Unsaid,
        };
    }

    /// Reads on in the body.
    ///
    /// # Errors
    /// It is none.
    pub(crate) fn read_body(&mut self) -> Result<Body, String> {
        let mut at = 0;
        let over = loop {
            let rest = &self.bytes[at..];
            let (taken, next) = match self.state {
                State::Head => break Body::Over,
                State::Unsaid => (rest.len(), State::Unsaid),
                State::Sized { left } => {
                    let taken = left.min(rest.len());
                    (taken, if taken == left { State::Head } else { State::Sized { left: left - taken } })
                }
                State::Chunk { left } => {
                    let taken = left.min(rest.len());
                    (taken, if taken == left { State::ChunkEnd } else { State::Chunk { left: left - taken } })
                }
                State::ChunkSize | State::ChunkEnd | State::Trailer => {
                    let Some(end) = rest.windows(2).position(|two| two == b"\r\n") else { break Body::GoesOn };
                    self.state = line(self.state, &rest[..end])?;
                    at += end + 2;
                    continue;
                }
            };
            self.body.extend_from_slice(&rest[..taken]);
            (at, self.state) = (at + taken, next);
            if taken == 0 && !matches!(next, State::Head | State::ChunkEnd) {
                break Body::GoesOn;
            }
        };
        self.bytes.drain(..at);
        Ok(over)
    }
}

/// What comes after a line of the coding.
fn line(state: State, line: &[u8]) -> Result<State, String> {
    let wrong = || format!("no chunk: {:?}", String::from_utf8_lossy(line));
    match state {
        State::ChunkEnd if line.is_empty() => Ok(State::ChunkSize),
        State::Trailer if line.is_empty() => Ok(State::Head),
        State::Trailer if line.contains(&b':') => Ok(State::Trailer),
        State::ChunkSize => {
            let text = std::str::from_utf8(line).map_err(|_| wrong())?;
            let size = text.split(';').next().unwrap_or_default();
            match usize::from_str_radix(size, 16).map_err(|_| wrong())? {
                0 => Ok(State::Trailer),
                left => Ok(State::Chunk { left }),
            }
        }
        _ => Err(wrong()),
    }
}
