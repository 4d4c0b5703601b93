//! What a request is aimed at (RFC 9112, 3.2), as a path beneath a root.

use memchr::{memchr, memchr2};

/// The longest path, in bytes: PATH_MAX of Linux without its terminator.
pub const PATH_BYTES_MAX: usize = 4095;
/// The longest name in a path, in bytes: NAME_MAX of Linux.
pub const NAME_BYTES_MAX: usize = 255;

/// Why a target names no path beneath a root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    #[error("neither a path nor an http URI")]
    Form,
    #[error("a % without two hexadecimal digits after it")]
    Escape,
    #[error("a .. component")]
    Climbs,
    #[error("a NUL")]
    Nul,
    #[error("a slash within a component, as %2F")]
    EncodedSlash,
    #[error("a path of more than {PATH_BYTES_MAX} bytes, or a name of more than {NAME_BYTES_MAX}")]
    TooLong,
}

/// What a path ended with: a slash asks for a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Name,
    /// The root ends so, too.
    Slash,
}

/// Writes the path that `target` (origin-form, or absolute-form as `http://host/path`) names into `into`, in place of what
/// was there: percent-decoded, so any bytes but NUL; without query and fragment, without empty components and `.`, with
/// no slash at either end. The root is empty.
///
/// # Errors
/// `into` is empty then. `..` is refused, not resolved: no client of a storage node sends it in good faith, and what is
/// above a symbolic link is not what the text says.
pub fn path(target: &str, into: &mut Vec<u8>) -> Result<Ending, TargetError> {
    into.clear();
    let outcome = resolve(target, into);
    if outcome.is_err() {
        into.clear();
    }
    outcome
}

fn resolve(target: &str, into: &mut Vec<u8>) -> Result<Ending, TargetError> {
    let path = split(target).ok_or(TargetError::Form)?.1.as_bytes();
    let mut left = Some(&path[..memchr2(b'?', b'#', path).unwrap_or(path.len())]);
    let mut ending = Ending::Slash;
    while let Some(rest) = left {
        let component = match memchr(b'/', rest) {
            Some(slash) => {
                left = Some(&rest[slash + 1..]);
                &rest[..slash]
            }
            None => left.take().unwrap_or_default(),
        };
        let before = into.len();
        if before > 0 {
            into.push(b'/');
        }
        let start = into.len();
        decode(component, into)?;
        ending = match &into[start..] {
            b"" | b"." => {
                into.truncate(before);
                Ending::Slash
            }
            b".." => return Err(TargetError::Climbs),
            name if memchr(0, name).is_some() => return Err(TargetError::Nul),
            name if name.len() > NAME_BYTES_MAX || into.len() > PATH_BYTES_MAX => return Err(TargetError::TooLong),
            _ => Ending::Name,
        };
    }
    Ok(ending)
}

/// The host and port of a target in absolute-form. It goes before what the Host field says (RFC 9112, 3.2.2).
pub(super) fn authority(target: &str) -> Option<&str> {
    split(target)?.0
}

/// The authority, if there is one, and what comes after it; `None` for the other forms of a target.
pub(super) fn split(target: &str) -> Option<(Option<&str>, &str)> {
    if target.starts_with('/') {
        return Some((None, target));
    }
    let is_scheme = |scheme: &&str| target.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    let scheme = ["http://", "https://"].into_iter().find(is_scheme)?;
    let rest = &target[scheme.len()..];
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    // An http URI without a host is none: RFC 9110, 4.2.1.
    (end > 0).then(|| (Some(&rest[..end]), &rest[end..]))
}

fn decode(component: &[u8], into: &mut Vec<u8>) -> Result<(), TargetError> {
    let mut rest = component;
    while let Some(at) = memchr(b'%', rest) {
        into.extend_from_slice(&rest[..at]);
        let &[high, low] = rest[at + 1..].first_chunk().ok_or(TargetError::Escape)?;
        let byte = hexadecimal(high).zip(hexadecimal(low)).map(|(high, low)| high << 4 | low);
        match byte.ok_or(TargetError::Escape)? {
            b'/' => return Err(TargetError::EncodedSlash),
            byte => into.push(byte),
        }
        rest = &rest[at + 3..];
    }
    into.extend_from_slice(rest);
    Ok(())
}

fn hexadecimal(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(target: &str) -> Result<(String, Ending), TargetError> {
        let mut into = b"what was there".to_vec();
        let outcome = path(target, &mut into);
        assert!(outcome.is_ok() || into.is_empty());
        outcome.map(|ending| (into.escape_ascii().to_string(), ending))
    }

    fn name(path: &str) -> Result<(String, Ending), TargetError> {
        Ok((path.to_owned(), Ending::Name))
    }

    fn slash(path: &str) -> Result<(String, Ending), TargetError> {
        Ok((path.to_owned(), Ending::Slash))
    }

    #[test]
    fn a_path_is_beneath_its_root() {
        assert_eq!(read("/dev1/0/000/000/0000000001.fid"), name("dev1/0/000/000/0000000001.fid"));
        for root in ["/", "//", "/.", "/./", "/?a", "/#a", "http://host", "http://host?a/b", "HTTP://host:80/"] {
            assert_eq!(read(root), slash(""), "{root}");
        }
        assert_eq!(read("//a///./b"), name("a/b"));
        for folder in ["/a/b/", "/a/b//", "/a/b/.", "/a/b/./?c"] {
            assert_eq!(read(folder), slash("a/b"), "{folder}");
        }
        assert_eq!(read("https://[::1]:7500/a/b?x#y"), name("a/b"));
        assert_eq!(read("/a?b=/../c"), name("a"));
        assert_eq!(read("/..a/b../..."), name("..a/b../..."));
    }

    #[test]
    fn escapes_are_decoded_once() {
        assert_eq!(read("/a%20b%2e%C3%a4%25%32%46"), name(r"a b.\xc3\xa4%2F"));
        assert_eq!(read("/%3f%23"), name("?#"));
        assert_eq!(read("/a/%2e/b"), name("a/b"));
        for wrong in ["/%", "/%2", "/a%/b", "/%g0", "/%0g", "/%+1", "/% 1"] {
            assert_eq!(read(wrong), Err(TargetError::Escape), "{wrong}");
        }
    }

    #[test]
    fn nothing_climbs() {
        for wrong in ["/..", "/a/../b", "/%2e%2e/a", "/.%2E", "http://host/..", "/a/..?b", "/../"] {
            assert_eq!(read(wrong), Err(TargetError::Climbs), "{wrong}");
        }
        assert_eq!(read("/a%2fb"), Err(TargetError::EncodedSlash));
        assert_eq!(read("/..%2Fa"), Err(TargetError::EncodedSlash));
        assert_eq!(read("/a%00"), Err(TargetError::Nul));
        assert_eq!(read("/a\0b"), Err(TargetError::Nul));
    }

    #[test]
    fn other_forms_name_no_path() {
        for other in ["", "*", "a/b", "host:443", "ftp://host/a", "http:/a", "http://", "http:///a", "htt\u{fc}://a"] {
            assert_eq!(read(other), Err(TargetError::Form), "{other}");
        }
        assert_eq!(authority("http://host:80/a"), Some("host:80"));
        assert_eq!(authority("/a"), None);
    }

    #[test]
    fn lengths_are_those_of_the_decoded_bytes() {
        let longest = "n".repeat(NAME_BYTES_MAX);
        assert_eq!(read(&format!("/{longest}")), name(&longest));
        assert_eq!(read(&format!("/{longest}n/a")), Err(TargetError::TooLong));
        assert_eq!(read(&format!("/{}", "%6e".repeat(NAME_BYTES_MAX))), name(&longest));
        let deepest = format!("/{longest}").repeat(16);
        assert_eq!(deepest.len() - 1, PATH_BYTES_MAX);
        assert_eq!(read(&deepest), name(&deepest[1..]));
        assert_eq!(read(&format!("{deepest}/a")), Err(TargetError::TooLong));
        assert_eq!(read(&format!("{deepest}//.")), slash(&deepest[1..]));
    }

    proptest! {
        #[test]
        fn whatever_is_asked_stays_beneath(target in "(http://h)?/?([ab./%?#]|%2[ef]|%00|\\.\\.){0,20}") {
            let mut into = Vec::new();
            if path(&target, &mut into).is_ok() && !into.is_empty() {
                let mut components = into.split(|&byte| byte == b'/');
                prop_assert!(components.all(|component| !matches!(component, b"" | b"." | b"..") && !component.contains(&0)));
            }
        }

        #[test]
        fn an_encoded_name_is_itself_again(bytes in prop::collection::vec(1..=255u8, 1..=NAME_BYTES_MAX)) {
            prop_assume!(!bytes.contains(&b'/') && bytes != b"." && bytes != b"..");
            let target: String = bytes.iter().map(|byte| format!("%{byte:02x}")).collect();
            let mut into = Vec::new();
            prop_assert_eq!(path(&format!("/{target}"), &mut into), Ok(Ending::Name));
            prop_assert_eq!(into, bytes);
        }
    }
}
