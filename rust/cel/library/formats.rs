//! The format library of Kubernetes: named formats of texts, with the complaints of the API's validation.
//!
//! Start at [`overloads`]; [`FORMATS`] is the list.

use std::sync::{Arc, OnceLock};

use super::support::{global, member, no_overload, strings, text};
use super::url;
use crate::cel::overload::{EvalResult, Overload};
use crate::cel::regex::{self, GoRegex};
use crate::cel::types::Type;
use crate::cel::value::Value;

const FORMAT: Type = Type::Named("kubernetes.NamedFormat");

/// A format: its name, the function that gives it, the size its check counts as, the check.
struct Format {
    name: &'static str,
    function: &'static str,
    regex_size: u64,
    check: fn(&str) -> Vec<String>,
}

const FORMATS: [Format; 13] = [
    Format {
        name: "dns1123Label",
        function: "format.dns1123Label",
        regex_size: 30,
        check: dns1123_label,
    },
    Format {
        name: "dns1123Subdomain",
        function: "format.dns1123Subdomain",
        regex_size: 60,
        check: dns1123_subdomain,
    },
    Format {
        name: "dns1035Label",
        function: "format.dns1035Label",
        regex_size: 30,
        check: dns1035_label,
    },
    Format {
        name: "qualifiedName",
        function: "format.qualifiedName",
        regex_size: 60,
        check: qualified_name,
    },
    Format {
        name: "dns1123LabelPrefix",
        function: "format.dns1123LabelPrefix",
        regex_size: 30,
        check: |text| dns1123_label(&without_dash(text)),
    },
    Format {
        name: "dns1123SubdomainPrefix",
        function: "format.dns1123SubdomainPrefix",
        regex_size: 60,
        check: |text| dns1123_subdomain(&without_dash(text)),
    },
    Format {
        name: "dns1035LabelPrefix",
        function: "format.dns1035LabelPrefix",
        regex_size: 30,
        check: |text| dns1035_label(&without_dash(text)),
    },
    Format {
        name: "labelValue",
        function: "format.labelValue",
        regex_size: 40,
        check: label_value,
    },
    Format {
        name: "uri",
        function: "format.uri",
        regex_size: 1103,
        check: |text| url::parse_request(text).err().into_iter().collect(),
    },
    Format {
        name: "uuid",
        function: "format.uuid",
        regex_size: 70,
        check: |text| unless(matches(&UUID, text), "does not match the UUID format"),
    },
    Format {
        name: "byte",
        function: "format.byte",
        regex_size: 84,
        check: |text| unless(matches(&BASE64, text), "invalid base64"),
    },
    Format {
        name: "date",
        function: "format.date",
        regex_size: 71,
        check: |text| unless(is_date(text), "invalid date"),
    },
    Format {
        name: "datetime",
        function: "format.datetime",
        regex_size: 71,
        check: |text| unless(is_datetime(text), "invalid datetime"),
    },
];

pub(super) fn overloads() -> Vec<Overload> {
    let mut overloads = vec![
        member(
            "validate",
            "format-validate",
            vec![FORMAT, Type::String],
            Type::optional(Type::list(Type::String)),
            validate,
        ),
        global(
            "format.named",
            "format-named",
            vec![Type::String],
            Type::optional(FORMAT),
            |args| {
                let format =
                    find(text(args, 0)?).map(|format| Arc::new(Value::Format(format.name)));
                Ok(Value::Optional(format))
            },
        ),
    ];
    let constants: [fn(&[Value]) -> EvalResult; 13] = [
        |_| constant(0),
        |_| constant(1),
        |_| constant(2),
        |_| constant(3),
        |_| constant(4),
        |_| constant(5),
        |_| constant(6),
        |_| constant(7),
        |_| constant(8),
        |_| constant(9),
        |_| constant(10),
        |_| constant(11),
        |_| constant(12),
    ];
    for (format, constant) in FORMATS.iter().zip(constants) {
        overloads.push(global(
            format.function,
            format.function,
            vec![],
            FORMAT,
            constant,
        ));
    }
    overloads
}

fn constant(index: usize) -> EvalResult {
    match FORMATS.get(index) {
        Some(format) => Ok(Value::Format(format.name)),
        None => no_overload(),
    }
}

fn find(name: &str) -> Option<&'static Format> {
    FORMATS.iter().find(|format| format.name == name)
}

/// What checking a text against a format counts as.
pub(super) fn regex_size(name: &str) -> u64 {
    find(name).map_or(0, |format| format.regex_size)
}

fn validate(args: &[Value]) -> EvalResult {
    let Some(Value::Format(name)) = args.first() else {
        return no_overload();
    };
    let Some(format) = find(name) else {
        return no_overload();
    };
    let complaints = (format.check)(text(args, 1)?);
    Ok(Value::Optional(if complaints.is_empty() {
        None
    } else {
        Some(Arc::new(strings(complaints.iter().map(String::as_str))))
    }))
}

fn unless(good: bool, complaint: &str) -> Vec<String> {
    if good {
        vec![]
    } else {
        vec![complaint.to_owned()]
    }
}

/// An expression, compiled when first needed.
struct Pattern {
    text: &'static str,
    compiled: OnceLock<Option<GoRegex>>,
}

impl Pattern {
    const fn new(text: &'static str) -> Self {
        Self {
            text,
            compiled: OnceLock::new(),
        }
    }
}

static UUID: Pattern =
    Pattern::new("(?i)^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$");
static BASE64: Pattern = Pattern::new(
    "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})$",
);
/// The point is any character, as upstream has it.
static TIME: Pattern =
    Pattern::new("^([0-9]{2}):([0-9]{2}):([0-9]{2})(.[0-9]+)?(z|([+-][0-9]{2}:[0-9]{2}))$");
static DATE: Pattern = Pattern::new("^[0-9]{4}-[0-9]{2}-[0-9]{2}$");

fn matches(pattern: &Pattern, text: &str) -> bool {
    let compiled = pattern
        .compiled
        .get_or_init(|| regex::compile_for_reuse(pattern.text).ok());
    compiled.as_ref().is_some_and(|regex| regex.is_match(text))
}

fn is_date(text: &str) -> bool {
    if !matches(&DATE, text) {
        return false;
    }
    let number = |from, to| {
        text.get(from..to)
            .and_then(|digits| digits.parse::<u32>().ok())
            .unwrap_or(0)
    };
    let (year, month, day) = (number(0, 4), number(5, 7), number(8, 10));
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    (1..=days).contains(&day)
}

fn is_datetime(text: &str) -> bool {
    let lower = text.to_lowercase();
    let mut parts = lower.split('t');
    let (Some(date), Some(time)) = (parts.next(), parts.next()) else {
        return false;
    };
    let below = |from, to, most| time.get(from..to).is_some_and(|part| part <= most);
    is_date(date)
        && matches(&TIME, time)
        && below(0, 2, "23")
        && below(3, 5, "59")
        && below(6, 8, "59")
}

/// What a trailing dash of a name prefix leaves to check.
fn without_dash(text: &str) -> String {
    match text.strip_suffix('-') {
        // The character before the dash goes with it.
        Some(name) if !name.is_empty() => {
            let mut chars = name.chars();
            chars.next_back();
            format!("{}a", chars.as_str())
        }
        _ => text.to_owned(),
    }
}

const LABEL: &str = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const SUBDOMAIN: &str = "[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*";
const LABEL_1035: &str = "[a-z]([-a-z0-9]*[a-z0-9])?";
const NAME: &str = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";

fn regex_complaint(rule: &str, regex: &str, examples: &[&str]) -> String {
    let examples: Vec<String> = examples
        .iter()
        .map(|example| format!("'{example}', "))
        .collect();
    let examples = examples.join(" or ");
    format!("{rule} (e.g. {examples}regex used for validation is '{regex}')")
}

fn too_long(text: &str, most: usize, unit: &str) -> Option<String> {
    (text.len() > most).then(|| format!("must be no more than {most} {unit}"))
}

/// Whether a text begins and ends with an inner character and has only inner characters and separators between.
fn is_name(text: &str, inner: fn(u8) -> bool, separator: fn(u8) -> bool) -> bool {
    let bytes = text.as_bytes();
    bytes.first().is_some_and(|byte| inner(*byte))
        && bytes.last().is_some_and(|byte| inner(*byte))
        && bytes.iter().all(|byte| inner(*byte) || separator(*byte))
}

fn is_lower(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

fn is_dash(byte: u8) -> bool {
    byte == b'-'
}

fn is_label(text: &str) -> bool {
    is_name(text, is_lower, is_dash)
}

fn is_subdomain(text: &str) -> bool {
    text.split('.').all(is_label)
}

fn is_label_key(text: &str) -> bool {
    is_name(
        text,
        |byte| byte.is_ascii_alphanumeric(),
        |byte| matches!(byte, b'-' | b'_' | b'.'),
    )
}

fn dns1123_label(text: &str) -> Vec<String> {
    let mut complaints: Vec<String> = too_long(text, 63, "characters").into_iter().collect();
    if !is_label(text) {
        complaints.push(if is_subdomain(text) {
            "must not contain dots".to_owned()
        } else {
            regex_complaint(
                "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must \
                 start and end with an alphanumeric character",
                LABEL,
                &["my-name", "123-abc"],
            )
        });
    }
    complaints
}

fn dns1123_subdomain(text: &str) -> Vec<String> {
    subdomain(text, "characters")
}

/// The two copies of this check upstream has differ in the unit they name.
fn subdomain(text: &str, unit: &str) -> Vec<String> {
    let mut complaints: Vec<String> = too_long(text, 253, unit).into_iter().collect();
    if !is_subdomain(text) {
        complaints.push(regex_complaint(
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must \
             start and end with an alphanumeric character",
            SUBDOMAIN,
            &["example.com"],
        ));
    }
    complaints
}

fn dns1035_label(text: &str) -> Vec<String> {
    let mut complaints: Vec<String> = too_long(text, 63, "characters").into_iter().collect();
    if !(is_label(text) && text.starts_with(|c: char| c.is_ascii_lowercase())) {
        complaints.push(regex_complaint(
            "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic \
             character, and end with an alphanumeric character",
            LABEL_1035,
            &["my-name", "abc-123"],
        ));
    }
    complaints
}

fn label_value(text: &str) -> Vec<String> {
    let mut complaints: Vec<String> = too_long(text, 63, "bytes").into_iter().collect();
    if !text.is_empty() && !is_label_key(text) {
        complaints.push(regex_complaint(
            "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must \
             start and end with an alphanumeric character",
            &format!("({NAME})?"),
            &["MyValue", "my_value", "12345"],
        ));
    }
    complaints
}

fn qualified_name(text: &str) -> Vec<String> {
    let rule = regex_complaint(
        "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric \
         character",
        NAME,
        &["MyName", "my.name", "123-abc"],
    );
    let mut complaints = Vec::new();
    let name = match text.split_once('/') {
        None => text,
        Some((_, name)) if name.contains('/') => {
            return vec![format!(
                "a valid label key {rule} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
            )];
        }
        Some(("", name)) => {
            complaints.push("prefix part must be non-empty".to_owned());
            name
        }
        Some((prefix, name)) => {
            let parts = subdomain(prefix, "bytes");
            complaints.extend(parts.iter().map(|part| format!("prefix part {part}")));
            name
        }
    };
    if name.is_empty() {
        complaints.push("name part must be non-empty".to_owned());
    } else if let Some(complaint) = too_long(name, 63, "bytes") {
        complaints.push(format!("name part {complaint}"));
    }
    if !is_label_key(name) {
        complaints.push(format!("name part {rule}"));
    }
    complaints
}
