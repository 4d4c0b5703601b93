//! A meta command's key: plain, or base64 of any bytes.

use super::KEY_BYTES_MAX;

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
        let sound = !text.is_empty() && text.len() <= KEY_BYTES_MAX && decode(text, &mut [0; KEY_BYTES_MAX]).is_some();
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
                let length = decode(self.text, scratch).unwrap_or(0);
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
            KeyEncoding::Base64 => write_base64(out, key),
        }
    }
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Appends `bytes` in base64, padded.
pub fn write_base64(out: &mut Vec<u8>, bytes: &[u8]) {
    for group in bytes.chunks(3) {
        let bits = group.iter().fold(0u32, |bits, &byte| bits << 8 | u32::from(byte)) << (8 * (3 - group.len()));
        for place in 0..4 {
            let sextet = (bits >> (18 - 6 * place)) as usize & 63;
            out.push(if place <= group.len() { ALPHABET[sextet] } else { b'=' });
        }
    }
}

/// Decodes padded base64 and says how many bytes came of it; `None` for anything else. Bits that the padding leaves over
/// are not looked at.
fn decode(text: &[u8], out: &mut KeyScratch) -> Option<usize> {
    let padding = text.iter().rev().take_while(|&&byte| byte == b'=').count();
    let length = (text.len() / 4 * 3).checked_sub(padding)?;
    if !text.len().is_multiple_of(4) || padding > 2 || length > out.len() {
        return None;
    }
    let digits = &text[..text.len() - padding];
    for (group, bytes) in digits.chunks(4).zip(out[..length].chunks_mut(3)) {
        let mut bits = 0u32;
        for &digit in group {
            bits = bits << 6 | u32::from(sextet(digit)?);
        }
        bits <<= 6 * (4 - group.len());
        bytes.copy_from_slice(&bits.to_be_bytes()[1..][..bytes.len()]);
    }
    Some(length)
}

fn sextet(digit: u8) -> Option<u8> {
    Some(match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_vectors_of_rfc_4648() {
        for (bytes, text) in [
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            let mut out = Vec::new();
            write_base64(&mut out, bytes.as_bytes());
            assert_eq!(out, text.as_bytes());
            let key = MetaKey::base64(text.as_bytes()).unwrap();
            assert_eq!(key.bytes(&mut [0; KEY_BYTES_MAX]), bytes.as_bytes());
        }
    }

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
            write_base64(&mut text, &key);
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
