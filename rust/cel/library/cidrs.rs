//! The CIDR library of Kubernetes, with Go's reading of prefixes.
//!
//! Start at [`overloads`].

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::ips::{self, IP};
use super::quoting::go_quote;
use super::support::{global, member, no_overload, string, text};
use crate::cel::overload::{EvalError, Overload};
use crate::cel::types::Type;
use crate::cel::value::Value;

const CIDR: Type = Type::Named("net.CIDR");
const PARSE_ERROR: &str = "network address parse error during conversion from string: ";

pub(super) fn overloads() -> Vec<Overload> {
    use Type::{Bool, Int, String};
    let holds = |function, id, other, eval| member(function, id, vec![CIDR, other], Bool, eval);
    vec![
        global("cidr", "string_to_cidr", vec![String], CIDR, |args| {
            parse(text(args, 0)?)
                .map(|(address, bits)| Value::Cidr(address, bits))
                .map_err(|error| EvalError::Message(format!("{PARSE_ERROR}{error}")))
        }),
        holds("containsIP", "cidr_contains_ip_string", String, |args| {
            // Upstream loses the reason why the text is no address.
            match ips::parse(text(args, 1)?) {
                Ok(address) => Ok(contains_ip(cidr(args, 0)?, address)),
                Err(_) => no_overload(),
            }
        }),
        holds("containsIP", "cidr_contains_ip_ip", IP, |args| {
            match args.get(1) {
                Some(Value::Ip(address)) => Ok(contains_ip(cidr(args, 0)?, *address)),
                _ => no_overload(),
            }
        }),
        holds(
            "containsCIDR",
            "cidr_contains_cidr_string",
            String,
            |args| {
                let other = parse(text(args, 1)?)
                    .map_err(|error| EvalError::Message(format!("{PARSE_ERROR}{error}")))?;
                Ok(contains_cidr(cidr(args, 0)?, other))
            },
        ),
        holds("containsCIDR", "cidr_contains_cidr", CIDR, |args| {
            Ok(contains_cidr(cidr(args, 0)?, cidr(args, 1)?))
        }),
        member("ip", "cidr_ip", vec![CIDR], IP, |args| {
            Ok(Value::Ip(cidr(args, 0)?.0))
        }),
        member(
            "prefixLength",
            "cidr_prefix_length",
            vec![CIDR],
            Int,
            |args| Ok(Value::Int(i64::from(cidr(args, 0)?.1))),
        ),
        member("masked", "cidr_masked", vec![CIDR], CIDR, |args| {
            let (address, bits) = cidr(args, 0)?;
            Ok(Value::Cidr(mask(address, bits), bits))
        }),
        global("isCIDR", "is_cidr", vec![String], Bool, |args| {
            Ok(Value::Bool(parse(text(args, 0)?).is_ok()))
        }),
        global("string", "cidr_to_string", vec![CIDR], String, |args| {
            let (address, bits) = cidr(args, 0)?;
            Ok(string(&format!("{address}/{bits}")))
        }),
    ]
}

fn cidr(args: &[Value], position: usize) -> Result<(IpAddr, u8), EvalError> {
    match args.get(position) {
        Some(Value::Cidr(address, bits)) => Ok((*address, *bits)),
        _ => no_overload(),
    }
}

fn contains_ip((network, bits): (IpAddr, u8), address: IpAddr) -> Value {
    let same_family = network.is_ipv4() == address.is_ipv4();
    Value::Bool(same_family && mask(network, bits) == mask(address, bits))
}

fn contains_cidr(outer: (IpAddr, u8), inner: (IpAddr, u8)) -> Value {
    if outer.1 > inner.1 {
        return Value::Bool(false);
    }
    contains_ip(outer, inner.0)
}

/// The address with only its first bits.
fn mask(address: IpAddr, bits: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX
                .checked_shl(32_u32.saturating_sub(u32::from(bits)))
                .unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from_bits(address.to_bits() & mask))
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX
                .checked_shl(128_u32.saturating_sub(u32::from(bits)))
                .unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & mask))
        }
    }
}

/// Reads a network as the library does.
fn parse(text: &str) -> Result<(IpAddr, u8), String> {
    let (address, bits) = parse_go(text).map_err(|error| {
        format!(
            "{PARSE_ERROR}netip.ParsePrefix({}): {error}",
            go_quote(text)
        )
    })?;
    if ips::is_mapped(&address) {
        return Err(format!(
            "IPv4-mapped IPv6 address {} is not allowed",
            go_quote(text)
        ));
    }
    Ok((address, bits))
}

/// Reads a network as Go's `netip.ParsePrefix`.
fn parse_go(text: &str) -> Result<(IpAddr, u8), String> {
    let Some((address, bits)) = text.rsplit_once('/') else {
        return Err("no '/'".to_owned());
    };
    let (address, zone) = ips::parse_go(address)?;
    if zone {
        return Err("IPv6 zones cannot be present in a prefix".to_owned());
    }
    let bad = || format!("bad bits after slash: {}", go_quote(bits));
    if bits.len() > 1 && !bits.starts_with(|c: char| ('1'..='9').contains(&c)) {
        return Err(bad());
    }
    if bits.is_empty() || bits.bytes().any(|b| !b.is_ascii_digit()) {
        return Err(bad());
    }
    // What does not even fit an integer of 64 bits is a bad number, not one out of range.
    let number: i64 = bits.parse().map_err(|_| bad())?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    match u8::try_from(number) {
        Ok(bits) if bits <= most => Ok((address, bits)),
        _ => Err("prefix length out of range".to_owned()),
    }
}
