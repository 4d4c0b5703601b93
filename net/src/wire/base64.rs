//! Base64 with padding: RFC 4648, 4.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Appends `bytes` in base64, padded.
pub fn write(out: &mut Vec<u8>, bytes: &[u8]) {
    for group in bytes.chunks(3) {
        let bits = group.iter().fold(0u32, |bits, &byte| bits << 8 | u32::from(byte)) << (8 * (3 - group.len()));
        for place in 0..4 {
            let sextet = (bits >> (18 - 6 * place)) as usize & 63;
            out.push(if place <= group.len() { ALPHABET[sextet] } else { b'=' });
        }
    }
}

/// Decodes padded base64 and says how many bytes came of it; `None` for anything else, and for more than `out` holds. Bits that the padding leaves over
/// are not looked at.
pub fn decode(text: &[u8], out: &mut [u8]) -> Option<usize> {
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
    use super::*;

    #[test]
    fn the_vectors_of_rfc_4648() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            let mut out = Vec::new();
            write(&mut out, bytes.as_bytes());
            assert_eq!(out, text.as_bytes());
            let mut decoded = [0; 6];
            assert_eq!(decode(text.as_bytes(), &mut decoded), Some(bytes.len()));
            assert_eq!(decoded[..bytes.len()], *bytes.as_bytes());
        }
        assert_eq!(decode(b"Zm9vYmFy", &mut [0; 5]), None, "no room");
    }
}
