//! What a request is refused for before anybody looks for what it names.

use super::chunked::ChunkFault;
use super::head::Persistence;
use super::status::Status;
use super::target::TargetError;

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident = $label:literal, $status:ident, $persistence:ident;)*) => {
        /// Why a request is not obeyed. The client's fault, all of them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Refusal {
            $($(#[$doc])* $name,)*
        }

        impl Refusal {
            /// All of them, for tables of counters.
            pub const ALL: &[Refusal] = &[$(Refusal::$name,)*];

            /// The name that it is counted by.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Refusal::$name => $label,)*
                }
            }

            pub const fn status(self) -> Status {
                match self {
                    $(Refusal::$name => Status::$status,)*
                }
            }

            /// What becomes of the connection after the answer. It closes wherever it is not known where the next request
            /// would begin, or whether the client sends a body after all; elsewhere it is the request that decides.
            pub const fn persistence(self) -> Persistence {
                match self {
                    $(Refusal::$name => Persistence::$persistence,)*
                }
            }
        }
    };
}

refusals! {
    /// No request line, or no fields: also a folded line, a blank before a colon, a control character (RFC 9112, 3 and 5).
    Malformed = "malformed", BadRequest, Closes;
    /// A head of more than [`super::head::HEAD_BYTES_MAX`].
    HeadTooLarge = "head_too_large", RequestHeaderFieldsTooLarge, Closes;
    /// More than [`super::head::FIELDS_MAX`].
    TooManyFields = "too_many_fields", RequestHeaderFieldsTooLarge, Closes;
    /// A target of more than [`super::head::TARGET_BYTES_MAX`], or a path or a name that no file can have.
    TargetTooLong = "target_too_long", UriTooLong, Closes;
    /// Neither HTTP/1.0 nor HTTP/1.1.
    Version = "version", HttpVersionNotSupported, Closes;
    /// HTTP/1.1 without a Host, two of them, or one that is no host (RFC 9112, 3.2).
    Host = "host", BadRequest, Closes;
    /// A field that may be there once and is there twice, so that two readers may obey two of them.
    RepeatedField = "repeated_field", BadRequest, Closes;
    /// A Content-Length that is no number, or two that differ (RFC 9112, 6.3).
    ContentLength = "content_length", BadRequest, Closes;
    /// Both a Content-Length and a Transfer-Encoding, two of the latter, or one in HTTP/1.0, which has none (RFC 9112, 6.1
    /// and 6.3).
    AmbiguousLength = "ambiguous_length", BadRequest, Closes;
    /// A transfer coding other than chunked.
    TransferCoding = "transfer_coding", NotImplemented, Closes;
    /// An expectation other than 100-continue. Whether the body comes is the client's choice (RFC 9110, 10.1.1).
    Expectation = "expectation", ExpectationFailed, Closes;
    /// A body in chunks that is none.
    Chunked = "chunked", BadRequest, Closes;
    /// A tunnel is asked for (CONNECT: RFC 9110, 9.3.6), of a proxy that digs none.
    Tunnel = "tunnel", NotImplemented, Closes;
    /// A target that names no path beneath a root. The head is sound: after its body the next request is found.
    Target = "target", BadRequest, Persists;
}

impl From<TargetError> for Refusal {
    fn from(error: TargetError) -> Refusal {
        match error {
            TargetError::TooLong => Refusal::TargetTooLong,
            _ => Refusal::Target,
        }
    }
}

impl From<ChunkFault> for Refusal {
    fn from(_: ChunkFault) -> Refusal {
        Refusal::Chunked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_a_name_of_its_own_and_an_error_of_the_client_or_a_limit_of_ours() {
        let mut names: Vec<_> = Refusal::ALL.iter().map(|refusal| refusal.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Refusal::ALL.len());
        for refusal in Refusal::ALL {
            assert!(matches!(refusal.status().code(), 400..=499 | 501 | 505), "{refusal:?}");
        }
    }

    #[test]
    fn a_connection_outlives_only_what_leaves_its_framing_whole() {
        assert_eq!(Refusal::from(TargetError::Climbs).persistence(), Persistence::Persists);
        for lost in [Refusal::Malformed, Refusal::AmbiguousLength, Refusal::Version, ChunkFault::Size.into()] {
            assert_eq!(lost.persistence(), Persistence::Closes, "{lost:?}");
        }
        assert_eq!(Refusal::from(TargetError::TooLong).status(), Status::UriTooLong);
    }
}
