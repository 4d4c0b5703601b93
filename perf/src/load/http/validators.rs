//! What servers said about versions of objects, so that a later request can be conditional on it.

use std::rc::Rc;

use super::answer::Head;

/// Objects whose validators are remembered at a time.
const SLOTS: usize = 1 << 16;
/// A validator that is longer, in bytes, is not remembered.
const TAG_BYTES_MAX: usize = 256;

/// As it came, and as it goes back: RFC 9110, 8.8.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    Entity(Box<[u8]>),
    /// Last-Modified.
    Time(Box<[u8]>),
}

/// By which the server knows a version.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Validator {
    key: u64,
    pub(super) version: u32,
    pub(super) tag: Tag,
}

/// The latest validator of some objects. Those whose keys meet in a slot displace each other, so memory is bounded and
/// nothing is searched.
#[derive(Default)]
pub(super) struct Validators {
    /// Empty until there is one.
    slots: Vec<Option<Rc<Validator>>>,
}

impl Tag {
    /// The best validator of a head. A time alone is one only where the answer was made in a later second: what changed
    /// twice in one second has the same time (RFC 9110, 8.8.2.2).
    pub(super) fn of(head: &Head<'_>) -> Option<Tag> {
        let is_short = |tag: &&[u8]| tag.len() <= TAG_BYTES_MAX;
        let is_quoted = |tag: &&[u8]| {
            let quoted = tag.strip_prefix(b"W/").unwrap_or(tag);
            quoted.len() > 1 && quoted.starts_with(b"\"") && quoted.ends_with(b"\"")
        };
        match (head.etag.filter(is_short).filter(is_quoted), head.last_modified.filter(is_short)) {
            (Some(etag), _) => Some(Tag::Entity(etag.into())),
            (None, Some(time)) if head.date.is_some_and(|date| date != time) => Some(Tag::Time(time.into())),
            _ => None,
        }
    }
}

impl Validators {
    pub(super) fn get(&self, key: u64) -> Option<Rc<Validator>> {
        self.slots.get(key as usize % SLOTS)?.as_ref().filter(|validator| validator.key == key).cloned()
    }

    pub(super) fn note(&mut self, key: u64, version: u32, tag: Tag) {
        if self.slots.is_empty() {
            self.slots.resize(SLOTS, None);
        }
        let slot = &mut self.slots[key as usize % SLOTS];
        let noted = Validator { key, version, tag };
        match slot.as_deref() {
            // An answer that was overtaken says nothing new, and most answers say what is known.
            Some(known) if known.key == key && (known.version > version || *known == noted) => {}
            _ => *slot = Some(Rc::new(noted)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entity(tag: &str) -> Tag {
        Tag::Entity(tag.as_bytes().into())
    }

    #[test]
    fn an_entity_tag_comes_before_a_time() {
        let head = Head { etag: Some(b"\"a\""), last_modified: Some(b"Mon"), date: Some(b"Tue"), ..Head::default() };
        assert_eq!(Tag::of(&head), Some(entity("\"a\"")));
        assert_eq!(Tag::of(&Head { etag: Some(b"W/\"a\""), ..head }), Some(entity("W/\"a\"")));
        for none in ["", "\"", "a", "W/a"] {
            let head = Head { etag: Some(none.as_bytes()), ..head };
            assert_eq!(Tag::of(&head), Some(Tag::Time(b"Mon"[..].into())), "{none}");
        }
        assert_eq!(Tag::of(&Head { etag: Some(&[b'"'; TAG_BYTES_MAX + 1]), date: None, ..head }), None);
    }

    #[test]
    fn a_time_of_the_second_of_its_answer_is_no_validator() {
        let head = Head { last_modified: Some(b"Mon"), date: Some(b"Mon"), ..Head::default() };
        assert_eq!(Tag::of(&head), None);
    }

    #[test]
    fn the_latest_validator_of_a_key_is_kept() {
        let mut validators = Validators::default();
        assert_eq!(validators.get(5), None);
        validators.note(5, 2, entity("\"b\""));
        validators.note(5, 1, entity("\"a\""));
        assert_eq!(validators.get(5).map(|validator| validator.version), Some(2));
        validators.note(5, 3, entity("\"c\""));
        assert_eq!(validators.get(5).map(|validator| validator.tag.clone()), Some(entity("\"c\"")));
        let other = 5 + SLOTS as u64;
        assert_eq!(validators.get(other), None);
        validators.note(other, 1, entity("\"d\""));
        assert_eq!((validators.get(5), validators.get(other).map(|validator| validator.version)), (None, Some(1)));
    }
}
