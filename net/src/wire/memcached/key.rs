//! A meta command's key: plain, or base64 of any bytes.

use super::KEY_BYTES_MAX;
use crate::wire::base64;

/// A key as it stands in a meta line. In the line it is at most [`KEY_BYTES_MAX`] bytes; decoded it is never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetaKey<'a> {
    text: &'a [u8],
    encoding: KeyEncoding,
}

/// How a key is written in a line. The cache keeps it with an item: an item stored under a base64 key is always shown in
/// base64, for its key may hold spaces and line ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyEncoding {
    Plain,
    Base64,
}

/// Room for a decoded key.
pub type KeyScratch = [u8; KEY_BYTES_MAX];

impl<'a> MetaKey<'a> {
    /// A key without spaces and line ends, 1 to [`KEY_BYTES_MAX`] bytes.
    pub fn plain(key: &'a [u8]) -> Self {
        MetaKey { text: key, encoding: KeyEncoding::Plain }
    }

    /// A key in base64 (RFC 4648 section 4, with padding); `None` when it is not, or is empty.
    pub fn base64(text: &'a [u8]) -> Option<Self> {
        let sound =
            !text.is_empty() && text.len() <= KEY_BYTES_MAX && base64::decode(text, &mut [0; KEY_BYTES_MAX]).is_some();
        sound.then_some(MetaKey { text, encoding: KeyEncoding::Base64 })
    }

    /// The key as it stands in the line.
    pub fn text(&self) -> &'a [u8] {
        self.text
    }

    pub fn encoding(&self) -> KeyEncoding {
        self.encoding
    }

    /// The key itself, decoded into `scratch` where it has to be.
    pub fn bytes<'s>(&self, scratch: &'s mut KeyScratch) -> &'s [u8]
    where
        'a: 's,
    {
        match self.encoding {
            KeyEncoding::Plain => self.text,
            KeyEncoding::Base64 => {
                let length = base64::decode(self.text, scratch).unwrap_or(0);
                &scratch[..length]
            }
        }
    }

    /// Appends the key as an item of the given encoding shows it.
    pub(super) fn write_as(&self, out: &mut Vec<u8>, encoding: KeyEncoding) {
        if self.encoding == encoding {
            out.extend_from_slice(self.text);
            return;
        }
        let mut scratch = [0; KEY_BYTES_MAX];
        let key = self.bytes(&mut scratch);
        match encoding {
            KeyEncoding::Plain => out.extend_from_slice(key),
            KeyEncoding::Base64 => base64::write(out, key),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_not_base64() {
        for text in ["", "Z", "Zg", "Zg=", "Zm9vZ", "Z===", "====", "=Zg=", "Zm9!", "Zm 9", "Zg==Zg==", "Zm9-"] {
            assert_eq!(MetaKey::base64(text.as_bytes()), None, "{text}");
        }
        assert_eq!(MetaKey::base64(&[b'A'; 252]), None);
    }

    #[test]
    fn an_item_shows_its_key_in_its_own_encoding() {
        let shown = |key: MetaKey, encoding| {
            let mut out = Vec::new();
            key.write_as(&mut out, encoding);
            String::from_utf8(out).unwrap()
        };
        let (plain, base64) = (MetaKey::plain(b"foo"), MetaKey::base64(b"Zm9v").unwrap());
        assert_eq!(shown(plain, KeyEncoding::Plain), "foo");
        assert_eq!(shown(plain, KeyEncoding::Base64), "Zm9v");
        assert_eq!(shown(base64, KeyEncoding::Plain), "foo");
        assert_eq!(shown(base64, KeyEncoding::Base64), "Zm9v");
    }

    proptest! {
        #[test]
        fn encoding_then_decoding_gives_the_key(key in proptest::collection::vec(any::<u8>(), 1..=186)) {
            let mut text = Vec::new();
            base64::write(&mut text, &key);
            let meta = MetaKey::base64(&text).expect("sound");
            let mut scratch = [0; KEY_BYTES_MAX];
            prop_assert_eq!(meta.bytes(&mut scratch), key);
        }

        #[test]
        fn no_text_is_too_odd(text in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Some(key) = MetaKey::base64(&text) {
                prop_assert!(!key.bytes(&mut [0; KEY_BYTES_MAX]).is_empty());
            }
        }
    }
}
