//! URLs as Go's `net/url` reads and writes them.
//!
//! Works on bytes: what is unescaped need not be UTF-8, and is shown with replacement characters where it is not.
//! Start at [`parse`].

use std::fmt::Write as _;

use super::ips;
use super::quoting::go_quote;

/// A part of a URL, for what may stand in it unescaped.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Path,
    Host,
    Zone,
    User,
    Query,
    Fragment,
}

/// A URL in its parts.
#[derive(Debug, Default)]
pub(super) struct Url {
    pub(super) scheme: String,
    opaque: String,
    user: Option<(Vec<u8>, Option<Vec<u8>>)>,
    host: Vec<u8>,
    path: Vec<u8>,
    raw_path: String,
    raw_query: String,
    force_query: bool,
    omit_host: bool,
    fragment: Vec<u8>,
    raw_fragment: String,
}

/// Whether a byte must be escaped in a part.
fn must_escape(byte: u8, part: Part) -> bool {
    match byte {
        b'-' | b'.' | b'_' | b'~' => false,
        b'!' | b'(' | b')' | b'*' => !matches!(part, Part::Host | Part::Zone | Part::Fragment),
        b'"' | b'\'' | b'<' | b'>' | b'[' | b']' => !matches!(part, Part::Host | Part::Zone),
        b'$' | b'&' | b'+' | b',' | b';' | b'=' => part == Part::Query,
        b':' => !matches!(part, Part::Path | Part::Host | Part::Zone | Part::Fragment),
        b'/' | b'@' => !matches!(part, Part::Path | Part::Fragment),
        b'?' => part != Part::Fragment,
        _ => !byte.is_ascii_alphanumeric(),
    }
}

fn escape(bytes: &[u8], part: Part) -> String {
    let mut text = String::with_capacity(bytes.len());
    for byte in bytes {
        if must_escape(*byte, part) {
            // Writing to a text cannot fail.
            let _ = write!(text, "%{byte:02X}");
        } else {
            text.push(char::from(*byte));
        }
    }
    text
}

fn hex(byte: Option<&u8>) -> Option<u8> {
    char::from(*byte?)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

fn unescape(text: &str, part: Part) -> Result<Vec<u8>, String> {
    let bytes = text.as_bytes();
    let mut result = Vec::with_capacity(bytes.len());
    let refuse = |position: usize| {
        let end = bytes.len().min(position.saturating_add(3));
        let sequence =
            String::from_utf8_lossy(bytes.get(position..end).unwrap_or(&[])).into_owned();
        Err(format!("invalid URL escape {}", go_quote(&sequence)))
    };
    let mut position = 0;
    while let Some(byte) = bytes.get(position) {
        match byte {
            b'%' => {
                let (Some(high), Some(low)) =
                    (hex(bytes.get(position + 1)), hex(bytes.get(position + 2)))
                else {
                    return refuse(position);
                };
                let value = high << 4 | low;
                let percent = value == b'%';
                if part == Part::Host && high < 8 && !percent {
                    return refuse(position);
                }
                if part == Part::Zone && !percent && value != b' ' && must_escape(value, Part::Host)
                {
                    return refuse(position);
                }
                result.push(value);
                position += 2;
            }
            b'+' if part == Part::Query => result.push(b' '),
            _ => {
                if matches!(part, Part::Host | Part::Zone)
                    && byte.is_ascii()
                    && must_escape(*byte, part)
                {
                    let text = char::from(*byte).to_string();
                    return Err(format!(
                        "invalid character {} in host name",
                        go_quote(&text)
                    ));
                }
                result.push(*byte);
            }
        }
        position += 1;
    }
    Ok(result)
}

/// Whether a text is a correct escaping in a part, if not the usual one.
fn is_escaped(text: &str, part: Part) -> bool {
    text.bytes().all(|byte| match byte {
        b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' | b':'
        | b'@' | b'[' | b']' | b'%' => true,
        _ => !must_escape(byte, part),
    })
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Reads a URL the way the library does: it must be fit for a request, and its fragment is taken off.
pub(super) fn parse(text: &str) -> Result<Url, String> {
    parse_request(text)?;
    let (whole, fragment) = text.split_once('#').unwrap_or((text, ""));
    let mut url = parse_parts(whole, false).map_err(|error| wrap(whole, &error))?;
    if !fragment.is_empty() {
        url.fragment = unescape(fragment, Part::Fragment).map_err(|error| wrap(text, &error))?;
        if escape(&url.fragment, Part::Fragment) != fragment {
            fragment.clone_into(&mut url.raw_fragment);
        }
    }
    Ok(url)
}

/// Reads a URL as Go's `ParseRequestURI`; a fragment is part of the path there.
pub(super) fn parse_request(text: &str) -> Result<Url, String> {
    parse_parts(text, true).map_err(|error| wrap(text, &error))
}

fn wrap(text: &str, error: &str) -> String {
    format!("parse {}: {error}", go_quote(text))
}

/// The scheme and what follows it; an empty one for texts without.
fn split_scheme(text: &str) -> Result<(&str, &str), String> {
    for (position, c) in text.char_indices() {
        match c {
            'a'..='z' | 'A'..='Z' => {}
            '0'..='9' | '+' | '-' | '.' if position > 0 => {}
            ':' if position == 0 => return Err("missing protocol scheme".to_owned()),
            ':' => {
                return Ok((
                    text.get(..position).unwrap_or(""),
                    text.get(position + 1..).unwrap_or(""),
                ));
            }
            _ => return Ok(("", text)),
        }
    }
    Ok(("", text))
}

fn parse_parts(text: &str, request: bool) -> Result<Url, String> {
    if text.bytes().any(|byte| byte < b' ' || byte == 0x7f) {
        return Err("net/url: invalid control character in URL".to_owned());
    }
    if text.is_empty() && request {
        return Err("empty url".to_owned());
    }
    let mut url = Url::default();
    if text == "*" {
        url.path = b"*".to_vec();
        return Ok(url);
    }
    let (scheme, mut rest) = split_scheme(text)?;
    url.scheme = scheme.to_ascii_lowercase();
    if let Some((before, query)) = rest.split_once('?') {
        rest = before;
        url.force_query = query.is_empty();
        query.clone_into(&mut url.raw_query);
    }
    if !rest.starts_with('/') {
        if !url.scheme.is_empty() {
            rest.clone_into(&mut url.opaque);
            return Ok(url);
        }
        if request {
            return Err("invalid URI for request".to_owned());
        }
        if rest
            .split('/')
            .next()
            .is_some_and(|segment| segment.contains(':'))
        {
            return Err("first path segment in URL cannot contain colon".to_owned());
        }
    }
    let may_have_host = !url.scheme.is_empty() || (!request && !rest.starts_with("///"));
    match rest.strip_prefix("//") {
        Some(authority) if may_have_host => {
            let end = authority.find('/').unwrap_or(authority.len());
            let (authority, path) = authority.split_at(end);
            read_authority(&mut url, authority)?;
            rest = path;
        }
        _ => url.omit_host = !url.scheme.is_empty() && rest.starts_with('/'),
    }
    url.path = unescape(rest, Part::Path)?;
    if escape(&url.path, Part::Path) != rest {
        rest.clone_into(&mut url.raw_path);
    }
    Ok(url)
}

fn read_authority(url: &mut Url, authority: &str) -> Result<(), String> {
    let (user, host) = match authority.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, authority),
    };
    url.host = read_host(&url.scheme, host)?;
    let Some(user) = user else {
        return Ok(());
    };
    let valid = |c: char| c.is_ascii_alphanumeric() || "-._:~!$&'()*+,;=%@".contains(c);
    if !user.chars().all(valid) {
        return Err("net/url: invalid userinfo".to_owned());
    }
    let (name, password) = match user.split_once(':') {
        Some((name, password)) => (name, Some(password)),
        None => (user, None),
    };
    let name = unescape(name, Part::User)?;
    let password = password
        .map(|password| unescape(password, Part::User))
        .transpose()?;
    url.user = Some((name, password));
    Ok(())
}

fn check_port(port: &str) -> Result<(), String> {
    let digits = port.strip_prefix(':');
    if port.is_empty()
        || digits.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
    {
        return Ok(());
    }
    Err(format!("invalid port {} after host", go_quote(port)))
}

fn read_host(scheme: &str, host: &str) -> Result<Vec<u8>, String> {
    match host.rfind('[') {
        Some(0) => return read_literal(host),
        Some(_) => return Err("invalid IP-literal".to_owned()),
        None => {}
    }
    let strict = matches!(scheme, "http" | "https");
    if let Some(colon) = if strict {
        host.find(':')
    } else {
        host.rfind(':')
    } {
        check_port(host.get(colon..).unwrap_or(""))?;
    }
    unescape(host, Part::Host)
}

/// Reads an address in brackets, with its port.
fn read_literal(host: &str) -> Result<Vec<u8>, String> {
    let Some((address, port)) = host
        .strip_prefix('[')
        .and_then(|host| host.rsplit_once(']'))
    else {
        return Err("missing ']' in host".to_owned());
    };
    check_port(port)?;
    let port = unescape(port, Part::Host)?;
    let (name, zone) = address.split_at(address.find("%25").unwrap_or(address.len()));
    let name = [unescape(name, Part::Host)?, unescape(zone, Part::Zone)?].concat();
    let (parsed, _) =
        ips::parse_go(&lossy(&name)).map_err(|error| format!("invalid host: {error}"))?;
    if parsed.is_ipv4() {
        return Err("invalid IP-literal".to_owned());
    }
    Ok([b"[", name.as_slice(), b"]", &port].concat())
}

impl Url {
    pub(super) fn host(&self) -> String {
        lossy(&self.host)
    }

    /// The host without brackets and port, and the port.
    pub(super) fn host_and_port(&self) -> (String, String) {
        let host = self.host();
        let (mut name, mut port) = (host.as_str(), "");
        if let Some(colon) = host.rfind(':')
            && let (Some(before), Some(after)) = (host.get(..colon), host.get(colon + 1..))
            && after.bytes().all(|byte| byte.is_ascii_digit())
        {
            (name, port) = (before, after);
        }
        let bare = name
            .strip_prefix('[')
            .and_then(|name| name.strip_suffix(']'));
        (bare.unwrap_or(name).to_owned(), port.to_owned())
    }

    pub(super) fn escaped_path(&self) -> String {
        if !self.raw_path.is_empty() && is_escaped(&self.raw_path, Part::Path) {
            return self.raw_path.clone();
        }
        if self.path == b"*" {
            return "*".to_owned();
        }
        escape(&self.path, Part::Path)
    }

    /// Keys and values of the query, in order; what cannot be read is left out.
    pub(super) fn query(&self) -> Vec<(String, String)> {
        let parts: Vec<&str> = self.raw_query.split('&').collect();
        if parts.len() > 10_000 {
            return Vec::new();
        }
        let usable = parts
            .into_iter()
            .filter(|part| !part.is_empty() && !part.contains(';'));
        usable
            .filter_map(|part| {
                let (key, value) = part.split_once('=').unwrap_or((part, ""));
                let key = unescape(key, Part::Query).ok()?;
                let value = unescape(value, Part::Query).ok()?;
                Some((lossy(&key), lossy(&value)))
            })
            .collect()
    }

    /// The URL as Go prints it; two URLs are equal if this is.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        if !self.scheme.is_empty() {
            text.push_str(&self.scheme);
            text.push(':');
        }
        if self.opaque.is_empty() {
            self.write_hierarchy(&mut text);
        } else {
            text.push_str(&self.opaque);
        }
        if self.force_query || !self.raw_query.is_empty() {
            text.push('?');
            text.push_str(&self.raw_query);
        }
        if !self.fragment.is_empty() {
            text.push('#');
            if !self.raw_fragment.is_empty() && is_escaped(&self.raw_fragment, Part::Fragment) {
                text.push_str(&self.raw_fragment);
            } else {
                text.push_str(&escape(&self.fragment, Part::Fragment));
            }
        }
        text
    }

    fn write_hierarchy(&self, text: &mut String) {
        let no_host = self.host.is_empty() && self.user.is_none();
        let bare = self.scheme.is_empty() || self.omit_host;
        if !(no_host && bare) {
            if !no_host || !self.path.is_empty() {
                text.push_str("//");
            }
            if let Some((name, password)) = &self.user {
                text.push_str(&escape(name, Part::User));
                if let Some(password) = password {
                    text.push(':');
                    text.push_str(&escape(password, Part::User));
                }
                text.push('@');
            }
            text.push_str(&escape(&self.host, Part::Host));
        }
        let path = self.escaped_path();
        if !path.is_empty() && !path.starts_with('/') && !self.host.is_empty() {
            text.push('/');
        }
        if text.is_empty()
            && path
                .split('/')
                .next()
                .is_some_and(|segment| segment.contains(':'))
        {
            text.push_str("./");
        }
        text.push_str(&path);
    }
}
