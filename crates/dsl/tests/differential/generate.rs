//! Random blueprints: type hierarchies, inputs, functions, relationships, groups; and the same with one
//! thing broken.
//!
//! Invariant: a seed always makes the same blueprints. What a function refers to is made before it, as the
//! reference does not end on properties that name each other.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use serde_json::{Map, Value, json};

use crate::case::Case;
use crate::mutate;
use crate::ours;
use crate::yaml;

const SEEDS: u64 = 90;
/// How many broken variants each blueprint gets.
const BROKEN: usize = 3;

const PLAIN_TYPES: &[&str] = &["string", "integer", "float", "boolean", "list", "dict", "regex", "textarea"];
const OPERATIONS: &[&str] = &["create", "start", "stop"];
const INTERFACES: &[&str] = &["cloudify.interfaces.lifecycle", "own"];

/// The seeds of a run.
pub(crate) fn seeds() -> impl Iterator<Item = u64> {
    0..SEEDS
}

/// The blueprints of a seed.
pub(crate) fn cases(seed: u64) -> Vec<Case> {
    let mut maker = Maker { random: StdRng::seed_from_u64(seed), ..Maker::default() };
    let blueprint = maker.blueprint();
    let rounds = maker.rounds(&blueprint);
    let mut cases = vec![Case::unnamed(format!("seed {seed}"), &yaml::write(&blueprint), &rounds)];
    // What is broken already would be broken twice.
    let broken = if ours::is_in_order(&cases[0]) { BROKEN } else { 0 };
    for number in 0..broken {
        let broken = mutate::mutate(&blueprint, &mut maker.random);
        cases.push(Case::unnamed(format!("seed {seed}, broken {number}"), &yaml::write(&broken), &rounds));
    }
    cases
}

/// What has been made so far.
struct Maker {
    random: StdRng,
    plugins: Vec<String>,
    data_types: Vec<String>,
    /// Node types with the properties they have, inherited ones included.
    node_types: Vec<(String, Map<String, Value>)>,
    relationships: Vec<String>,
    inputs: Vec<String>,
    nodes: Vec<(String, Vec<String>)>,
}

impl Default for Maker {
    fn default() -> Self {
        Self {
            random: StdRng::seed_from_u64(0),
            plugins: Vec::new(),
            data_types: Vec::new(),
            node_types: Vec::new(),
            relationships: Vec::new(),
            inputs: Vec::new(),
            nodes: Vec::new(),
        }
    }
}

impl Maker {
    fn chance(&mut self, percent: u32) -> bool {
        self.random.random_ratio(percent, 100)
    }

    fn upto(&mut self, most: usize) -> usize {
        self.random.random_range(0..=most)
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from.choose(&mut self.random).cloned().unwrap()
    }

    fn blueprint(&mut self) -> Value {
        let version = self.pick(&["cloudify_dsl_1_3", "cloudify_dsl_1_4", "cloudify_dsl_1_5"]);
        let mut blueprint = json!({"tosca_definitions_version": version});
        let mut add = |name: &str, section: Map<String, Value>| {
            if !section.is_empty() {
                blueprint[name] = Value::Object(section);
            }
        };
        add("plugins", self.plugins());
        add("data_types", self.data_types());
        add("inputs", self.inputs());
        add("node_types", self.node_types());
        add("relationships", self.relationship_types());
        add("node_templates", self.node_templates());
        add("groups", self.groups());
        add("outputs", self.outputs());
        add("capabilities", self.outputs());
        add("workflows", self.workflows());
        if self.chance(30) {
            add("labels", self.labels());
        }
        let groups: Vec<String> =
            blueprint["groups"].as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect();
        if !groups.is_empty() && self.chance(70) {
            blueprint["policies"] = self.policies(&groups);
        }
        blueprint
    }

    fn plugins(&mut self) -> Map<String, Value> {
        let mut plugins = Map::new();
        for number in 0..=self.upto(2) {
            let name = self.pick(&["p", "tool", "my.plugin", "script"]).to_owned() + &number.to_string();
            let executor = self.pick(&["central_deployment_agent", "central_deployment_agent", "host_agent"]);
            let mut plugin = json!({"executor": executor});
            if self.chance(50) {
                plugin["install"] = json!(false);
            } else {
                plugin[self.pick(&["source", "package_name"])] = json!(name);
            }
            self.plugins.push(name.clone());
            plugins.insert(name, plugin);
        }
        plugins
    }

    fn data_types(&mut self) -> Map<String, Value> {
        let mut types = Map::new();
        for number in 0..self.upto(3) {
            let name = format!("data{number}");
            let mut definition = json!({"properties": self.schema(3, true)});
            if !self.data_types.is_empty() && self.chance(40) {
                definition["derived_from"] = json!(self.pick(&self.data_types.clone()));
            }
            self.data_types.push(name.clone());
            types.insert(name, definition);
        }
        types
    }

    /// Up to so many properties, each of which has a value unless it says that it needs none.
    fn schema(&mut self, most: usize, always_default: bool) -> Map<String, Value> {
        let mut schema = Map::new();
        for number in 0..=self.upto(most) {
            let mut property = Map::new();
            let type_name = self.chance(70).then(|| self.type_name());
            if let Some(type_name) = &type_name {
                property.insert("type".to_owned(), json!(type_name));
            }
            if always_default || self.chance(70) {
                property.insert("default".to_owned(), self.value(type_name.as_deref()));
            } else if self.chance(50) {
                property.insert("required".to_owned(), json!(false));
            }
            if self.chance(20) {
                property.insert("description".to_owned(), json!("what it is"));
            }
            schema.insert(format!("prop{number}"), Value::Object(property));
        }
        schema
    }

    fn type_name(&mut self) -> String {
        if !self.data_types.is_empty() && self.chance(30) {
            return self.pick(&self.data_types.clone());
        }
        self.pick(PLAIN_TYPES).to_owned()
    }

    /// A plain value of a type.
    fn value(&mut self, type_name: Option<&str>) -> Value {
        let type_name = type_name.unwrap_or_else(|| self.pick(PLAIN_TYPES));
        match type_name {
            "integer" => json!(self.random.random_range(-3..100)),
            "float" => self.pick(&[json!(1), json!(0.5), json!(-2.25), json!(1e20)]),
            "boolean" => json!(self.chance(50)),
            "list" => json!([1, "a", [true]]),
            "dict" => json!({"a": {"b": [1]}, "type": "x"}),
            "regex" => json!("^[a-z]+$"),
            "string" | "textarea" => self.pick(&[
                json!("text"),
                json!(""),
                json!("yes"),
                json!("it's"),
                json!("a: b"),
                json!(5),
                json!("10"),
                json!(" x "),
            ]),
            _ => json!({}),
        }
    }

    /// A value, or a function that yields one sooner or later. `own` are properties of the same node that it may
    /// refer to.
    fn expression(&mut self, type_name: Option<&str>, own: &[String], depth: usize) -> Value {
        if depth > 2 || self.chance(50) {
            return self.value(type_name);
        }
        match self.upto(9) {
            0 | 1 if !self.inputs.is_empty() => json!({"get_input": self.pick(&self.inputs.clone())}),
            2 if !own.is_empty() => json!({"get_property": ["SELF", self.pick(own)]}),
            3 | 4 => self.of_node("get_property"),
            5 => json!({"concat": [self.expression(None, own, depth + 1), "-", self.expression(None, own, depth + 1)]}),
            6 => self.of_node("get_attribute"),
            7 => json!({"get_secret": self.pick(&["secret", "other"])}),
            8 => {
                json!({"get_capability": [self.pick(&["dep", "other"]), "cap", self.expression(Some("string"), own, 3)]})
            }
            _ => json!({"nested": [self.expression(None, own, depth + 1)], "plain": self.value(None)}),
        }
    }

    /// A function about a property of a node that is there already.
    fn of_node(&mut self, function: &str) -> Value {
        let known: Vec<(String, Vec<String>)> =
            self.nodes.iter().filter(|(_, properties)| !properties.is_empty()).cloned().collect();
        if known.is_empty() {
            return json!("none");
        }
        let (node, properties) = self.pick(&known);
        json!({function: [node, self.pick(&properties)]})
    }

    fn inputs(&mut self) -> Map<String, Value> {
        let mut inputs = Map::new();
        for number in 0..=self.upto(3) {
            let name = format!("input{number}");
            let type_name = self.chance(70).then(|| self.pick(PLAIN_TYPES));
            let mut input = Map::new();
            if let Some(type_name) = type_name {
                input.insert("type".to_owned(), json!(type_name));
            }
            if self.chance(80) {
                input.insert("default".to_owned(), self.value(type_name));
            }
            match type_name {
                Some("integer") if self.chance(40) => {
                    input.insert("constraints".to_owned(), json!([{"in_range": [-5, 200]}, {"less_than": 150}]));
                }
                Some("list") if self.chance(40) => {
                    input.insert("constraints".to_owned(), json!([{"max_length": 5}]));
                }
                _ => {}
            }
            inputs.insert(name.clone(), Value::Object(input));
            self.inputs.push(name);
        }
        inputs
    }

    /// Operations that plugins have, as types or as templates write them.
    fn interfaces(&mut self, of_type: bool, own: &[String]) -> Map<String, Value> {
        let mut interfaces = Map::new();
        for interface in INTERFACES {
            if self.chance(60) {
                continue;
            }
            let mut operations = Map::new();
            for operation in OPERATIONS {
                if self.chance(50) {
                    operations.insert((*operation).to_owned(), self.operation(of_type, own));
                }
            }
            interfaces.insert((*interface).to_owned(), Value::Object(operations));
        }
        interfaces
    }

    fn operation(&mut self, of_type: bool, own: &[String]) -> Value {
        let mapping = format!("{}.tasks.run", self.pick(&self.plugins.clone()));
        if self.chance(15) {
            return self.pick(&[json!({}), json!("")]);
        }
        if self.chance(40) {
            return json!(mapping);
        }
        let mut operation = json!({"implementation": mapping});
        if self.chance(30) {
            operation["executor"] = json!("central_deployment_agent");
        }
        if self.chance(20) {
            operation[self.pick(&["max_retries", "retry_interval", "timeout"])] = json!(3);
        }
        if of_type {
            operation["inputs"] = Value::Object(self.schema(1, true));
        } else {
            operation["inputs"] =
                json!({"prop0": self.expression(None, own, 0), "extra": self.expression(None, own, 0)});
        }
        operation
    }

    fn node_types(&mut self) -> Map<String, Value> {
        let mut types = Map::from_iter([
            ("cloudify.nodes.Root".to_owned(), json!({})),
            ("cloudify.nodes.Compute".to_owned(), json!({"derived_from": "cloudify.nodes.Root"})),
        ]);
        self.node_types = types.keys().map(|name| (name.clone(), Map::new())).collect();
        for number in 0..=self.upto(3) {
            let name = format!("type{number}");
            let (parent, inherited) = self.pick(&self.node_types.clone());
            let own = self.schema(2, false);
            let properties = inherited.into_iter().chain(own.clone()).collect();
            let definition = json!({
                "derived_from": parent, "properties": own, "interfaces": self.interfaces(true, &[]),
            });
            self.node_types.push((name.clone(), properties));
            types.insert(name, definition);
        }
        types
    }

    fn relationship_types(&mut self) -> Map<String, Value> {
        let base = "cloudify.relationships.";
        let mut types = Map::from_iter([(
            format!("{base}depends_on"),
            json!({"properties": {"connection_type": {"default": "all_to_all"}}}),
        )]);
        for name in ["contained_in", "connected_to"] {
            types.insert(format!("{base}{name}"), json!({"derived_from": format!("{base}depends_on")}));
        }
        self.relationships = types.keys().cloned().collect();
        for number in 0..self.upto(2) {
            let name = format!("rel{number}");
            let mut definition = json!({"derived_from": self.pick(&self.relationships.clone())});
            if self.chance(50) {
                definition["properties"] = Value::Object(self.schema(1, true));
            }
            for side in ["source_interfaces", "target_interfaces"] {
                if self.chance(40) {
                    definition[side] = Value::Object(self.interfaces(true, &[]));
                }
            }
            self.relationships.push(name.clone());
            types.insert(name, definition);
        }
        types
    }

    fn node_templates(&mut self) -> Map<String, Value> {
        let mut templates = Map::new();
        for number in 0..=self.upto(5) {
            let name = format!("node{number}");
            let (type_name, schema) = self.pick(&self.node_types.clone());
            let mut template = json!({"type": type_name});
            let mut properties = Map::new();
            let mut seen: Vec<String> = Vec::new();
            let mut names: Vec<&String> = schema.keys().collect();
            names.sort();
            for property in names {
                let definition = &schema[property];
                let required = definition.get("default").is_none() && definition["required"] != json!(false);
                let given = required || self.chance(40);
                if given {
                    let value = self.expression(definition["type"].as_str(), &seen, 0);
                    properties.insert(property.clone(), value);
                }
                if given || definition.get("default").is_some() {
                    seen.push(property.clone());
                }
            }
            if !properties.is_empty() {
                template["properties"] = Value::Object(properties);
            }
            match self.upto(5) {
                0 => template["instances"] = json!({"deploy": self.upto(3)}),
                1 => {
                    let count = self.upto(3);
                    template["capabilities"] = json!({"scalable": {"properties": {"default_instances": count}}});
                }
                _ => {}
            }
            if self.chance(50) {
                template["interfaces"] = Value::Object(self.interfaces(false, &seen));
            }
            let relationships = self.relationships_to_earlier();
            if !relationships.is_empty() {
                template["relationships"] = Value::Array(relationships);
            }
            self.nodes.push((name.clone(), seen));
            templates.insert(name, template);
        }
        templates
    }

    fn relationships_to_earlier(&mut self) -> Vec<Value> {
        let mut relationships = Vec::new();
        if self.nodes.is_empty() {
            return relationships;
        }
        for number in 0..self.upto(2) {
            let (target, _) = self.pick(&self.nodes.clone());
            let known: Vec<String> = self
                .relationships
                .iter()
                .filter(|name| number == 0 || !name.contains("contained_in"))
                .cloned()
                .collect();
            let mut relationship = json!({"type": self.pick(&known), "target": target});
            if self.chance(15) {
                relationship["properties"] = json!({"connection_type": "all_to_one"});
            }
            if self.chance(20) {
                relationship["source_interfaces"] = Value::Object(self.interfaces(false, &[]));
            }
            relationships.push(relationship);
        }
        relationships
    }

    fn groups(&mut self) -> Map<String, Value> {
        let mut groups = Map::new();
        let nodes: Vec<String> = self.nodes.iter().map(|(name, _)| name.clone()).collect();
        for number in 0..self.upto(2) {
            let members: Vec<String> = (0..=self.upto(1)).map(|_| self.pick(&nodes)).collect();
            groups.insert(format!("group{number}"), json!({"members": members}));
        }
        groups
    }

    fn policies(&mut self, groups: &[String]) -> Value {
        let mut policy = json!({"type": "cloudify.policies.scaling", "targets": [self.pick(groups)]});
        if self.chance(60) {
            policy["properties"] = json!({"default_instances": self.upto(3), "max_instances": 5});
        }
        json!({"scale": policy})
    }

    fn outputs(&mut self) -> Map<String, Value> {
        (0..self.upto(3))
            .map(|number| (format!("out{number}"), json!({"value": self.expression(None, &[], 0)})))
            .collect()
    }

    fn labels(&mut self) -> Map<String, Value> {
        let function = json!({"concat": [self.expression(Some("string"), &[], 3), "x"]});
        Map::from_iter([("label".to_owned(), json!({"values": ["plain", function]}))])
    }

    fn workflows(&mut self) -> Map<String, Value> {
        let mut workflows = Map::new();
        for number in 0..self.upto(2) {
            let mapping = format!("{}.flow", self.pick(&self.plugins.clone()));
            let workflow = if self.chance(50) {
                json!(mapping)
            } else {
                json!({"mapping": mapping, "parameters": self.schema(2, false), "is_cascading": self.chance(50)})
            };
            workflows.insert(format!("flow{number}"), workflow);
        }
        workflows
    }

    /// Without inputs, with inputs that mostly fit, and for evaluation at run time only.
    fn rounds(&mut self, blueprint: &Value) -> Value {
        let mut inputs = Map::new();
        for (name, input) in blueprint["inputs"].as_object().into_iter().flatten() {
            let fits = self.chance(85);
            let type_name = input["type"].as_str().filter(|_| fits);
            inputs.insert(name.clone(), self.value(type_name));
        }
        let secrets = json!(["secret", "other"]);
        json!([
            {"secrets": secrets},
            {"secrets": secrets, "inputs": inputs, "state": {"secrets": {"secret": "s"}, "capabilities": {"dep": {"cap": {"text": 1}}}}},
            {"secrets": secrets, "inputs": inputs, "runtime_only": true, "auto_correct": true},
        ])
    }
}
