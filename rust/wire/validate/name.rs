//! The forms of names: labels, subdomains, qualified names, versions, UUIDs.
//!
//! Each rule says why a text does not have the form. Never looks at what a name refers to.

/// A form of text, and why a text does not have it.
pub(super) type Rule = fn(&str) -> Result<(), String>;

const LABEL_LENGTH: usize = 63;
const SUBDOMAIN_LENGTH: usize = 253;
const DRIVER_LENGTH: usize = 63;
const POOL_LENGTH: usize = 253;
const DOMAIN_LENGTH: usize = 63;
const ID_LENGTH: usize = 32;
const VERSION_LENGTH: usize = 64;

/// A DNS label in lower case.
pub(super) fn label(text: &str) -> Result<(), String> {
    length(text, LABEL_LENGTH)?;
    if is_label(text) {
        Ok(())
    } else {
        Err("must be a DNS label: lower-case letters, digits and '-', a letter or digit at both ends".to_owned())
    }
}

/// A DNS subdomain in lower case.
pub(super) fn subdomain(text: &str) -> Result<(), String> {
    length(text, SUBDOMAIN_LENGTH)?;
    if text.split('.').all(is_label) {
        Ok(())
    } else {
        Err("must be a DNS subdomain: labels of lower-case letters, digits and '-', separated by '.'".to_owned())
    }
}

/// A driver name: a DNS subdomain in any case.
pub(super) fn driver(text: &str) -> Result<(), String> {
    length(text, DRIVER_LENGTH)?;
    subdomain(&text.to_ascii_lowercase())
}

/// A pool name: subdomains separated by slashes.
pub(super) fn pool(text: &str) -> Result<(), String> {
    length(text, POOL_LENGTH)?;
    text.split('/').try_for_each(subdomain)
}

/// `id` or `domain/id`. More than one slash passes, as it does upstream.
pub(super) fn qualified(text: &str) -> Result<(), String> {
    let mut parts = text.split('/');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(id), None, _) => identifier(id),
        (Some(domain), Some(id), None) => {
            length(domain, DOMAIN_LENGTH)?;
            subdomain(domain)?;
            identifier(id)
        }
        _ => Ok(()),
    }
}

/// `domain/id`.
pub(super) fn fully_qualified(text: &str) -> Result<(), String> {
    if !text.contains('/') {
        return Err("must be a domain and an id separated by '/'".to_owned());
    }
    qualified(text)
}

fn identifier(text: &str) -> Result<(), String> {
    length(text, ID_LENGTH)?;
    let starts = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if starts && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        Ok(())
    } else {
        Err("the id must be a C identifier".to_owned())
    }
}

/// The key of a label or taint.
pub(super) fn label_key(text: &str) -> Result<(), String> {
    let name = match text.split_once('/') {
        Some((prefix, name)) => {
            subdomain(prefix).map_err(|why| format!("the part before '/' {why}"))?;
            name
        }
        None => text,
    };
    length(name, LABEL_LENGTH)?;
    if !name.is_empty() && is_label_value(name) {
        Ok(())
    } else {
        Err("must be letters, digits, '-', '_' and '.', a letter or digit at both ends, after an optional DNS \
             subdomain and '/'"
            .to_owned())
    }
}

/// The value of a label or taint.
pub(super) fn label_value(text: &str) -> Result<(), String> {
    length(text, LABEL_LENGTH)?;
    if is_label_value(text) {
        Ok(())
    } else {
        Err("must be letters, digits, '-', '_' and '.', a letter or digit at both ends".to_owned())
    }
}

/// The name of an extended resource.
pub(super) fn extended_resource(text: &str) -> Result<(), String> {
    if !text.contains('/') {
        return Err("must be a domain and a name separated by '/'".to_owned());
    }
    if text.contains("kubernetes.io/") {
        return Err("must not be in the domain kubernetes.io".to_owned());
    }
    if text.starts_with("requests.") {
        return Err("must not start with \"requests.\"".to_owned());
    }
    // Quota puts this in front of the name.
    label_key(&format!("requests.{text}"))
}

/// A UUID in lower case.
pub(super) fn uuid(text: &str) -> Result<(), String> {
    let has_form = text.len() == 36
        && text.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        });
    if has_form {
        Ok(())
    } else {
        Err("must be a UUID in lower case".to_owned())
    }
}

/// A semantic version; numbers of any size.
pub(super) fn version(text: &str) -> Result<(), String> {
    length(text, VERSION_LENGTH)?;
    let (rest, build) = match text.split_once('+') {
        Some((rest, build)) => (rest, Some(build)),
        None => (text, None),
    };
    let (core, pre) = match rest.split_once('-') {
        Some((core, pre)) => (core, Some(pre)),
        None => (rest, None),
    };
    let is_part = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let is_pre = |part: &str| is_part(part) && (!is_digits(part) || is_number(part));
    let has_form = core.split('.').count() == 3
        && core.split('.').all(is_number)
        && pre.is_none_or(|pre| pre.split('.').all(is_pre))
        && build.is_none_or(|build| build.split('.').all(is_part));
    if has_form {
        Ok(())
    } else {
        Err("must be a semantic version such as 1.2.3".to_owned())
    }
}

fn length(text: &str, limit: usize) -> Result<(), String> {
    if text.len() <= limit {
        Ok(())
    } else {
        Err(format!("must not be longer than {limit} bytes"))
    }
}

fn is_label(text: &str) -> bool {
    let is_inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    !text.is_empty() && text.bytes().all(is_inner) && !text.starts_with('-') && !text.ends_with('-')
}

fn is_label_value(text: &str) -> bool {
    let is_inner = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    text.bytes().all(is_inner)
        && text
            .bytes()
            .next()
            .is_none_or(|b| b.is_ascii_alphanumeric())
        && text
            .bytes()
            .next_back()
            .is_none_or(|b| b.is_ascii_alphanumeric())
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn is_number(text: &str) -> bool {
    is_digits(text) && (text.len() == 1 || !text.starts_with('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_those_of_upstream() {
        let rules: [(&str, Rule); 10] = [
            ("shortName", label),
            ("longName", subdomain),
            ("driver", driver),
            ("pool", pool),
            ("fullyQualified", fully_qualified),
            ("labelKey", label_key),
            ("labelValue", label_value),
            ("extendedResource", extended_resource),
            ("uuid", uuid),
            ("version", version),
        ];
        let vectors = include_str!("../../../tests/vectors/name.ndjson");
        let mut seen = 0;
        for line in vectors.lines().skip(1) {
            let vector: serde_json::Value = serde_json::from_str(line).unwrap();
            let text = vector["text"].as_str().unwrap();
            for (field, rule) in rules {
                assert_eq!(
                    Some(rule(text).is_ok()),
                    vector[field].as_bool(),
                    "{field} {text:?}"
                );
                seen += 1;
            }
        }
        assert!(seen > 5000);
    }
}
