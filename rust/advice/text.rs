//! Advice as text, for people who know kubectl and not this engine.
//!
//! Says nothing that is not in the data. Start at the rendering of [`Advice`].

use std::fmt::{self, Display, Formatter};

use super::change::{Edit, Offer};
use super::groups::{Group, RequestLine, Say, Span};
use super::hints::{Hint, HintKind};
use super::{Advice, Ended};
use crate::explanation::Reason;

/// Names that are shown of a list.
const SHOWN: usize = 3;

impl Display for Advice {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = self.claims.iter().map(ToString::to_string).collect();
        let claims = if names.len() == 1 { "claim" } else { "claims" };
        let nodes = counted(self.nodes, "node");
        writeln!(f, "asked: {claims} {} on {nodes}", names.join(", "))?;
        f.write_str("answer: ")?;
        match &self.outcome {
            Ended::Placed { node } => {
                return write!(f, "it fits on node {node}; nothing has to change");
            }
            _ if self.nodes == 0 => return f.write_str("there is no node to allocate on"),
            Ended::Impossible if self.nodes == 1 => f.write_str("it does not fit on the node"),
            Ended::Impossible => f.write_str("it fits on none of the nodes"),
            Ended::Error { node, text } => write!(f, "error on node {node}: {text}"),
            Ended::Undecided => {
                f.write_str("undecided; the search took too many steps on some node")
            }
        }?;
        if !self.groups.is_empty() {
            write!(f, "\n\nwhy:")?;
        }
        for group in &self.groups {
            write!(f, "\n  {group}")?;
        }
        write!(f, "\n\n{}", self.heading())?;
        for (number, offer) in self.offers.iter().enumerate() {
            write!(f, "\n  {}. {offer}", number + 1)?;
        }
        if self.edits_stored_claims() {
            write!(
                f,
                "\n  (a stored claim cannot be edited: delete it and create it with the change)"
            )?;
        }
        if self.tried_on < self.nodes {
            let (tried, all) = (self.tried_on, self.nodes);
            write!(
                f,
                "\n  (tried on {tried} of the {all} nodes, some of each group)"
            )?;
        }
        if self.is_cut_short {
            f.write_str("\n  (there was too much to try all of it: there may be other changes)")?;
        }
        if !self.hints.is_empty() {
            write!(f, "\n\nhints:")?;
        }
        for hint in &self.hints {
            write!(f, "\n  {hint}")?;
        }
        Ok(())
    }
}

impl Advice {
    fn heading(&self) -> &'static str {
        match self.offers.first() {
            None => "no change, and no two changes together, were found to make it fit",
            Some(first) if !first.is_checked => {
                "no change, and no two changes together, were found to make it fit for certain; you can"
            }
            Some(first) if first.changes.len() > 1 => {
                "no single change makes it fit; each of these pairs does (tried out, cheapest first):"
            }
            Some(_) => "each of these changes makes it fit (tried out, cheapest first):",
        }
    }

    fn edits_stored_claims(&self) -> bool {
        let mut changes = self.offers.iter().flat_map(|offer| &offer.changes);
        changes.any(|change| change.document.starts_with("ResourceClaim "))
    }
}

impl Display for Offer {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (index, change) in self.changes.iter().enumerate() {
            let and = if index == 0 { "" } else { "\n     and " };
            write!(f, "{and}{change}")?;
            match &change.edit {
                Edit::Release(_) | Edit::Gate(_) | Edit::Nothing => {}
                _ => write!(f, "\n     edit {}: {}", change.document, change.path)?,
            }
        }
        match &self.node {
            Some(node) => write!(f, "\n     then it fits on node {node}"),
            None => write!(f, "\n     nobody can check whether it then fits"),
        }
    }
}

impl Display for Group {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let count = counted(self.nodes.len(), "node");
        write!(f, "{count} ({})", listed(&self.nodes))?;
        match &self.say {
            Say::NoSolution(lines) => {
                match lines.iter().find(|line| line.is_short) {
                    Some(line) => write!(f, ": {}", line.headline()),
                    None => {
                        f.write_str(": enough devices for each request, but not for all together")
                    }
                }?;
                for line in lines {
                    write!(f, "\n    {line}")?;
                }
                Ok(())
            }
            Say::BoundElsewhere(claim) => {
                write!(f, ": claim {claim} is allocated already, for other nodes")
            }
            Say::ExtendedResource(resource) => {
                write!(f, ": neither the node nor a device class offers {resource}")
            }
            Say::Error { is_fatal, text } => {
                let fatal = if *is_fatal {
                    ", which ends scheduling of the pod"
                } else {
                    ""
                };
                write!(f, ": error{fatal}: {text}")
            }
            Say::Undecided => write!(f, ": undecided, the search took too many steps"),
        }
    }
}

impl Display for RequestLine {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (claim, request, class) = (&self.claim, &self.request, &self.class);
        let (seen, left, wanted) = (self.seen, self.left, self.wanted);
        write!(
            f,
            "claim {claim}, request {request} wants {wanted} of class {class}: {seen} seen"
        )?;
        for removed in &self.removed {
            write!(f, ", {} {}", removed.devices, removed.reason.sentence())?;
        }
        write!(f, "; {left} left")?;
        let of_request = self.terms.iter().filter(|(_, is_of_class, _)| !is_of_class);
        let has_several = self.terms.len() > 1;
        for (term, _, devices) in of_request.filter(|_| has_several) {
            write!(f, "\n      `{term}` refuses {devices}, in use or not")?;
        }
        Ok(())
    }
}

impl RequestLine {
    /// The reason in a few words: what keeps away the devices that come nearest.
    fn headline(&self) -> String {
        let removed = |reason: Reason| {
            let found = self.removed.iter().find(|removed| removed.reason == reason);
            found.map(|removed| removed.devices)
        };
        let (matching, held) = (self.matching, self.held);
        if let Some(devices) = removed(Reason::Taint) {
            let taints: Vec<String> = self.taints.iter().cloned().collect();
            return format!("{devices} tainted, {}", listed(&taints));
        }
        if let Some(devices) = removed(Reason::Capacity) {
            let holders = if self.holders.is_empty() {
                String::new()
            } else {
                format!("; shares are held by {}", self.named_holders())
            };
            return format!("{devices} without enough capacity{holders}");
        }
        if removed(Reason::InUse).is_some() && held.most > 0 {
            let holders = self.named_holders();
            return format!("{held} of {matching} matching devices held, by {holders}");
        }
        let last = self
            .removed
            .last()
            .map(|removed| (removed.reason, removed.devices));
        match last {
            Some((Reason::Class, _)) if self.left.most == 0 => {
                format!("no device of class {}", self.class)
            }
            Some((Reason::Selector, devices)) => {
                let of_request = self.terms.iter().filter(|(_, is_of_class, _)| !is_of_class);
                let most = of_request.max_by_key(|(_, _, devices)| devices.most);
                let term = most.map_or("a selector", |(term, ..)| term);
                if matching.most == 0 {
                    format!("no device with `{term}`")
                } else {
                    format!("{devices} refused by `{term}`")
                }
            }
            Some((reason, devices)) if self.left.most == 0 => {
                format!("{devices} {}", reason.sentence())
            }
            None if self.seen.most == 0 => "no device at all".to_owned(),
            _ => format!("only {} of {} devices", self.left, self.wanted),
        }
    }

    fn named_holders(&self) -> String {
        let names: Vec<String> = self
            .holders
            .iter()
            .map(|(claim, _)| claim.to_string())
            .collect();
        listed(&names)
    }
}

impl Display for Span {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.least == self.most {
            write!(f, "{}", self.least)
        } else {
            write!(f, "{} to {}", self.least, self.most)
        }
    }
}

impl Display for Hint {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (name, devices, place) = (&self.name, self.devices, &self.place);
        match (self.kind, &self.of) {
            (HintKind::Value, Some(of)) => {
                write!(f, "`{of}` is \"{name}\" on 0 of {devices} devices")?;
            }
            (HintKind::Domain, _) => write!(
                f,
                "nothing of the domain `{name}` is published by any of {devices} devices"
            )?,
            _ => write!(f, "`{name}` is published by 0 of {devices} devices")?,
        }
        if let Some(nearest) = &self.nearest {
            write!(f, "; nearest: `{nearest}`")?;
        }
        write!(f, " ({place})")
    }
}

fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

/// A few of the names, and how many more there are.
fn listed(names: &[String]) -> String {
    let shown: Vec<&str> = names.iter().take(SHOWN).map(String::as_str).collect();
    let shown = shown.join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
