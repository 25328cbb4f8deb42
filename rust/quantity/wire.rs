//! Quantities in JSON: read from a string or a bare number, written as a string.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use super::Quantity;

impl<'de> Deserialize<'de> for Quantity {
    /// A string, or a bare number. From JSON only: as upstream does, the raw text between the quotes is parsed, so
    /// that `1e3` keeps its format and an escape is an error.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let text = raw.get();
        if text == "null" {
            return Ok(Self::default());
        }
        let unquoted = text
            .strip_prefix('"')
            .and_then(|text| text.strip_suffix('"'));
        Self::parse(unquoted.unwrap_or(text).trim()).map_err(serde::de::Error::custom)
    }
}

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
