//! Interfaces and operations as plans show them, made once for a type and patched for what a template
//! adds. A type with the built-in root has some thirty operations; building them anew for every node
//! would be most of the work of a parse.

use std::collections::HashMap;

use nephele_model::json::{Map, Value};

use super::Scope;
use super::interfaces::{self, Interfaces};
use super::operations::{self, Operation, Owner};
use crate::diagnostic::Diagnostic;

/// `interfaces` and `operations` of a node, or of one side of a relationship.
#[derive(Clone)]
pub(crate) struct Planned {
    pub(crate) interfaces: Map,
    pub(crate) operations: Map,
}

/// What types become when templates add nothing; nothing for a type that cannot stand on its own, such as
/// one whose operations lack inputs that every template gives.
#[derive(Default)]
pub(crate) struct OfTypes(HashMap<String, Option<Planned>>);

impl OfTypes {
    /// A template's interfaces over those of its type. Errors: 107, and those of mappings.
    pub(crate) fn over_template(
        &mut self,
        type_name: &str,
        template: &Interfaces,
        of_type: &Interfaces,
        code: i32,
        context: &str,
        scope: &Scope<'_>,
    ) -> Result<Planned, Diagnostic> {
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
            let alone = interfaces::over_template(&Interfaces::new(), of_type);
            let planned = alone.and_then(|merged| whole(&merged, code, context, scope));
            self.0.insert(type_name.to_owned(), planned.ok());
        }
        let Some(mut planned) = self.0.get(type_name).cloned().flatten().filter(|_| !is_new) else {
            return whole(&interfaces::over_template(template, of_type)?, code, context, scope);
        };
        for (interface, name, operation) in own {
            let merged = Operation::over_template(Some(operation), Some(&of_type[interface][name]))?;
            let context = format!("In interface '{interface}' {context}");
            let owner = Owner { kind: "operation", name, code, context: &context };
            let patch = Value::Object(operations::plan(&merged, owner, scope)?);
            if let Some(known) = planned.interfaces.get_mut(interface).and_then(Value::as_object_mut) {
                known.insert(name.to_owned(), merged.to_json());
            }
            if let Some(known) = planned.operations.get_mut(name) {
                *known = patch.clone();
            }
            planned.operations.insert(format!("{interface}.{name}"), patch);
        }
        Ok(planned)
    }
}

fn whole(merged: &Interfaces, code: i32, context: &str, scope: &Scope<'_>) -> Result<Planned, Diagnostic> {
    Ok(Planned { interfaces: interfaces::to_json(merged), operations: interfaces::plan(merged, code, context, scope)? })
}
