//! Selectors and derived attributes in CEL: a moderate repertoire over the attributes that devices publish here.
//!
//! Breadth of the language is not the point (`tests/cel_differential` has that), but that selectors pass, refuse and
//! fail. No expression depends on the order of a map, which is random upstream.

use serde_json::{Value, json};

use super::plan::Topic;
use super::{COMMON, Maker};

/// Comment in expressions that fail at run time on some device or other, so that they can be told from the others.
pub(crate) const FAILING: &str = "can fail";

impl Maker {
    fn path(&mut self, attribute: &'static str, driver: &str) -> (String, String) {
        let domain = if self.common.contains(&attribute) {
            COMMON
        } else {
            driver
        };
        let map = format!("device.attributes[\"{domain}\"]");
        let full = if self.random.chance(80) {
            format!("{map}.{attribute}")
        } else {
            format!("{map}[\"{attribute}\"]")
        };
        (map, full)
    }

    /// A selector; mostly one that holds for many devices.
    pub(super) fn selector(&mut self, driver: &str) -> Value {
        let expression = if self.roll(Topic::Broken) && self.random.chance(6) {
            self.pick(&[
                "device.foo",
                "1 +",
                "device.driver",
                "size(device.driver)",
                "device.attributes[0]",
                "\"x\" == 1",
            ])
            .to_owned()
        } else if self.roll(Topic::CelErrors) && self.random.chance(50) {
            self.failing(driver)
        } else {
            self.sound(driver)
        };
        if self.roll(Topic::Broken) && self.random.chance(2) {
            return json!({});
        }
        json!({"cel": {"expression": expression}})
    }

    /// Fails at run time on devices that lack something or have another type.
    fn failing(&mut self, driver: &str) -> String {
        let (_, numa) = self.path("numa", driver);
        let (_, model) = self.path("model", driver);
        let (_, firmware) = self.path("firmware", driver);
        let text = match self.random.below(9) {
            0 => format!("{numa} < 2"),
            1 => format!("{model} == \"A\" || {model} == \"B\""),
            2 => format!("{firmware}.isLessThan(semver(\"2.0.0\"))"),
            3 => format!("device.capacity[\"{driver}\"].memory.compareTo(quantity(\"20Gi\")) >= 0"),
            4 => "device.attributes[\"no.such.domain\"].x == 1".to_owned(),
            5 => format!("{model}.startsWith(\"A\") || {numa} == 1"),
            6 => format!("int(device.driver) == 1 || {numa} >= 0"),
            7 => format!("device.driver != \"{driver}\" || {numa} > 0"),
            _ => model.clone(),
        };
        format!("{text} // {FAILING}")
    }

    /// Never fails on well-formed devices.
    fn sound(&mut self, driver: &str) -> String {
        let (numas, numa) = self.path("numa", driver);
        let (models, model) = self.path("model", driver);
        let (fasts, fast) = self.path("fast", driver);
        let (firmwares, firmware) = self.path("firmware", driver);
        let (links, link) = self.path("links", driver);
        let letter = self.pick(&["A", "B", "C"]);
        let other = self.pick(&["A", "B", "C"]);
        let limit = self.random.below(3);
        match self.random.below(16) {
            0 => "true".to_owned(),
            1 | 2 => format!("device.driver == \"{driver}\""),
            3 => format!("has({models}.model) && {model} == \"{letter}\""),
            4 => format!("\"model\" in {models} && {model} in [\"{letter}\", \"{other}\"]"),
            5 => format!("!(has({models}.model) && {model} == \"{letter}\")"),
            6 => format!("{numas}.?numa.orValue(0) <= {limit}"),
            7 => format!("has({numas}.numa) && {numa} != {limit}"),
            8 => format!("has({fasts}.fast) && {fast}"),
            9 => format!("{fasts}.?fast.orValue(true)"),
            10 => format!(
                "\"memory\" in device.capacity[\"{driver}\"] && device.capacity[\"{driver}\"].memory.isGreaterThan(quantity(\"20Gi\"))"
            ),
            11 => "device.allowMultipleAllocations".to_owned(),
            12 => {
                format!("has({firmwares}.firmware) && {firmware}.isGreaterThan(semver(\"1.5.0\"))")
            }
            13 => format!("has({links}.links) && {link}.includes({limit})"),
            14 => format!(
                "device.attributes.exists(d, d == \"{driver}\") || device.driver == \"{driver}\""
            ),
            _ => format!("size({numas}) > {limit}"),
        }
    }

    /// Expression of a derived attribute: coarser or finer than what the devices publish.
    pub(super) fn derived(&mut self, driver: &str) -> String {
        let (numas, numa) = self.path("numa", driver);
        let (models, model) = self.path("model", driver);
        let (links, link) = self.path("links", driver);
        match self.random.below(14) {
            0..3 => format!("{numas}.?numa.orValue(0) / 2"),
            3..5 => format!("{numas}.?numa.orValue(0) == 0"),
            5 => format!("{models}.?model.orValue(\"none\")"),
            6 => format!("has({models}.model) && {model} == \"A\" ? \"good\" : \"plain\""),
            7 => format!("has({links}.links) ? {link} : {numas}.?numa.orValue(1)"),
            8 => "device.driver".to_owned(),
            9 => format!("[int({numas}.?numa.orValue(0)), 7]"),
            10 => format!("device.driver == \"{driver}\" ? 1 : 2"),
            11 => "semver(\"1.2.0\")".to_owned(),
            12 if self.plan.heat(Topic::CelErrors) > 0 => numa,
            _ => format!("{numas}.?numa.orValue(0) + 1"),
        }
    }
}
