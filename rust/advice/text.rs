//! Advice as text, for people who know kubectl and not this engine.
//!
//! Says nothing that is not in the data. Start at the rendering of [`Advice`].

use std::fmt::{self, Display, Formatter};

use super::change::{Edit, Offer};
use super::groups::{Group, RequestLine, Say, Span};
use super::hints::{Hint, HintKind};
use super::{Advice, Ended};
use crate::explanation::{Reason, Wanted};

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
        if self.is_cut_short {
            write!(
                f,
                "\n  (not everything was tried: there may be other changes)"
            )?;
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
            None => "no change was found that would make it fit",
            Some(first) if !first.is_checked => {
                "no change was found that would certainly make it fit; you can"
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
        write!(f, "{count} ({})", listed(&self.nodes, self.nodes.len()))?;
        match &self.say {
            Say::NoSolution(lines) => {
                f.write_str(":")?;
                for line in lines {
                    write!(f, "\n    {line}")?;
                }
                if !lines.iter().any(|line| line.is_short) {
                    write!(
                        f,
                        "\n    each request has enough devices, but there are not enough for all of them together"
                    )?;
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
        let wanted = match self.wanted {
            Wanted::All => "all devices".to_owned(),
            Wanted::Count(count) => counted(usize::try_from(count).unwrap_or_default(), "device"),
        };
        let (seen, left) = (self.seen, self.left);
        write!(
            f,
            "claim {claim}, request {request} wants {wanted} of class {class}: of {seen} seen, {left} left"
        )?;
        for removed in &self.removed {
            let (reason, devices) = (removed.reason, removed.devices);
            write!(f, "\n      {devices} {}", reason.sentence())?;
            if reason == Reason::InUse && !self.holders.is_empty() {
                write!(
                    f,
                    " ({} of {} matching, by {})",
                    self.held,
                    self.matching,
                    self.named_holders()
                )?;
            }
            if reason == Reason::Taint && !self.taints.is_empty() {
                let taints: Vec<String> = self.taints.iter().cloned().collect();
                write!(f, " ({})", listed(&taints, taints.len()))?;
            }
            if reason == Reason::Capacity && !self.holders.is_empty() {
                write!(f, " (shares are held by {})", self.named_holders())?;
            }
        }
        let is_removed =
            |reason: Reason| self.removed.iter().any(|removed| removed.reason == reason);
        for (term, is_of_class, devices) in &self.terms {
            let reason = if *is_of_class {
                Reason::Class
            } else {
                Reason::Selector
            };
            if is_removed(reason) {
                let whose = if *is_of_class { " of the class" } else { "" };
                write!(f, "\n      condition{whose} `{term}` refuses {devices}")?;
            }
        }
        Ok(())
    }
}

impl RequestLine {
    fn named_holders(&self) -> String {
        let names: Vec<String> = self
            .holders
            .iter()
            .map(|(claim, _)| claim.to_string())
            .collect();
        listed(&names, names.len())
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
fn listed(names: &[String], count: usize) -> String {
    let shown: Vec<&str> = names.iter().take(SHOWN).map(String::as_str).collect();
    let shown = shown.join(", ");
    match count.saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
