//! Status codes: RFC 9110, 15; 431 is of RFC 6585, 507 of RFC 4918 (WebDAV).

macro_rules! statuses {
    ($($(#[$doc:meta])* $name:ident = $code:literal $reason:literal,)*) => {
        /// What an answer says in its first line.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Status {
            $($(#[$doc])* $name,)*
        }

        impl Status {
            /// All of them, for tables of counters.
            pub const ALL: &[Status] = &[$(Status::$name,)*];

            pub const fn code(self) -> u16 {
                match self {
                    $(Status::$name => $code,)*
                }
            }

            /// The first line of an answer, terminator included. It says HTTP/1.1 whatever the request said: RFC 9112, 2.3.
            pub const fn line(self) -> &'static str {
                match self {
                    $(Status::$name => concat!("HTTP/1.1 ", $code, " ", $reason, "\r\n"),)*
                }
            }

            /// What a person is told who asked for something else.
            pub const fn text(self) -> &'static str {
                match self {
                    $(Status::$name => concat!($code, " ", $reason, "\n"),)*
                }
            }
        }
    };
}

statuses! {
    Continue = 100 "Continue",
    Ok = 200 "OK",
    Created = 201 "Created",
    NoContent = 204 "No Content",
    PartialContent = 206 "Partial Content",
    NotModified = 304 "Not Modified",
    BadRequest = 400 "Bad Request",
    Forbidden = 403 "Forbidden",
    NotFound = 404 "Not Found",
    MethodNotAllowed = 405 "Method Not Allowed",
    RequestTimeout = 408 "Request Timeout",
    Conflict = 409 "Conflict",
    LengthRequired = 411 "Length Required",
    PreconditionFailed = 412 "Precondition Failed",
    ContentTooLarge = 413 "Content Too Large",
    UriTooLong = 414 "URI Too Long",
    RangeNotSatisfiable = 416 "Range Not Satisfiable",
    ExpectationFailed = 417 "Expectation Failed",
    RequestHeaderFieldsTooLarge = 431 "Request Header Fields Too Large",
    InternalServerError = 500 "Internal Server Error",
    NotImplemented = 501 "Not Implemented",
    BadGateway = 502 "Bad Gateway",
    ServiceUnavailable = 503 "Service Unavailable",
    GatewayTimeout = 504 "Gateway Timeout",
    HttpVersionNotSupported = 505 "HTTP Version Not Supported",
    InsufficientStorage = 507 "Insufficient Storage",
}

impl Status {
    /// Whether an answer with this status may have content at all; without, it has no Content-Length either (RFC 9110,
    /// 8.6 and 15).
    pub const fn has_content(self) -> bool {
        !matches!(self, Status::Continue | Status::NoContent | Status::NotModified)
    }
}

#[cfg(test)]
mod tests {
    use super::Status;

    #[test]
    fn the_line_and_the_text_say_the_code() {
        for status in Status::ALL {
            let text = status.text().strip_suffix('\n').expect("a line");
            assert_eq!(status.line(), format!("HTTP/1.1 {text}\r\n"));
            assert!(text.starts_with(&format!("{} ", status.code())), "{status:?}");
        }
        assert_eq!(Status::NotFound.line(), "HTTP/1.1 404 Not Found\r\n");
        assert_eq!(Status::NotFound.text(), "404 Not Found\n");
    }

    #[test]
    fn codes_are_told_once() {
        let codes: Vec<u16> = Status::ALL.iter().map(|status| status.code()).collect();
        assert!(codes.is_sorted_by(|one, next| one < next), "{codes:?}");
    }
}
