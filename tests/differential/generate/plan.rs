//! What a random case is about: a few topics in focus, a few others by the way, and the feature gates that go with them.
//!
//! A case in which everything occurs a little decides nothing. So one or two topics are in focus and made to matter;
//! the others stay away from most cases.

use serde_json::{Map, Value};

use crate::random::Random;

/// Something that a case can be about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Topic {
    AdminAccess,
    PrioritizedList,
    Partitionable,
    Taints,
    TaintRules,
    Capacity,
    Fractional,
    Binding,
    Lists,
    Derived,
    Groups,
    NodeOperations,
    Generations,
    NodeSelectors,
    PerDevice,
    CelErrors,
    Match,
    Distinct,
    All,
    Held,
    Config,
    Limit,
    Broken,
}

/// Topic, weight as focus (of about 170), chance in percent to occur by the way.
const TOPICS: [(Topic, usize, usize); 23] = [
    (Topic::AdminAccess, 7, 8),
    (Topic::PrioritizedList, 7, 12),
    (Topic::Partitionable, 8, 8),
    (Topic::Taints, 7, 10),
    (Topic::TaintRules, 11, 6),
    (Topic::Capacity, 8, 10),
    (Topic::Fractional, 13, 3),
    (Topic::Binding, 7, 8),
    (Topic::Lists, 12, 6),
    (Topic::Derived, 13, 5),
    (Topic::Groups, 13, 4),
    (Topic::NodeOperations, 7, 4),
    (Topic::Generations, 10, 7),
    (Topic::NodeSelectors, 7, 12),
    (Topic::PerDevice, 6, 8),
    (Topic::CelErrors, 7, 5),
    (Topic::Match, 8, 25),
    (Topic::Distinct, 6, 10),
    (Topic::All, 6, 8),
    (Topic::Held, 6, 30),
    (Topic::Config, 4, 15),
    (Topic::Limit, 2, 0),
    (Topic::Broken, 2, 2),
];

/// A gate, the topic that needs it, and whether only the experimental channel knows it.
const GATES: [(&str, Topic, bool); 11] = [
    ("AdminAccess", Topic::AdminAccess, false),
    ("CompatibilityGroups", Topic::Groups, true),
    ("ConsumableCapacity", Topic::Capacity, false),
    ("DerivedAttributes", Topic::Derived, true),
    ("DeviceBindingAndStatus", Topic::Binding, false),
    ("DeviceTaints", Topic::Taints, false),
    ("FractionalCapacityRange", Topic::Fractional, false),
    ("ListTypeAttributes", Topic::Lists, true),
    ("OptionalNodeOperations", Topic::NodeOperations, true),
    ("PartitionableDevices", Topic::Partitionable, false),
    ("PrioritizedList", Topic::PrioritizedList, false),
];

/// How much each topic matters in one case, in percent of its chances.
pub(crate) struct Plan {
    heat: Vec<(Topic, usize)>,
}

impl Plan {
    pub(crate) fn new(random: &mut Random) -> Self {
        let mut heat: Vec<(Topic, usize)> = TOPICS
            .iter()
            .map(|(topic, _, aside)| (*topic, if random.chance(*aside) { 25 } else { 0 }))
            .collect();
        let total: usize = TOPICS.iter().map(|(_, weight, _)| weight).sum();
        for _ in 0..=random.below(2) {
            let mut ticket = random.below(total);
            for (index, (_, weight, _)) in TOPICS.iter().enumerate() {
                if ticket < *weight {
                    heat[index].1 = 70;
                    break;
                }
                ticket -= weight;
            }
        }
        let mut plan = Self { heat };
        plan.imply(Topic::Fractional, Topic::Capacity, 70);
        plan.imply(Topic::Groups, Topic::Partitionable, 75);
        plan.imply(Topic::TaintRules, Topic::Taints, 25);
        plan.imply(Topic::Lists, Topic::Match, 75);
        plan.imply(Topic::Derived, Topic::Match, 65);
        plan
    }

    /// Where `cause` is hot, `effect` is at least `heat`.
    fn imply(&mut self, cause: Topic, effect: Topic, heat: usize) {
        if self.heat(cause) > 0 {
            for (topic, level) in &mut self.heat {
                if *topic == effect {
                    *level = heat.max(*level);
                }
            }
        }
    }

    pub(crate) fn heat(&self, topic: Topic) -> usize {
        self.heat
            .iter()
            .find(|(known, _)| *known == topic)
            .map_or(0, |(_, heat)| *heat)
    }

    pub(crate) fn focus(&self, topic: Topic) -> bool {
        self.heat(topic) >= 60
    }

    /// Whether the case is about relations between devices, which one device alone cannot show.
    pub(crate) fn relates(&self) -> bool {
        [
            Topic::Match,
            Topic::Distinct,
            Topic::Derived,
            Topic::Lists,
            Topic::Groups,
        ]
        .into_iter()
        .any(|topic| self.focus(topic))
    }

    /// Whether the topic occurs at one particular place.
    pub(crate) fn roll(&self, topic: Topic, random: &mut Random) -> bool {
        random.chance(self.heat(topic))
    }

    /// The gates: those in use (but for one now and then), and some of the others. Experimental ones that are not in
    /// use stay mostly off, since a single one switches to the other channel.
    pub(crate) fn gates(&self, random: &mut Random) -> Value {
        let mut gates = Map::new();
        let experiment = random.chance(10);
        for (gate, topic, experimental) in GATES {
            let on = if self.heat(topic) > 0 {
                !random.chance(2)
            } else {
                random.chance(if !experimental {
                    60
                } else if experiment {
                    30
                } else {
                    0
                })
            };
            gates.insert(gate.to_owned(), Value::Bool(on));
        }
        Value::Object(gates)
    }
}
