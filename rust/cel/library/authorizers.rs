//! The authorization library of Kubernetes: declared, so that expressions are checked against it, but without an
//! authorizer variable no value of its types exists and every call that is reached has no overload.
//!
//! Start at [`overloads`].

use super::support::{member, no_overload};
use crate::cel::overload::Overload;
use crate::cel::types::Type;

const AUTHORIZER: Type = Type::Named("kubernetes.authorization.Authorizer");
const PATH: Type = Type::Named("kubernetes.authorization.PathCheck");
const GROUP: Type = Type::Named("kubernetes.authorization.GroupCheck");
const RESOURCE: Type = Type::Named("kubernetes.authorization.ResourceCheck");
const DECISION: Type = Type::Named("kubernetes.authorization.Decision");

pub(super) fn overloads() -> Vec<Overload> {
    use Type::{Bool, String};
    let declare = |function, id, target: Type, texts: usize, result| {
        let args = [vec![target], vec![String; texts]].concat();
        member(function, id, args, result, |_| no_overload())
    };
    vec![
        declare("path", "authorizer_path", AUTHORIZER, 1, PATH),
        declare("group", "authorizer_group", AUTHORIZER, 1, GROUP),
        declare(
            "serviceAccount",
            "authorizer_serviceaccount",
            AUTHORIZER,
            2,
            AUTHORIZER,
        ),
        declare("resource", "groupcheck_resource", GROUP, 1, RESOURCE),
        declare(
            "subresource",
            "resourcecheck_subresource",
            RESOURCE,
            1,
            RESOURCE,
        ),
        declare(
            "namespace",
            "resourcecheck_namespace",
            RESOURCE,
            1,
            RESOURCE,
        ),
        declare("name", "resourcecheck_name", RESOURCE, 1, RESOURCE),
        declare("check", "pathcheck_check", PATH, 1, DECISION),
        declare("check", "resourcecheck_check", RESOURCE, 1, DECISION),
        declare("errored", "decision_errored", DECISION, 0, Bool),
        declare("error", "decision_error", DECISION, 0, String),
        declare("allowed", "decision_allowed", DECISION, 0, Bool),
        declare("reason", "decision_reason", DECISION, 0, String),
        declare(
            "fieldSelector",
            "authorizer_fieldselector",
            RESOURCE,
            1,
            RESOURCE,
        ),
        declare(
            "labelSelector",
            "authorizer_labelselector",
            RESOURCE,
            1,
            RESOURCE,
        ),
    ]
}
