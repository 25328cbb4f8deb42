//! Quantities and versions against what upstream's own libraries answer.
//!
//! If this were deleted, nothing would hold the arithmetic of capacities and counters to upstream's. The vectors say
//! where they come from in their first line; the properties need none.

use std::cmp::Ordering;

use gpualloc::quantity::{Format, Quantity};
use gpualloc::version::Version;
use proptest::prelude::*;
use serde_json::Value;

fn vectors(text: &'static str) -> impl Iterator<Item = Value> {
    let mut lines = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("a vector is JSON"));
    let header = lines.next().expect("a header");
    assert!(header["origin"].is_string());
    lines
}

fn text<'a>(vector: &'a Value, field: &str) -> &'a str {
    vector[field].as_str().expect("a text")
}

fn quantity(vector: &Value, field: &str) -> Quantity {
    Quantity::parse(text(vector, field)).expect("a quantity")
}

fn format_name(format: Format) -> &'static str {
    match format {
        Format::DecimalSi => "DecimalSI",
        Format::BinarySi => "BinarySI",
        Format::DecimalExponent => "DecimalExponent",
    }
}

/// Holds a quantity to upstream's description of it.
fn check(quantity: &Quantity, expect: &Value, context: &Value) {
    assert_eq!(quantity.to_string(), text(expect, "printed"), "{context}");
    assert_eq!(
        format_name(quantity.format()),
        text(expect, "format"),
        "{context}"
    );
    assert_eq!(quantity.value(), expect["value"].as_i64(), "{context}");
    assert_eq!(
        quantity.milli_value(),
        expect["milli"].as_i64(),
        "{context}"
    );
    assert_eq!(quantity.as_i64(), expect["asInt64"].as_i64(), "{context}");
    assert_eq!(
        quantity.small().is_some(),
        expect["int64"] == true,
        "{context}"
    );
    let (mantissa, exponent) = quantity.parts();
    // The exponent of a zero means nothing; a finer one than a nano is not kept.
    if mantissa != 0 && expect["exponent"].as_i64() >= Some(-9) {
        assert_eq!(mantissa.to_string(), text(expect, "mantissa"), "{context}");
        assert_eq!(
            Some(i64::from(exponent)),
            expect["exponent"].as_i64(),
            "{context}"
        );
    }
}

#[test]
fn quantities_are_read_as_upstream_reads_them() {
    let all = vectors(include_str!("vectors/quantity.ndjson"));
    let mut seen = 0;
    for vector in all.filter(|vector| vector["text"].is_string()) {
        seen += 1;
        let parsed = Quantity::parse(text(&vector, "text"));
        if vector["large"] == true {
            let refused = "quantities above 10^25 are not supported";
            assert_eq!(parsed.err().as_deref(), Some(refused), "{vector}");
        } else if let Some(error) = vector["error"].as_str() {
            assert_eq!(parsed.err().as_deref(), Some(error), "{vector}");
        } else {
            check(&parsed.expect("upstream reads it"), &vector, &vector);
        }
    }
    assert!(seen > 1000);
}

#[test]
fn quantities_are_compared_and_added_as_upstream_does() {
    let all = vectors(include_str!("vectors/quantity.ndjson"));
    let mut seen = 0;
    for vector in all.filter(|vector| vector["a"].is_string()) {
        seen += 1;
        let (a, b) = (quantity(&vector, "a"), quantity(&vector, "b"));
        let order = vector["compare"].as_i64().map(|number| number.cmp(&0));
        assert_eq!(Some(a.cmp(&b)), order, "{vector}");
        assert_eq!(a == b, order == Some(Ordering::Equal), "{vector}");
        assert_eq!(
            a.same_representation(&b),
            vector["same"] == true,
            "{vector}"
        );
        for (result, field) in [(a.add(&b), "sum"), (a.sub(&b), "difference")] {
            if vector[field]["large"] != true {
                check(&result, &vector[field], &vector);
            }
        }
    }
    assert!(seen > 500);
}

#[test]
fn quantities_in_json_are_texts_or_bare_numbers() {
    let read = |json: &str| serde_json::from_str::<Quantity>(json).map(|read| read.to_string());
    assert_eq!(read("\" 1Gi\"").expect("trimmed"), "1Gi");
    assert_eq!(read("5").expect("whole"), "5");
    assert_eq!(read("1.5").expect("fraction"), "1500m");
    assert_eq!(read("1e3").expect("exponent"), "1e3");
    assert_eq!(read("null").expect("null"), "0");
    for wrong in ["true", "[]", "{}", "\"1\\u0047i\"", "\"\"", "\"1Q\""] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
    let from_value = serde_json::from_value::<Quantity>(serde_json::json!("2Gi"));
    assert_eq!(from_value.expect("from a value").to_string(), "2Gi");
}

#[test]
fn versions_are_read_and_compared_as_upstream_does() {
    let mut seen = 0;
    for vector in vectors(include_str!("vectors/version.ndjson")) {
        seen += 1;
        if vector["a"].is_string() {
            let parse = |field| Version::parse(text(&vector, field)).expect("a version");
            let order = vector["compare"].as_i64().map(|number| number.cmp(&0));
            assert_eq!(Some(parse("a").cmp(&parse("b"))), order, "{vector}");
            continue;
        }
        let answers = [
            (Version::parse(text(&vector, "text")), "printed", "error"),
            (
                Version::parse_normalized(text(&vector, "text")),
                "normalized",
                "normalizedError",
            ),
        ];
        for (answer, printed, error) in answers {
            let answer = answer.map(|version| version.to_string());
            assert_eq!(answer.as_deref().ok(), vector[printed].as_str(), "{vector}");
            assert_eq!(
                answer.as_deref().err().map(String::as_str),
                vector[error].as_str(),
                "{vector}"
            );
        }
    }
    assert!(seen > 1000);
}

fn any_quantity() -> impl Strategy<Value = Quantity> {
    let number = "[+-]?[0-9]{1,20}(\\.[0-9]{0,12})?";
    let suffix = "(n|u|m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi|Ei|e[+-]?[0-4]|)";
    (number, suffix).prop_filter_map("within the limit", |(number, suffix)| {
        Quantity::parse(&format!("{number}{suffix}")).ok()
    })
}

proptest! {
    #[test]
    fn printing_keeps_the_amount(quantity in any_quantity()) {
        // Above exa upstream prints decimal quantities without a suffix.
        let exa = 10_i128.pow(9 + 21);
        prop_assume!(quantity.nanos().abs() < exa || quantity.format() == Format::DecimalExponent);
        let printed = Quantity::parse(&quantity.to_string()).expect("what was printed");
        prop_assert_eq!(&printed, &quantity);
        prop_assert_eq!(printed.to_string(), quantity.to_string());
    }

    #[test]
    fn subtracting_undoes_adding(a in any_quantity(), b in any_quantity()) {
        prop_assert_eq!(a.add(&b).sub(&b), a.clone());
        prop_assert_eq!(a.add(&b), b.add(&a));
        prop_assert!(a.sub(&a).is_zero());
    }

    #[test]
    fn order_is_that_of_the_difference(a in any_quantity(), b in any_quantity()) {
        prop_assert_eq!(a.cmp(&b), a.sub(&b).sign());
        prop_assert_eq!(a.cmp(&b).reverse(), b.cmp(&a));
    }

    #[test]
    fn any_text_is_a_quantity_or_an_error(text in "\\PC*", number in "[-+.0-9eEKMi]{0,40}") {
        let _ = Quantity::parse(&text);
        let _ = Quantity::parse(&number);
        let _ = Version::parse(&text);
        let _ = Version::parse_normalized(&number);
    }
}
