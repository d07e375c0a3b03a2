//! What an evaluation has read so far, what it wants to read next, and why it was refused something.
//!
//! Invariant: nothing is read here. A key that is in none of the tables was never asked for; a key
//! without a value was looked for and is not there, or not for this caller.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use nephele_dsl::{Diagnostic, Fault, Instance, Lookup, Node, Stop, evaluate_capability};
use nephele_model::json::{Map, Value};
use nephele_model::{Code, Error, Secret};
use nephele_store::deployments::Described;

use super::view::View;

/// A node or the instances of a node: the row of the deployment, and the node's name.
pub(super) type NodeKey = (i64, String);

/// A deployment, as functions see it.
pub(super) struct Deployment {
    /// Its row.
    pub(super) row: Described,
    /// Its inputs.
    pub(super) inputs: Map,
    /// Its capabilities, not evaluated.
    pub(super) capabilities: Map,
}

/// Everything that one evaluation knows.
#[derive(Default)]
pub(super) struct Known {
    pub(super) deployments: HashMap<String, Option<Arc<Deployment>>>,
    pub(super) nodes: HashMap<NodeKey, Option<Arc<Node>>>,
    pub(super) instances_of: HashMap<NodeKey, Arc<[Arc<Instance>]>>,
    pub(super) instances: HashMap<String, Option<Arc<Instance>>>,
    pub(super) secrets: HashMap<String, Option<Secret>>,
    /// Keys and values of a deployment's labels, the oldest first.
    pub(super) labels: HashMap<i64, Vec<(String, String)>>,
    /// The ids of the members of groups.
    pub(super) groups: HashMap<String, Option<Vec<String>>>,
    notes: RefCell<Notes>,
}

/// What one attempt at evaluating leaves behind.
#[derive(Default)]
struct Notes {
    wanted: Wanted,
    refusal: Option<Error>,
    /// Capabilities of deployments: what became of them, or that they are being evaluated.
    capabilities: HashMap<(i64, String), Option<Lookup<Value>>>,
}

/// Keys to look for.
#[derive(Default)]
pub(super) struct Wanted {
    pub(super) deployments: BTreeSet<String>,
    pub(super) nodes: BTreeSet<NodeKey>,
    pub(super) instances_of: BTreeSet<NodeKey>,
    pub(super) instances: BTreeSet<String>,
    pub(super) secrets: BTreeSet<String>,
    pub(super) labels: BTreeSet<i64>,
    pub(super) groups: BTreeSet<String>,
}

impl Wanted {
    pub(super) fn is_empty(&self) -> bool {
        self.deployments.is_empty()
            && self.nodes.is_empty()
            && self.instances_of.is_empty()
            && self.instances.is_empty()
            && self.secrets.is_empty()
            && self.labels.is_empty()
            && self.groups.is_empty()
    }
}

impl Known {
    /// Notes what has to be read first.
    pub(super) fn want(&self, note: impl FnOnce(&mut Wanted)) -> Stop {
        note(&mut self.notes.borrow_mut().wanted);
        Stop::Later
    }

    /// Notes why there is no value. The first reason counts.
    pub(super) fn refuse(&self, error: Error) -> Stop {
        self.notes.borrow_mut().refusal.get_or_insert(error);
        Stop::Refused
    }

    /// A function of another deployment could not be evaluated.
    pub(super) fn refuse_problem(&self, problem: &Diagnostic) -> Stop {
        self.refuse(Error::new(Code::FunctionsEvaluation, problem.reference_text()))
    }

    /// What is wanted and why the last attempt was refused something; a new attempt begins with neither.
    pub(super) fn end_attempt(&mut self) -> (Wanted, Option<Error>) {
        let notes = self.notes.get_mut();
        notes.capabilities.retain(|_, outcome| matches!(outcome, Some(Ok(_))));
        (std::mem::take(&mut notes.wanted), notes.refusal.take())
    }

    /// A deployment that the caller sees.
    pub(super) fn deployment(&self, id: &str) -> Lookup<Arc<Deployment>> {
        match self.deployments.get(id) {
            Some(Some(found)) => Ok(Arc::clone(found)),
            Some(None) => Err(self.refuse(Error::not_found("Deployment", id))),
            None => Err(self.want(|wanted| {
                wanted.deployments.insert(id.to_owned());
            })),
        }
    }

    /// The members of a group that the caller sees, as far as the caller sees them too.
    pub(super) fn members(&self, group: &str) -> Lookup<Vec<(&str, Arc<Deployment>)>> {
        let ids = match self.groups.get(group) {
            Some(Some(ids)) => ids,
            Some(None) => return Err(self.refuse(Error::not_found("DeploymentGroup", group))),
            None => {
                return Err(self.want(|wanted| {
                    wanted.groups.insert(group.to_owned());
                }));
            }
        };
        let unknown: Vec<&String> = ids.iter().filter(|id| !self.deployments.contains_key(*id)).collect();
        if !unknown.is_empty() {
            return Err(self.want(|wanted| wanted.deployments.extend(unknown.into_iter().cloned())));
        }
        Ok(ids.iter().filter_map(|id| Some((id.as_str(), self.deployments.get(id)?.clone()?))).collect())
    }

    /// The value of a capability, evaluated once however many ask for it. `depth` is how deep the
    /// evaluation that asks is nested.
    pub(super) fn capability(&self, owner: &Arc<Deployment>, name: &str, depth: usize) -> Lookup<Value> {
        let key = (owner.row.storage_id, name.to_owned());
        let id = &owner.row.id;
        match self.notes.borrow().capabilities.get(&key) {
            Some(Some(outcome)) => return outcome.clone(),
            Some(None) => {
                let message = format!(
                    "The recursion limit (50) has been reached while evaluating the deployment. Limit was reached \
                     with the following path - capability `{name}` of deployment `{id}`, whose value needs itself"
                );
                return Err(Diagnostic::new(Fault::RecursionLimit, message).into());
            }
            None => {}
        }
        let Some(declared) = owner.capabilities.get(name) else {
            let message = format!("Requested capability `{name}` is not declared in deployment `{id}`");
            return Err(self.refuse(Error::new(Code::FunctionsEvaluation, message)));
        };
        self.notes.borrow_mut().capabilities.insert(key.clone(), None);
        let outcome = match evaluate_capability(declared, &View::new(self, Arc::clone(owner)), depth) {
            Err(Stop::Failed(problem)) => Err(self.refuse_problem(&problem)),
            outcome => outcome,
        };
        self.notes.borrow_mut().capabilities.insert(key, Some(outcome.clone()));
        outcome
    }
}
