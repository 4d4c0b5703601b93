//! Conditional requests: RFC 9110, 13.

use super::date;
use super::head::Method;

/// The values of the fields that make a request conditional, as they came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Conditions<'a> {
    pub if_match: Option<&'a [u8]>,
    pub if_none_match: Option<&'a [u8]>,
    pub if_modified_since: Option<&'a [u8]>,
    pub if_unmodified_since: Option<&'a [u8]>,
    pub if_range: Option<&'a [u8]>,
}

/// By what the file that is there now is known (RFC 9110, 8.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validators<'a> {
    /// There is no such file.
    Absent,
    Present {
        /// With its quotes, and `W/` before them if it is weak.
        entity_tag: &'a str,
        /// Since 1970.
        modified_seconds: u64,
    },
}

/// What the conditions let happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Proceed,
    /// 304: the client has what it asks for.
    NotModified,
    /// 412
    PreconditionFailed,
}

/// What becomes of a Range field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangeUse {
    Applies,
    /// The client's part is of another version: it gets all of this one, with 200.
    Ignored,
}

/// Evaluates the conditions in the order of RFC 9110, 13.2.2. A request that would be answered with neither a 2xx nor a
/// 412 without them is answered so with them, too (13.2.1): a caller asks when nothing else is in the way, and gives a 404
/// without asking.
pub fn evaluate(conditions: &Conditions<'_>, method: Method<'_>, validators: &Validators<'_>) -> Verdict {
    let is_read = matches!(method, Method::Get | Method::Head);
    if let Some(list) = conditions.if_match {
        if !matches_any(list, validators, Comparison::Strong) {
            return Verdict::PreconditionFailed;
        }
    } else if modified_after(conditions.if_unmodified_since, validators) == Some(true) {
        return Verdict::PreconditionFailed;
    }
    if let Some(list) = conditions.if_none_match {
        return match matches_any(list, validators, Comparison::Weak) {
            false => Verdict::Proceed,
            true if is_read => Verdict::NotModified,
            true => Verdict::PreconditionFailed,
        };
    }
    if is_read && modified_after(conditions.if_modified_since, validators) == Some(false) {
        return Verdict::NotModified;
    }
    Verdict::Proceed
}

/// Evaluates If-Range (RFC 9110, 13.1.5), after [`evaluate`] has let the request proceed. A tag is compared strongly. A date
/// never holds: it would have to be a strong validator (8.8.2.2), and of the second in which a file was written nobody
/// knows whether it was written twice.
pub fn range_use(conditions: &Conditions<'_>, validators: &Validators<'_>) -> RangeUse {
    let Some(value) = conditions.if_range else { return RangeUse::Applies };
    let Validators::Present { entity_tag, .. } = *validators else { return RangeUse::Ignored };
    let holds = match EntityTags(value).next() {
        Some(tag) => tag.len() == value.len() && is_same(tag, entity_tag.as_bytes(), Comparison::Strong),
        None => false,
    };
    if holds { RangeUse::Applies } else { RangeUse::Ignored }
}

/// RFC 9110, 8.8.3.2.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Comparison {
    /// Equal, and neither is weak.
    Strong,
    /// Equal but for `W/`.
    Weak,
}

fn is_same(one: &[u8], other: &[u8], comparison: Comparison) -> bool {
    match comparison {
        Comparison::Strong => one == other && !one.starts_with(b"W/"),
        Comparison::Weak => opaque(one) == opaque(other),
    }
}

fn opaque(tag: &[u8]) -> &[u8] {
    tag.strip_prefix(b"W/").unwrap_or(tag)
}

/// Whether `*` or one of the tags of a list is that of what is there.
fn matches_any(list: &[u8], validators: &Validators<'_>, comparison: Comparison) -> bool {
    match validators {
        Validators::Absent => false,
        Validators::Present { .. } if list == b"*" => true,
        Validators::Present { entity_tag, .. } => {
            EntityTags(list).any(|tag| is_same(tag, entity_tag.as_bytes(), comparison))
        }
    }
}

/// Whether what is there is newer than the value of a field; `None` where the field is to be ignored: it is not there, it
/// is no date, or nothing has a date.
fn modified_after(value: Option<&[u8]>, validators: &Validators<'_>) -> Option<bool> {
    let Validators::Present { modified_seconds, .. } = *validators else { return None };
    Some(modified_seconds > date::parse(value?)?)
}

/// The tags of a list, with their quotes, up to what is none. A tag may have commas in it.
struct EntityTags<'a>(&'a [u8]);

impl<'a> Iterator for EntityTags<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let start = self.0.iter().position(|byte| !matches!(byte, b' ' | b'\t' | b','))?;
        let rest = &self.0[start..];
        let quoted = opaque(rest);
        let weak = rest.len() - quoted.len();
        let closing = quoted.strip_prefix(b"\"").and_then(|inner| memchr::memchr(b'"', inner));
        let Some(closing) = closing else {
            self.0 = &[];
            return None;
        };
        let (tag, after) = rest.split_at(weak + 1 + closing + 1);
        let separator = after.iter().find(|byte| !matches!(byte, b' ' | b'\t'));
        // What a tag runs into is no tag, and neither is it part of a list.
        self.0 = if matches!(separator, None | Some(b',')) { after } else { &[] };
        Some(tag)
    }
}

#[cfg(test)]
mod tests {
    use super::Verdict::{NotModified, PreconditionFailed, Proceed};
    use super::*;

    const BEFORE: Option<&[u8]> = Some(b"Sun, 06 Nov 1994 08:49:36 GMT");
    const SAME: Option<&[u8]> = Some(b"Sun, 06 Nov 1994 08:49:37 GMT");
    const AFTER: Option<&[u8]> = Some(b"Sun, 06 Nov 1994 08:49:38 GMT");
    const THERE: Validators<'_> = Validators::Present { entity_tag: "\"a,b\"", modified_seconds: 784_111_777 };
    const WEAK: Validators<'_> = Validators::Present { entity_tag: "W/\"a\"", modified_seconds: 784_111_777 };
    const NONE: Conditions<'_> = Conditions {
        if_match: None,
        if_none_match: None,
        if_modified_since: None,
        if_unmodified_since: None,
        if_range: None,
    };

    /// For a read and for a write.
    fn both(conditions: &Conditions<'_>, validators: &Validators<'_>) -> (Verdict, Verdict) {
        let verdict = |method| evaluate(conditions, method, validators);
        assert_eq!(verdict(Method::Get), verdict(Method::Head));
        assert_eq!(verdict(Method::Put), verdict(Method::Delete));
        (verdict(Method::Get), verdict(Method::Put))
    }

    #[test]
    fn without_conditions_all_proceed() {
        assert_eq!(both(&NONE, &THERE), (Proceed, Proceed));
        assert_eq!(both(&NONE, &Validators::Absent), (Proceed, Proceed));
    }

    #[test]
    fn if_match_wants_one_of_its_tags() {
        let verdicts =
            |list: &'static str, validators| both(&Conditions { if_match: Some(list.as_bytes()), ..NONE }, validators);
        for list in ["*", "\"a,b\"", "\"x\", \"a,b\"", ",\t\"x\" ,, \"a,b\"", "W/\"a,b\",\"a,b\""] {
            assert_eq!(verdicts(list, &THERE), (Proceed, Proceed), "{list}");
        }
        for list in
            ["", "\"a", "a,b", "\"x\"", "W/\"a,b\"", "\"A,B\"", "\"x\"y,\"a,b\"", "x,\"a,b\"", "*,\"x\"", "w/\"a,b\""]
        {
            assert_eq!(verdicts(list, &THERE), (PreconditionFailed, PreconditionFailed), "{list}");
        }
        // A weak tag never matches, not even itself.
        assert_eq!(verdicts("W/\"a\"", &WEAK), (PreconditionFailed, PreconditionFailed));
        assert_eq!(verdicts("*", &Validators::Absent), (PreconditionFailed, PreconditionFailed));
    }

    #[test]
    fn if_none_match_wants_none_of_its_tags() {
        let verdicts = |list: &'static str, validators| {
            both(&Conditions { if_none_match: Some(list.as_bytes()), ..NONE }, validators)
        };
        for list in ["*", "\"a,b\"", "W/\"a,b\"", "\"x\" , W/\"a,b\""] {
            assert_eq!(verdicts(list, &THERE), (NotModified, PreconditionFailed), "{list}");
        }
        assert_eq!(verdicts("\"a\"", &WEAK), (NotModified, PreconditionFailed));
        for list in ["", "\"x\"", "a,b", "\"a\",\"b\""] {
            assert_eq!(verdicts(list, &THERE), (Proceed, Proceed), "{list}");
        }
        assert_eq!(verdicts("*", &Validators::Absent), (Proceed, Proceed));
    }

    #[test]
    fn dates_are_compared_to_the_second() {
        let since = |if_modified_since| both(&Conditions { if_modified_since, ..NONE }, &THERE);
        assert_eq!(
            [BEFORE, SAME, AFTER].map(since),
            [(Proceed, Proceed), (NotModified, Proceed), (NotModified, Proceed)]
        );
        let unmodified = |if_unmodified_since| both(&Conditions { if_unmodified_since, ..NONE }, &THERE).1;
        assert_eq!([BEFORE, SAME, AFTER].map(unmodified), [PreconditionFailed, Proceed, Proceed]);
        for ignored in [Some(&b"yesterday"[..]), Some(b"")] {
            assert_eq!(since(ignored), (Proceed, Proceed));
            assert_eq!(unmodified(ignored), Proceed);
        }
        let absent = Conditions { if_modified_since: SAME, if_unmodified_since: BEFORE, ..NONE };
        assert_eq!(both(&absent, &Validators::Absent), (Proceed, Proceed));
    }

    #[test]
    fn tags_go_before_dates() {
        let conditions = Conditions { if_match: Some(b"\"a,b\""), if_unmodified_since: BEFORE, ..NONE };
        assert_eq!(both(&conditions, &THERE), (Proceed, Proceed));
        let conditions = Conditions { if_none_match: Some(b"\"x\""), if_modified_since: AFTER, ..NONE };
        assert_eq!(both(&conditions, &THERE), (Proceed, Proceed));
        let conditions = Conditions { if_match: Some(b"\"x\""), if_none_match: Some(b"\"a,b\""), ..NONE };
        assert_eq!(both(&conditions, &THERE), (PreconditionFailed, PreconditionFailed));
        let conditions = Conditions { if_match: Some(b"*"), if_modified_since: SAME, ..NONE };
        assert_eq!(both(&conditions, &THERE), (NotModified, Proceed));
    }

    #[test]
    fn a_range_applies_to_the_very_version_it_was_asked_of() {
        let applies = |value: &'static [u8], validators| {
            range_use(&Conditions { if_range: Some(value), ..NONE }, validators) == RangeUse::Applies
        };
        assert_eq!(range_use(&NONE, &THERE), RangeUse::Applies);
        assert!(applies(b"\"a,b\"", &THERE));
        assert!(!SAME.is_some_and(|date| applies(date, &THERE)), "a date is no strong validator");
        for other in
            [&b"\"x\""[..], b"W/\"a,b\"", b"\"a,b\",\"a,b\"", b"*", b"", b"\"a,b", b"Sun, 06 Nov 1994 08:49:38 GMT"]
        {
            assert!(!applies(other, &THERE), "{}", other.escape_ascii());
        }
        assert!(!applies(b"W/\"a\"", &WEAK), "a weak tag says nothing about bytes");
        assert!(!applies(b"\"a,b\"", &Validators::Absent));
    }
}
