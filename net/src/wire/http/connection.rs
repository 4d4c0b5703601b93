//! What a Connection field says: RFC 9110, 7.6.1.

/// Whether it has an option. It is a list, without case.
pub fn has_option(value: &[u8], option: &[u8]) -> bool {
    value.split(|&byte| byte == b',').any(|of_field| of_field.trim_ascii().eq_ignore_ascii_case(option))
}

#[cfg(test)]
mod tests {
    use super::has_option;

    #[test]
    fn it_is_a_list() {
        for field in ["Close", "TE , close", "close,TE", ",\tclose"] {
            assert!(has_option(field.as_bytes(), b"close"), "{field}");
        }
        for field in ["", "closed, TE", "close x"] {
            assert!(!has_option(field.as_bytes(), b"close"), "{field}");
        }
    }
}
