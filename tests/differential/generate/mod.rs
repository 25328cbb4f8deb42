//! Random allocation cases: small clusters rich in features, and claims that only just fit or only just do not.
//!
//! A case is a function of seed and index alone. Never looks at an answer; `bite.rs` measures whether the cases decide
//! anything. Start reading at [`case`]; what a case is about is chosen in `plan.rs`.

mod claim;
mod device;
mod expression;
mod held;
mod plan;
mod pool;
mod request;

use serde_json::{Value, json};

use crate::random::Random;
use plan::{Plan, Topic};

pub(crate) use expression::FAILING;

/// Domain of the attributes that several drivers publish.
const COMMON: &str = "dra.example.com";

/// The case with this index of the sequence that starts from `seed`.
pub(crate) fn case(seed: u64, index: u64) -> Value {
    let mut random = Random::new(seed.wrapping_mul(0x2545_f491_4f6c_dd1d).wrapping_add(index));
    let plan = Plan::new(&mut random);
    let features = plan.gates(&mut random);
    let mut maker = Maker::new(random, plan);
    maker.pools();
    let held = maker.held();
    let classes = maker.classes();
    let claims = maker.claims();
    let rules = maker.taint_rules();
    let mut slices = std::mem::take(&mut maker.slices);
    slices.sort_by(|a, b| {
        let name = |slice: &Value| slice["metadata"]["name"].as_str().map(str::to_owned);
        name(a).cmp(&name(b))
    });
    let mut case = json!({
        "name": format!("{seed}-{index}"),
        "features": features,
        "nodes": maker.node_documents,
        "classes": classes,
        "slices": slices,
        "claims": claims,
    });
    for (field, documents) in [("taintRules", rules), ("held", held)] {
        if !documents.is_empty() {
            case[field] = Value::Array(documents);
        }
    }
    if maker.random.chance(3) {
        case["taintRulesEnabled"] = json!(false);
    }
    case
}

/// A device as the later stages need to know it.
struct Made {
    driver: String,
    pool: String,
    name: String,
    shared: bool,
    capacities: Vec<String>,
}

/// A case in the making.
struct Maker {
    random: Random,
    plan: Plan,
    nodes: Vec<String>,
    node_documents: Vec<Value>,
    drivers: Vec<String>,
    slices: Vec<Value>,
    devices: Vec<Made>,
    /// Attributes that are published under the common domain in this case.
    common: Vec<&'static str>,
}

impl Maker {
    fn new(mut random: Random, plan: Plan) -> Self {
        let drivers = ["gpu.example.com", "nic.example.com", "tpu.example.com"];
        let count = match random.below(10) {
            0..6 => 1,
            6..9 => 2,
            _ => 3,
        };
        let common = ["numa", "model", "fast", "firmware", "links"]
            .into_iter()
            .filter(|_| random.chance(if count > 1 { 60 } else { 25 }))
            .collect();
        let mut maker = Self {
            random,
            plan,
            nodes: Vec::new(),
            node_documents: Vec::new(),
            drivers: drivers[..count].iter().map(ToString::to_string).collect(),
            slices: Vec::new(),
            devices: Vec::new(),
            common,
        };
        maker.make_nodes();
        maker
    }

    fn roll(&mut self, topic: Topic) -> bool {
        self.plan.roll(topic, &mut self.random)
    }

    fn pick(&mut self, choices: &[&'static str]) -> &'static str {
        choices[self.random.below(choices.len())]
    }

    fn driver(&mut self) -> String {
        self.drivers[self.random.below(self.drivers.len())].clone()
    }

    fn node(&mut self) -> String {
        self.nodes[self.random.below(self.nodes.len())].clone()
    }

    fn make_nodes(&mut self) {
        let count = match self.random.below(20) {
            0..12 => 1,
            12..17 => 2,
            17..19 => 3,
            _ => 4,
        };
        for index in 1..=count {
            let name = format!("n{index}");
            let mut labels =
                json!({"kubernetes.io/hostname": name, "zone": self.pick(&["a", "b"])});
            if self.random.chance(60) {
                labels["size"] = json!(self.pick(&["1", "3", "5", "x"]));
            }
            let mut node = json!({"metadata": {"name": name, "labels": labels}});
            if self
                .random
                .chance(if self.plan.heat(Topic::NodeOperations) > 0 {
                    80
                } else {
                    10
                })
            {
                node["status"] = json!({"declaredFeatures": ["DRAOptionalNodeOperations"]});
            } else if self.random.chance(10) {
                node["status"] = json!({"declaredFeatures": ["SomethingElse"]});
            }
            self.nodes.push(name);
            self.node_documents.push(node);
        }
    }

    /// A node selector with one term; now and then one that cannot be parsed.
    fn node_selector(&mut self) -> Value {
        if self.roll(Topic::Broken) && self.random.chance(15) {
            return self.malformed_selector();
        }
        let expression = match self.random.below(12) {
            0..4 => json!({"key": "zone", "operator": "In", "values": [self.pick(&["a", "b"])]}),
            4 => json!({"key": "zone", "operator": "NotIn", "values": ["b"]}),
            5 => json!({"key": "size", "operator": "Exists"}),
            6 => json!({"key": "size", "operator": "DoesNotExist"}),
            7 => json!({"key": "size", "operator": "Gt", "values": ["2"]}),
            8 => json!({"key": "size", "operator": "Lt", "values": ["4"]}),
            9 => json!({"key": "zone", "operator": "In", "values": ["b", "a"]}),
            _ => json!({"key": "absent", "operator": "NotIn", "values": ["x"]}),
        };
        let name = self.node();
        let mut term = match self.random.below(10) {
            0 => {
                json!({"matchFields": [{"key": "metadata.name", "operator": "In", "values": [name]}]})
            }
            1 => {
                json!({"matchFields": [{"key": "metadata.name", "operator": "NotIn", "values": ["n9"]}],
                        "matchExpressions": [expression]})
            }
            _ => json!({"matchExpressions": [expression]}),
        };
        if self.random.chance(15) {
            term = json!({"matchExpressions": [
                {"key": "zone", "operator": "In", "values": ["a", "b"]},
                {"key": "absent", "operator": "DoesNotExist"}]});
        }
        let terms = if self.random.chance(3) {
            json!([term, {}])
        } else {
            json!([term])
        };
        json!({"nodeSelectorTerms": terms})
    }

    fn malformed_selector(&mut self) -> Value {
        let term = match self.random.below(6) {
            0 => {
                json!({"matchExpressions": [{"key": "zone", "operator": "Near", "values": ["a"]}]})
            }
            1 => json!({"matchExpressions": [{"key": "zone", "operator": "In", "values": []}]}),
            2 => {
                json!({"matchExpressions": [{"key": "size", "operator": "Gt", "values": ["two"]}]})
            }
            3 => json!({"matchExpressions": [{"key": "-zone", "operator": "Exists"}]}),
            4 => json!({"matchFields": [{"key": "metadata.name", "operator": "Exists"}]}),
            _ => {
                json!({"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n1", "n2"]}]})
            }
        };
        json!({"nodeSelectorTerms": [term]})
    }
}
