//! `get_group_capability`: what it asks of each deployment of a group, and what it makes of the answers.
//! Source: the reference's manager.

use nephele_model::json::{Map, Value};
use nephele_model::python_text::str;

/// Which values `get_group_capability` asks of each deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupCapability {
    /// The group.
    pub group: String,
    /// The capabilities.
    pub names: Vec<String>,
    /// Whether values are told apart by deployment.
    pub by_deployment: bool,
}

impl GroupCapability {
    /// Reads `[group, capability]`, `[group, "deployment_id:capability"]` or `[group, [capability, ...]]`.
    pub fn of(path: &[Value]) -> Self {
        let group = path.first().map(str).unwrap_or_default();
        match path.get(1) {
            Some(Value::Array(names)) => Self { group, names: names.iter().map(str).collect(), by_deployment: false },
            name => {
                let name = name.map(str).unwrap_or_default();
                let (by_deployment, name) = match name.strip_prefix("deployment_id:") {
                    Some(name) => (true, name.to_owned()),
                    None => (false, name),
                };
                Self { group, names: vec![name], by_deployment }
            }
        }
    }

    /// The value of the function, made of what each deployment has: a list in the order of the
    /// deployments' ids, or a mapping by id. With one name a deployment's share is the value itself,
    /// with several it is a list with null where the deployment lacks the capability; a deployment
    /// that has none of them is left out.
    pub fn gather(&self, mut shares: Vec<(String, Vec<Option<Value>>)>) -> Value {
        shares.retain(|(_, values)| values.iter().any(Option::is_some));
        if !self.by_deployment {
            shares.sort_by(|left, right| left.0.cmp(&right.0));
        }
        let shares = shares.into_iter().map(|(deployment, mut values)| {
            let share = match values.len() {
                1 => values.remove(0).unwrap_or_default(),
                _ => values.into_iter().map(Option::unwrap_or_default).collect(),
            };
            (deployment, share)
        });
        if self.by_deployment {
            return Value::Object(shares.collect::<Map>());
        }
        shares.map(|(_, share)| share).collect()
    }
}

#[cfg(test)]
mod tests {
    use nephele_model::json::json;

    use super::*;

    #[test]
    fn group_capabilities_come_in_three_forms() {
        let gather = |path: Value, shares: Value| {
            let shares = shares.as_array().unwrap().iter().map(|share| {
                let values = share[1].as_array().unwrap().iter();
                let values = values.map(|value| Some(value.clone()).filter(|value| !value.is_null())).collect();
                (share[0].as_str().unwrap().to_owned(), values)
            });
            GroupCapability::of(path.as_array().unwrap()).gather(shares.collect())
        };
        let one = json!([["b", [2]], ["a", [1]], ["c", [null]]]);
        assert_eq!(gather(json!(["g", "x"]), one.clone()), json!([1, 2]));
        assert_eq!(gather(json!(["g", "deployment_id:x"]), one), json!({"b": 2, "a": 1}));
        let two = json!([["b", [2, null]], ["a", [1, 3]], ["c", [null, null]]]);
        assert_eq!(gather(json!(["g", ["x", "y"]]), two), json!([[1, 3], [2, null]]));
    }
}
