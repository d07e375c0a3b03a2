//! Interfaces and operations as plans show them, made once for a type and patched for what a template
//! adds. A type with the built-in root has some thirty operations; building them anew for every node
//! would be most of the work of a parse.

use std::collections::HashMap;

use nephele_model::json::{Map, Value};

use super::Scope;
use super::interfaces::{self, Interfaces, Misplanned};
use super::operations::{self, Operation, Owner};
use crate::diagnostic::Fault;

/// `interfaces` and `operations` of a node, or of one side of a relationship.
#[derive(Clone)]
pub(crate) struct Planned {
    pub(crate) interfaces: Map,
    pub(crate) operations: Map,
}

/// Whose operations are planned, for messages.
#[derive(Clone, Copy)]
pub(crate) struct Side<'a> {
    /// What a mapping that leads nowhere is known by.
    pub(crate) fault: Fault,
    pub(crate) context: &'a str,
}

/// What types become when templates add nothing; nothing for a type that cannot stand on its own, such as
/// one whose operations lack inputs that every template gives.
#[derive(Default)]
pub(crate) struct OfTypes(HashMap<String, Option<Planned>>);

impl OfTypes {
    /// A template's interfaces over those of its type, without the operations that go into `found`: 107, and
    /// the problems of mappings.
    pub(crate) fn over_template(
        &mut self,
        type_name: &str,
        template: &Interfaces,
        of_type: &Interfaces,
        side: Side<'_>,
        scope: &Scope<'_>,
        found: &mut Vec<Misplanned>,
    ) -> Planned {
        let adds = |interface: &str, operation: &str| {
            of_type.get(interface).is_none_or(|known| !known.contains_key(operation))
        };
        let is_new = template.iter().any(|(interface, operations)| {
            !of_type.contains_key(interface) || operations.keys().any(|operation| adds(interface, operation))
        });
        let own = template.iter().flat_map(|(interface, operations)| {
            operations.iter().map(move |(name, operation)| (interface.as_str(), name.as_str(), operation))
        });
        if !self.0.contains_key(type_name) {
            let mut found = Vec::new();
            let planned = whole(&Interfaces::new(), of_type, side, scope, &mut found);
            self.0.insert(type_name.to_owned(), found.is_empty().then_some(planned));
        }
        let Some(mut planned) = self.0.get(type_name).cloned().flatten().filter(|_| !is_new) else {
            return whole(template, of_type, side, scope, found);
        };
        for (interface, name, operation) in own {
            let context = format!("In interface '{interface}' {}", side.context);
            let owner = Owner { kind: "operation", name, fault: side.fault, context: &context };
            let merged = Operation::over_template(Some(operation), Some(&of_type[interface][name]));
            let patch = merged.and_then(|merged| Ok((merged.to_json(), operations::plan(&merged, owner, scope)?)));
            let (merged, patch) = match patch {
                Ok((merged, patch)) => (merged, Value::Object(patch)),
                Err(problem) => {
                    found.push(Misplanned::new(interface, name, problem));
                    continue;
                }
            };
            if let Some(known) = planned.interfaces.get_mut(interface).and_then(Value::as_object_mut) {
                known.insert(name.to_owned(), merged);
            }
            if let Some(known) = planned.operations.get_mut(name) {
                *known = patch.clone();
            }
            planned.operations.insert(format!("{interface}.{name}"), patch);
        }
        planned
    }
}

fn whole(
    template: &Interfaces,
    of_type: &Interfaces,
    side: Side<'_>,
    scope: &Scope<'_>,
    found: &mut Vec<Misplanned>,
) -> Planned {
    let merged = interfaces::over_template(template, of_type, found);
    let operations = interfaces::plan(&merged, side.fault, side.context, scope, found);
    Planned { interfaces: interfaces::to_json(&merged, Operation::to_json), operations }
}
