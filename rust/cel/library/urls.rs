//! The URL library of Kubernetes.
//!
//! A URL value holds the text Go would print for it, which reads back to the same parts. Start at [`overloads`].

use std::collections::BTreeMap;
use std::sync::Arc;

use super::support::{global, member, no_overload, string, strings, text};
use super::url::{self, Url};
use crate::cel::overload::{EvalError, EvalResult, Overload};
use crate::cel::types::Type;
use crate::cel::value::{Key, Map, Value};

const URL: Type = Type::Named("kubernetes.URL");

pub(super) fn overloads() -> Vec<Overload> {
    use Type::{Bool, String};
    let of_url = |function, id, result, eval| member(function, id, vec![URL], result, eval);
    vec![
        global("url", "string_to_url", vec![String], URL, |args| {
            let url = url::parse(text(args, 0)?).map_err(|error| {
                EvalError::Message(format!(
                    "URL parse error during conversion from string: {error}"
                ))
            })?;
            Ok(Value::Url(Arc::from(url.text())))
        }),
        of_url("getScheme", "url_get_scheme", String, |args| {
            part(args, |url| url.scheme.clone())
        }),
        of_url("getHost", "url_get_host", String, |args| {
            part(args, Url::host)
        }),
        of_url("getHostname", "url_get_hostname", String, |args| {
            part(args, |url| url.host_and_port().0)
        }),
        of_url("getPort", "url_get_port", String, |args| {
            part(args, |url| url.host_and_port().1)
        }),
        of_url("getEscapedPath", "url_get_escaped_path", String, |args| {
            part(args, Url::escaped_path)
        }),
        of_url(
            "getQuery",
            "url_get_query",
            Type::map(String, Type::list(String)),
            query,
        ),
        global("isURL", "is_url_string", vec![String], Bool, |args| {
            Ok(Value::Bool(url::parse_request(text(args, 0)?).is_ok()))
        }),
    ]
}

fn read(args: &[Value]) -> Result<Url, EvalError> {
    match args.first() {
        Some(Value::Url(text)) => url::parse(text).map_err(EvalError::Message),
        _ => no_overload(),
    }
}

fn part(args: &[Value], pick: fn(&Url) -> String) -> EvalResult {
    Ok(string(&pick(&read(args)?)))
}

fn query(args: &[Value]) -> EvalResult {
    let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (key, value) in read(args)?.query() {
        values.entry(key).or_default().push(value);
    }
    let entries = values.into_iter().map(|(key, values)| {
        let values = strings(values.iter().map(String::as_str));
        (Key::String(Arc::from(key)), values)
    });
    Ok(Value::Map(Arc::new(Map {
        entries: entries.collect(),
        default_empty: false,
        is_native: false,
    })))
}
