//! Placeholder removed at merge.
#![allow(missing_docs, unused)]
use std::collections::BTreeMap;
use std::sync::Arc;
use crate::wire::slice::{DeviceAttribute, DeviceCapacity};
#[derive(Debug)] pub struct Device;
impl Device { pub fn new(_: &str, _: &BTreeMap<String, DeviceAttribute>, _: &BTreeMap<String, DeviceCapacity>, _: Option<bool>) -> Self { Self } }
#[derive(Debug)] pub struct Selector;
#[derive(Debug)] pub struct Derived;
impl Selector { pub fn matches(&self, _: &Device) -> Result<bool, String> { Ok(true) } }
impl Derived { pub fn value(&self, _: &Device) -> Result<DeviceAttribute, String> { Err("x".into()) } }
#[derive(Debug, Default)] pub struct Cache;
impl Cache { pub fn selector(&self, _: &str) -> Arc<Result<Selector, String>> { Arc::new(Ok(Selector)) } pub fn derived(&self, _: &str) -> Arc<Result<Derived, String>> { Arc::new(Ok(Derived)) } }
