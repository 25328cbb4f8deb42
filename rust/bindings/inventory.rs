//! `gpualloc.Inventory`: the immutable snapshot and everything that is asked of it.
//!
//! Reads arguments, lets go of the interpreter, calls the engine. Start at [`Inventory`].

use std::borrow::Cow;
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};

use super::advice::Advice;
use super::answer::Answer;
use super::ask;
use super::convert::{Documents, to_python};
use super::interrupt;
use super::record::{Held, Objection, Remark};
use super::survey::Survey;
use crate::advice::{self, advise};
use crate::allocation::{
    self, Options, allocate_each, allocate_first, allocate_first_by_name, allocate_pod_each,
    allocate_pod_first, prove_on, survey,
};
use crate::claim::key;
use crate::error::InputError;
use crate::in_turn::InTurn;
use crate::inventory::{self as engine, ClaimKey};
use crate::proof::Proof;
use crate::verify;
use crate::wire::claim::ResourceClaim;
use crate::wire::document::from_text;

/// See the stub `_native.pyi`, which documents the whole surface.
#[pyclass(frozen, eq, module = "gpualloc", skip_from_py_object)]
#[derive(Clone, PartialEq)]
pub(super) struct Inventory(pub(super) engine::Inventory);

/// How a question is asked: the arguments that all the allocating methods share.
struct Question {
    /// The nodes to try; nothing means all, by name.
    nodes: Option<Vec<String>>,
    options: Options<'static>,
}

impl Question {
    fn nodes(&self, inventory: &engine::Inventory) -> Cow<'_, [String]> {
        match &self.nodes {
            Some(nodes) => Cow::Borrowed(nodes),
            None => Cow::Owned(inventory.node_names()),
        }
    }
}

impl Inventory {
    fn question(
        &self,
        nodes: Option<&Bound<'_, PyAny>>,
        exclude: Option<&Bound<'_, PyAny>>,
        max_steps: Option<&Bound<'_, PyAny>>,
        kubernetes: &str,
        feature_gates: Option<&Bound<'_, PyDict>>,
        share_ids: Option<ask::ShareIds>,
    ) -> PyResult<Question> {
        let exclude = ask::names("exclude", exclude)?.unwrap_or_default();
        let (left_out, devices) = ask::exclude(exclude)?;
        let mut options = Options {
            features: ask::features(kubernetes, feature_gates)?,
            exclude: devices,
            share_ids: ask::share_ids(share_ids.unwrap_or_default())?,
            ..Options::default()
        };
        if let Some(steps) = ask::steps(max_steps)? {
            options.max_steps = steps;
        }
        Ok(Question {
            nodes: ask::nodes(&self.0, ask::names("nodes", nodes)?, &left_out),
            options,
        })
    }

    fn asked(&self, claims: Option<&Bound<'_, PyAny>>, pod: Option<&str>) -> PyResult<Asked> {
        match (claims, pod) {
            (Some(claims), None) => Ok(Asked::Claims(ask::claims(&self.0, claims)?)),
            (None, Some(pod)) => Ok(Asked::Pod(ask::key(pod))),
            _ => {
                Err(InputError::new("", "claims", "give either claims or pod, and not both").into())
            }
        }
    }
}

/// For what devices are asked.
enum Asked {
    Claims(Vec<Arc<ResourceClaim>>),
    Pod(ClaimKey),
}

impl Asked {
    fn allocate(
        &self,
        inventory: &engine::Inventory,
        question: &Question,
        options: &Options<'_>,
    ) -> Result<allocation::Answer, InputError> {
        match (self, &question.nodes) {
            (Self::Claims(claims), None) => Ok(allocate_first_by_name(inventory, claims, options)),
            (Self::Claims(claims), Some(nodes)) => {
                Ok(allocate_first(inventory, nodes, claims, options))
            }
            (Self::Pod(pod), _) => {
                allocate_pod_first(inventory, &question.nodes(inventory), pod, options)
            }
        }
    }

    fn place(
        &self,
        turn: &mut InTurn,
        question: &Question,
        options: &Options<'_>,
    ) -> Result<allocation::Answer, InputError> {
        if let (Self::Claims(claims), None) = (self, &question.nodes) {
            return Ok(turn.place(claims, options));
        }
        let answer = self.allocate(turn.inventory(), question, options)?;
        // Nothing lies between the snapshot of the answer and this one, so a placed answer cannot conflict.
        if answer.is_placed() {
            let _ = turn.commit(&answer);
        }
        Ok(answer)
    }
}

#[pymethods]
impl Inventory {
    #[new]
    fn new() -> Self {
        Self(engine::Inventory::new())
    }

    #[staticmethod]
    #[pyo3(signature = (documents, *, apply_defaults=true))]
    fn from_documents(
        py: Python<'_>,
        documents: &Bound<'_, PyAny>,
        apply_defaults: bool,
    ) -> PyResult<Self> {
        let documents = Documents::new(documents)?;
        let text = documents.text()?;
        let text: &[u8] = &text;
        let inventory = py.detach(|| {
            if apply_defaults {
                engine::Inventory::from_json(text)
            } else {
                engine::Inventory::from_json_as_is(text)
            }
        });
        Ok(Self(inventory?))
    }

    #[staticmethod]
    fn from_state(py: Python<'_>, state: &[u8]) -> PyResult<Self> {
        let text = std::str::from_utf8(state)
            .map_err(|error| InputError::new("inventory state", "", error.to_string()))?;
        Ok(Self(
            py.detach(|| engine::Inventory::from_state_json(text))?,
        ))
    }

    fn to_state<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let text = py.detach(|| self.0.to_state_json());
        PyBytes::new(py, text.as_bytes())
    }

    fn with_nodes_like(
        &self,
        py: Python<'_>,
        like: &str,
        names: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let names = ask::names("names", Some(names))?.unwrap_or_default();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        Ok(Self(py.detach(|| self.0.with_nodes_like(like, &names))?))
    }

    #[pyo3(signature = (documents=None, deleted=None))]
    fn update(
        &self,
        py: Python<'_>,
        documents: Option<&Bound<'_, PyAny>>,
        deleted: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let documents = documents.map(Documents::new).transpose()?;
        let text = documents
            .as_ref()
            .map(Documents::text)
            .transpose()?
            .unwrap_or_default();
        let deleted = deleted.map(ask::deleted).transpose()?.unwrap_or_default();
        let text: &[u8] = &text;
        Ok(Self(py.detach(|| self.0.update(text, &deleted))?))
    }

    #[pyo3(signature = (claims=None, *, pod=None, nodes=None, exclude=None, max_steps=None, kubernetes="1.37", feature_gates=None, share_ids=None))]
    #[expect(
        clippy::too_many_arguments,
        reason = "keyword arguments of one Python call"
    )]
    fn allocate(
        &self,
        py: Python<'_>,
        claims: Option<&Bound<'_, PyAny>>,
        pod: Option<&str>,
        nodes: Option<&Bound<'_, PyAny>>,
        exclude: Option<&Bound<'_, PyAny>>,
        max_steps: Option<&Bound<'_, PyAny>>,
        kubernetes: &str,
        feature_gates: Option<&Bound<'_, PyDict>>,
        share_ids: Option<ask::ShareIds>,
    ) -> PyResult<Answer> {
        let question = self.question(
            nodes,
            exclude,
            max_steps,
            kubernetes,
            feature_gates,
            share_ids,
        )?;
        let asked = self.asked(claims, pod)?;
        let answer = interrupt::search(py, &question.options, |options| {
            asked.allocate(&self.0, &question, options)
        })?;
        Ok(Answer::new(answer?))
    }

    #[pyo3(signature = (claims=None, *, pod=None, nodes=None, exclude=None, max_steps=None, kubernetes="1.37", feature_gates=None, share_ids=None))]
    #[expect(
        clippy::too_many_arguments,
        reason = "keyword arguments of one Python call"
    )]
    fn allocate_each_node(
        &self,
        py: Python<'_>,
        claims: Option<&Bound<'_, PyAny>>,
        pod: Option<&str>,
        nodes: Option<&Bound<'_, PyAny>>,
        exclude: Option<&Bound<'_, PyAny>>,
        max_steps: Option<&Bound<'_, PyAny>>,
        kubernetes: &str,
        feature_gates: Option<&Bound<'_, PyDict>>,
        share_ids: Option<ask::ShareIds>,
    ) -> PyResult<Vec<Answer>> {
        let question = self.question(
            nodes,
            exclude,
            max_steps,
            kubernetes,
            feature_gates,
            share_ids,
        )?;
        let asked = self.asked(claims, pod)?;
        let nodes = question.nodes(&self.0);
        let answers = interrupt::search(py, &question.options, |options| match &asked {
            Asked::Claims(claims) => Ok(allocate_each(&self.0, &nodes, claims, options)),
            Asked::Pod(pod) => allocate_pod_each(&self.0, &nodes, pod, options),
        })?;
        Ok(answers?.into_iter().map(Answer::new).collect())
    }

    #[pyo3(signature = (asks=None, *, pods=None, nodes=None, exclude=None, max_steps=None, kubernetes="1.37", feature_gates=None, share_ids=None))]
    #[expect(
        clippy::too_many_arguments,
        reason = "keyword arguments of one Python call"
    )]
    fn allocate_many(
        &self,
        py: Python<'_>,
        asks: Option<Vec<Bound<'_, PyAny>>>,
        pods: Option<Vec<String>>,
        nodes: Option<&Bound<'_, PyAny>>,
        exclude: Option<&Bound<'_, PyAny>>,
        max_steps: Option<&Bound<'_, PyAny>>,
        kubernetes: &str,
        feature_gates: Option<&Bound<'_, PyDict>>,
        share_ids: Option<ask::ShareIds>,
    ) -> PyResult<(Self, Vec<Answer>)> {
        let question = self.question(
            nodes,
            exclude,
            max_steps,
            kubernetes,
            feature_gates,
            share_ids,
        )?;
        let asks: Vec<Asked> = match (asks, pods) {
            (Some(asks), None) => {
                let asks = asks
                    .iter()
                    .map(|claims| ask::claims(&self.0, claims).map(Asked::Claims));
                asks.collect::<PyResult<_>>()?
            }
            (None, Some(pods)) => pods.iter().map(|pod| Asked::Pod(ask::key(pod))).collect(),
            _ => {
                return Err(
                    InputError::new("", "asks", "give either asks or pods, and not both").into(),
                );
            }
        };
        let result = interrupt::search(py, &question.options, |options| {
            let mut turn = InTurn::new(self.0.clone());
            let answers = turn.place_all(&asks, options, &mut |turn, asked| {
                asked.place(turn, &question, options)
            })?;
            Ok::<_, InputError>((turn.inventory().clone(), answers))
        })?;
        let (after, answers) = result?;
        Ok((Self(after), answers.into_iter().map(Answer::new).collect()))
    }

    #[pyo3(signature = (claims=None, *, pod=None, nodes=None, exclude=None, max_steps=None, kubernetes="1.37", feature_gates=None))]
    #[expect(
        clippy::too_many_arguments,
        reason = "keyword arguments of one Python call"
    )]
    fn explain(
        &self,
        py: Python<'_>,
        claims: Option<&Bound<'_, PyAny>>,
        pod: Option<&str>,
        nodes: Option<&Bound<'_, PyAny>>,
        exclude: Option<&Bound<'_, PyAny>>,
        max_steps: Option<&Bound<'_, PyAny>>,
        kubernetes: &str,
        feature_gates: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Advice> {
        let question = self.question(nodes, exclude, max_steps, kubernetes, feature_gates, None)?;
        let asked = match self.asked(claims, pod)? {
            Asked::Claims(claims) => advice::Asked::Claims(claims),
            Asked::Pod(pod) => advice::Asked::Pod(pod),
        };
        let advice = interrupt::search(py, &question.options, |options| {
            let options = advice::Options {
                allocation: options.clone(),
                ..advice::Options::default()
            };
            advise(&self.0, &question.nodes(&self.0), &asked, &options)
        })?;
        Ok(Advice::new(advice?))
    }

    #[pyo3(signature = (claims, *, before=None, max_steps=None, kubernetes="1.37", feature_gates=None))]
    fn survey(
        &self,
        py: Python<'_>,
        claims: &Bound<'_, PyAny>,
        before: Option<&Survey>,
        max_steps: Option<&Bound<'_, PyAny>>,
        kubernetes: &str,
        feature_gates: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Survey> {
        let question = self.question(None, None, max_steps, kubernetes, feature_gates, None)?;
        let claims = ask::claims(&self.0, claims)?;
        let before = before.map(|before| &before.survey);
        let survey = interrupt::search(py, &question.options, |options| {
            survey(&self.0, &claims, options, before)
        })?;
        Ok(Survey::new(survey, question.options))
    }

    #[pyo3(signature = (claims, *, node, exclude=None, max_steps=None, kubernetes="1.37", feature_gates=None))]
    #[expect(
        clippy::too_many_arguments,
        reason = "keyword arguments of one Python call"
    )]
    fn prove<'py>(
        &self,
        py: Python<'py>,
        claims: &Bound<'py, PyAny>,
        node: &str,
        exclude: Option<&Bound<'_, PyAny>>,
        max_steps: Option<&Bound<'_, PyAny>>,
        kubernetes: &str,
        feature_gates: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let question = self.question(None, exclude, max_steps, kubernetes, feature_gates, None)?;
        let claims = ask::claims(&self.0, claims)?;
        let proof = interrupt::search(py, &question.options, |options| {
            prove_on(&self.0, node, &claims, options)
        })?;
        proof.map(|proof| to_python(py, &proof)).transpose()
    }

    #[pyo3(signature = (proof, claims, *, node, exclude=None, kubernetes="1.37", feature_gates=None))]
    #[expect(
        clippy::too_many_arguments,
        reason = "keyword arguments of one Python call"
    )]
    fn check_proof(
        &self,
        py: Python<'_>,
        proof: &Bound<'_, PyAny>,
        claims: &Bound<'_, PyAny>,
        node: &str,
        exclude: Option<&Bound<'_, PyAny>>,
        kubernetes: &str,
        feature_gates: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Vec<String>> {
        let question = self.question(None, exclude, None, kubernetes, feature_gates, None)?;
        let claims = ask::claims(&self.0, claims)?;
        let text = Documents::new(proof)?;
        let text = text.text()?;
        let proof: Proof = from_text("proof", &String::from_utf8_lossy(&text))?;
        let Options {
            features, exclude, ..
        } = question.options;
        let checked = py.detach(|| {
            // Claims that hold something already ask for nothing.
            let is_open = |claim: &&Arc<ResourceClaim>| {
                claim.status.allocation.is_none() && self.0.held(&key(claim)).is_none()
            };
            let open: Vec<&ResourceClaim> =
                claims.iter().filter(is_open).map(AsRef::as_ref).collect();
            verify::check_proof(&self.0, node, &open, &exclude, features, &proof)
        });
        Ok(checked.err().unwrap_or_default())
    }

    fn commit(&self, py: Python<'_>, answer: &Answer) -> PyResult<Self> {
        Ok(Self(py.detach(|| self.0.commit(answer.inner()))?))
    }

    fn release(&self, claim: &str) -> PyResult<Self> {
        let key = ask::key(claim);
        if self.0.held(&key).is_none() && self.0.claim(&key).is_none() {
            let named = format!("ResourceClaim {claim}");
            return Err(InputError::new(named, "", "is not in the inventory").into());
        }
        Ok(Self(self.0.release(&key)))
    }

    fn held(&self, claim: &str) -> Option<Held> {
        self.0.held(&ask::key(claim)).cloned().map(Held::new)
    }

    #[pyo3(signature = (claim, *, owner=None, priority=None, queue=None, preemptible=None))]
    fn with_caller_data(
        &self,
        claim: &str,
        owner: Option<String>,
        priority: Option<i64>,
        queue: Option<String>,
        preemptible: Option<bool>,
    ) -> PyResult<Self> {
        let held = self.0.held(&ask::key(claim)).ok_or_else(|| {
            InputError::new(format!("ResourceClaim {claim}"), "", "holds nothing")
        })?;
        let mut held = held.as_ref().clone();
        held.caller = engine::CallerData {
            owner,
            priority,
            queue,
            preemptible,
        };
        Ok(Self(self.0.hold(held)))
    }

    #[pyo3(signature = (claim, *, node=None, kubernetes="1.37", feature_gates=None))]
    fn verify(
        &self,
        py: Python<'_>,
        claim: &str,
        node: Option<&str>,
        kubernetes: &str,
        feature_gates: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Vec<Objection>> {
        let features = ask::features(kubernetes, feature_gates)?;
        let key = ask::key(claim);
        let objections = py.detach(|| self.0.verify_held(&key, node, features))?;
        Ok(objections.into_iter().map(Objection::new).collect())
    }

    #[pyo3(signature = (pod, *, kubernetes="1.37", feature_gates=None))]
    fn claims_of_pod<'py>(
        &self,
        py: Python<'py>,
        pod: &str,
        kubernetes: &str,
        feature_gates: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let features = ask::features(kubernetes, feature_gates)?;
        let claims = self.0.claims_of_pod(&ask::key(pod), features)?;
        to_python(py, &claims)
    }

    #[getter]
    fn report<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(
            py,
            self.0
                .report()
                .remarks()
                .iter()
                .cloned()
                .map(Remark::new)
                .collect::<Vec<_>>(),
        )
    }

    #[getter]
    fn nodes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.0.node_names())
    }

    #[getter]
    fn claims<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let names: Vec<String> = self
            .0
            .claims()
            .map(|claim| crate::claim::key(claim).to_string())
            .collect();
        PyTuple::new(py, names)
    }

    #[getter]
    fn held_claims<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let names: Vec<String> = self
            .0
            .held_claims()
            .map(|held| held.key.to_string())
            .collect();
        PyTuple::new(py, names)
    }

    #[getter]
    fn pods<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let pods = self
            .0
            .pods()
            .map(|pod| ClaimKey::new(&pod.metadata.namespace, &pod.metadata.name));
        PyTuple::new(py, pods.map(|key| key.to_string()).collect::<Vec<_>>())
    }

    fn __reduce__<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<(Bound<'py, PyAny>, (Bound<'py, PyBytes>,))> {
        let from_state = py.get_type::<Self>().getattr("from_state")?;
        Ok((from_state, (self.to_state(py),)))
    }

    fn __repr__(&self) -> String {
        let slices = self.0.slices().count();
        let devices: usize = self
            .0
            .slices()
            .map(|slice| slice.document().spec.devices.len())
            .sum();
        let (nodes, held) = (self.0.node_names().len(), self.0.held_claims().count());
        format!(
            "<Inventory: {nodes} nodes, {devices} devices in {slices} slices, {held} claims held>"
        )
    }
}
