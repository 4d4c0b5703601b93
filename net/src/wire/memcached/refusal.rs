//! Every error line, to the byte. Clients match on these strings.

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident = $line:literal,)*) => {
        /// Why a request is not obeyed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Refusal {
            $($(#[$doc])* $name,)*
        }

        impl Refusal {
            /// All of them, for tables of counters.
            pub const ALL: &[Refusal] = &[$(Refusal::$name,)*];

            /// The line as it is sent, terminator included.
            pub const fn line(self) -> &'static [u8] {
                match self {
                    $(Refusal::$name => concat!($line, "\r\n").as_bytes(),)*
                }
            }
        }
    };
}

refusals! {
    /// An unknown command, or an administrative one with unusable arguments.
    Error = "ERROR",
    /// The connection limit is reached; the connection closes.
    TooManyConnections = "ERROR Too many open connections",

    BadCommandLine = "CLIENT_ERROR bad command line format",
    BadDataChunk = "CLIENT_ERROR bad data chunk",
    InvalidExptime = "CLIENT_ERROR invalid exptime argument",
    InvalidDelta = "CLIENT_ERROR invalid numeric delta argument",
    NonNumericValue = "CLIENT_ERROR cannot increment or decrement non-numeric value",
    FlushNotAllowed = "CLIENT_ERROR flush_all not allowed",
    InvalidShutdownMode = "CLIENT_ERROR invalid shutdown mode",
    StatsDetailUsage = "CLIENT_ERROR usage: stats detail on|off|dump",
    BadStatsLine = "CLIENT_ERROR bad command line",
    StatsCachedumpNotAllowed = "CLIENT_ERROR stats cachedump not allowed",
    SlabReassignDisabled = "CLIENT_ERROR slab reassignment disabled",
    LruCrawlerDisabled = "CLIENT_ERROR lru crawler disabled",
    WatchNotAllowed = "CLIENT_ERROR watch commands not allowed",

    /// More than 20 tokens in a meta line, command and key counted.
    TooManyFlags = "CLIENT_ERROR options flags are too long",
    DuplicateFlag = "CLIENT_ERROR duplicate flag",
    InvalidFlag = "CLIENT_ERROR invalid flag",
    /// `ma` has one answer for every fault in its flags.
    InvalidOrDuplicateFlag = "CLIENT_ERROR invalid or duplicate flag",
    BadToken = "CLIENT_ERROR bad token in command line format",
    BadKeyEncoding = "CLIENT_ERROR error decoding key",
    OpaqueTooLong = "CLIENT_ERROR opaque token too long",
    InvalidInitial = "CLIENT_ERROR invalid numeric initial value",
    InvalidDeltaFlag = "CLIENT_ERROR invalid numeric delta value",
    InvalidSetMode = "CLIENT_ERROR invalid mode for ms M token",
    InvalidArithmeticMode = "CLIENT_ERROR invalid mode for ma M token",

    /// The value is swallowed; a `set` or `ms` also loses the old value.
    TooLarge = "SERVER_ERROR object too large for cache",
    OutOfMemoryStoring = "SERVER_ERROR out of memory storing object",
    OutOfMemory = "SERVER_ERROR out of memory",
    OutOfMemoryReadingRequest = "SERVER_ERROR out of memory reading request",
    OutOfMemoryWritingGet = "SERVER_ERROR out of memory writing get response",
    /// Without `-A`. The colon is memcached's.
    ShutdownNotEnabled = "SERVER_ERROR: shutdown not enabled",
    /// Not memcached's words: it speaks that protocol.
    BinaryProtocol = "SERVER_ERROR binary protocol not supported",
}

#[cfg(test)]
mod tests {
    use super::Refusal;

    #[test]
    fn every_line_is_one_line_of_a_known_family() {
        for refusal in Refusal::ALL {
            let line = refusal.line();
            let text = line.strip_suffix(b"\r\n").expect("ends with a terminator");
            assert!(!text.contains(&b'\n') && !text.contains(&b'\r'), "{refusal:?}");
            let families: [&[u8]; 3] = [b"ERROR", b"CLIENT_ERROR ", b"SERVER_ERROR"];
            assert!(families.iter().any(|family| text.starts_with(family)), "{refusal:?}");
        }
    }

    #[test]
    fn the_words_clients_match_on() {
        assert_eq!(Refusal::Error.line(), b"ERROR\r\n");
        assert_eq!(Refusal::BadCommandLine.line(), b"CLIENT_ERROR bad command line format\r\n");
        assert_eq!(Refusal::BadDataChunk.line(), b"CLIENT_ERROR bad data chunk\r\n");
        assert_eq!(Refusal::TooLarge.line(), b"SERVER_ERROR object too large for cache\r\n");
        assert_eq!(Refusal::ShutdownNotEnabled.line(), b"SERVER_ERROR: shutdown not enabled\r\n");
        assert_eq!(Refusal::TooManyConnections.line(), b"ERROR Too many open connections\r\n");
    }
}
