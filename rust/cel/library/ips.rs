//! The IP library of Kubernetes, with Go's reading of addresses.
//!
//! The standard parser refuses the same texts as Go's, zones aside, which the library refuses anyway; so Go's rules
//! are walked only to say why. Start at [`overloads`] and [`parse`].

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::quoting::go_quote;
use super::support::{global, member, no_overload, string, text};
use crate::cel::overload::{EvalError, EvalResult, Overload};
use crate::cel::types::Type;
use crate::cel::value::Value;

pub(super) const IP: Type = Type::Named("net.IP");

pub(super) fn overloads() -> Vec<Overload> {
    use Type::{Bool, Int, String};
    let of_ip = |function, id, result, eval| member(function, id, vec![IP], result, eval);
    vec![
        global("ip", "string_to_ip", vec![String], IP, |args| {
            parse(text(args, 0)?)
                .map(Value::Ip)
                .map_err(EvalError::Message)
        }),
        of_ip("family", "ip_family", Int, |args| {
            Ok(Value::Int(if ip(args)?.is_ipv4() { 4 } else { 6 }))
        }),
        global(
            "ip.isCanonical",
            "ip_is_canonical",
            vec![String],
            Bool,
            |args| {
                let text = text(args, 0)?;
                let address = parse(text).map_err(EvalError::Message)?;
                Ok(Value::Bool(address.to_string() == text))
            },
        ),
        of_ip("isUnspecified", "ip_is_unspecified", Bool, |args| {
            ask(args, IpAddr::is_unspecified)
        }),
        of_ip("isLoopback", "ip_is_loopback", Bool, |args| {
            ask(args, IpAddr::is_loopback)
        }),
        of_ip(
            "isLinkLocalMulticast",
            "ip_is_link_local_multicast",
            Bool,
            |args| ask(args, is_link_local_multicast),
        ),
        of_ip(
            "isLinkLocalUnicast",
            "ip_is_link_local_unicast",
            Bool,
            |args| ask(args, is_link_local_unicast),
        ),
        of_ip("isGlobalUnicast", "ip_is_global_unicast", Bool, |args| {
            ask(args, is_global_unicast)
        }),
        global("isIP", "is_ip", vec![String], Bool, |args| {
            Ok(Value::Bool(parse(text(args, 0)?).is_ok()))
        }),
        global("string", "ip_to_string", vec![IP], String, |args| {
            Ok(string(&ip(args)?.to_string()))
        }),
    ]
}

fn ip(args: &[Value]) -> Result<IpAddr, EvalError> {
    match args.first() {
        Some(Value::Ip(address)) => Ok(*address),
        _ => no_overload(),
    }
}

fn ask(args: &[Value], question: fn(&IpAddr) -> bool) -> EvalResult {
    Ok(Value::Bool(question(&ip(args)?)))
}

fn is_link_local_multicast(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => matches!(address.octets(), [224, 0, 0, _]),
        IpAddr::V6(address) => address.segments()[0] & 0xff0f == 0xff02,
    }
}

fn is_link_local_unicast(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

fn is_global_unicast(address: &IpAddr) -> bool {
    let broadcast = matches!(address, IpAddr::V4(Ipv4Addr::BROADCAST));
    !(broadcast
        || address.is_unspecified()
        || address.is_loopback()
        || address.is_multicast()
        || is_link_local_unicast(address))
}

/// Whether an address is an IPv4 one in IPv6 clothes.
pub(super) fn is_mapped(address: &IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.to_ipv4_mapped().is_some())
}

/// Reads an address as the library does: no zone, no IPv4-mapped address.
pub(super) fn parse(text: &str) -> Result<IpAddr, String> {
    let (address, zone) = parse_go(text).map_err(|error| {
        let quoted = go_quote(text);
        format!("IP Address {quoted} parse error during conversion from string: {error}")
    })?;
    if zone {
        return Err(format!(
            "IP address {} with zone value is not allowed",
            go_quote(text)
        ));
    }
    if is_mapped(&address) {
        return Err(format!(
            "IPv4-mapped IPv6 address {} is not allowed",
            go_quote(text)
        ));
    }
    Ok(address)
}

/// Reads an address as Go's `netip.ParseAddr`: the address and whether it has a zone.
pub(super) fn parse_go(text: &str) -> Result<(IpAddr, bool), String> {
    let fail = |why: &str, at: &str| {
        let quoted = go_quote(text);
        if at.is_empty() {
            format!("ParseAddr({quoted}): {why}")
        } else {
            format!("ParseAddr({quoted}): {why} (at {})", go_quote(at))
        }
    };
    match text.chars().find(|c| matches!(c, '.' | ':' | '%')) {
        None => Err(fail("unable to parse IP", "")),
        Some('%') => Err(fail("missing IPv6 address", "")),
        Some('.') => match text.parse::<Ipv4Addr>() {
            Ok(address) => Ok((IpAddr::V4(address), false)),
            Err(_) => Err(why_not_v4(text).map_or_else(String::new, |(why, at)| fail(why, at))),
        },
        Some(_) => {
            let (address, zone) = match text.split_once('%') {
                Some((_, "")) => return Err(fail("zone must be a non-empty string", "")),
                Some((address, _)) => (address, true),
                None => (text, false),
            };
            if let Ok(address) = address.parse::<Ipv6Addr>() {
                return Ok((IpAddr::V6(address), zone));
            }
            let (why, at) = why_not_v6(address);
            Err(fail(why, at))
        }
    }
}

/// What Go has against an IPv4 address, and where; `None` if nothing.
fn why_not_v4(text: &str) -> Option<(&'static str, &str)> {
    let (mut value, mut digits, mut fields) = (0_u32, 0, 0);
    let mut previous = None;
    for (position, c) in text.char_indices() {
        let rest = text.get(position..).unwrap_or("");
        if let Some(digit) = c.to_digit(10) {
            if digits == 1 && value == 0 {
                return Some(("IPv4 field has octet with leading zero", ""));
            }
            value = value * 10 + digit;
            digits += 1;
            if value > 255 {
                return Some(("IPv4 field has value >255", ""));
            }
        } else if c == '.' {
            if matches!(previous, None | Some('.')) || rest.len() == 1 {
                return Some(("IPv4 field must have at least one digit", rest));
            }
            if fields == 3 {
                return Some(("IPv4 address too long", ""));
            }
            (value, digits) = (0, 0);
            fields += 1;
        } else {
            return Some(("unexpected character", rest));
        }
        previous = Some(c);
    }
    (fields < 3).then_some(("IPv4 address too short", ""))
}

/// What Go has against an IPv6 address without its zone, and where.
fn why_not_v6(address: &str) -> (&'static str, &str) {
    let mut rest = address;
    let mut ellipsis = rest.starts_with("::");
    if ellipsis {
        rest = rest.get(2..).unwrap_or("");
    }
    let mut bytes = 0;
    while bytes < 16 {
        let length = rest.bytes().take_while(u8::is_ascii_hexdigit).count();
        if length > 4 {
            return ("each group must have 4 or less digits", rest);
        }
        if length == 0 {
            return (
                "each colon-separated field must have at least one digit",
                rest,
            );
        }
        let tail = rest.get(length..).unwrap_or("");
        if tail.starts_with('.') {
            if !ellipsis && bytes != 12 {
                return (
                    "embedded IPv4 address must replace the final 2 fields of the address",
                    rest,
                );
            }
            if bytes + 4 > 16 {
                return (
                    "too many hex fields to fit an embedded IPv4 at the end of the address",
                    rest,
                );
            }
            if let Some(reason) = why_not_v4(rest) {
                return reason;
            }
            bytes += 4;
            rest = "";
            break;
        }
        bytes += 2;
        rest = tail;
        if rest.is_empty() {
            break;
        }
        let Some(after) = rest.strip_prefix(':') else {
            return ("unexpected character, want colon", rest);
        };
        if after.is_empty() {
            return ("colon must be followed by more characters", rest);
        }
        rest = after;
        if let Some(after) = rest.strip_prefix(':') {
            if ellipsis {
                return ("multiple :: in address", rest);
            }
            ellipsis = true;
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
    }
    if !rest.is_empty() {
        return ("trailing garbage after address", rest);
    }
    if bytes < 16 {
        return ("address string too short", "");
    }
    ("the :: must expand to at least one field of zeros", "")
}
