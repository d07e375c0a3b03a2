//! The sections of a blueprint and their keys, in the order in which messages list them (spec dsl.md
//! sections 1.2 and 1.3).

use super::{Field, Leaf, Rule, Shape, field};
use crate::version::Version::{V1_1, V1_2, V1_3, V1_4, V1_5};

const TEXT: Rule = Rule::new(Shape::Leaf(&[Leaf::String]));
const TRUTH: Rule = Rule::new(Shape::Leaf(&[Leaf::Boolean]));
const INTEGER: Rule = Rule::new(Shape::Leaf(&[Leaf::Integer]));
const NUMBER: Rule = Rule::new(Shape::Leaf(&[Leaf::Number]));
const DICT: Rule = Rule::new(Shape::Leaf(&[Leaf::Dict]));
const LIST: Rule = Rule::new(Shape::Leaf(&[Leaf::List]));
const ANY: Rule =
    Rule::new(Shape::Leaf(&[Leaf::List, Leaf::Boolean, Leaf::Integer, Leaf::Float, Leaf::String, Leaf::Dict]));
static TEXTS: Rule = TEXT;
static DICTS: Rule = DICT.plain();

/// Every top-level key.
pub(crate) static BLUEPRINT: Rule = Rule::new(Shape::Fields(SECTIONS));

/// The rules by top-level key.
pub(crate) static SECTIONS: &[Field] = &[
    field("tosca_definitions_version", TEXT.plain()),
    field("description", TEXT.since(V1_2)),
    field("imports", Rule::new(Shape::List(&TEXTS))),
    field("dsl_definitions", Rule::new(Shape::Leaf(&[Leaf::Dict, Leaf::List])).since(V1_2)),
    field("metadata", DICT),
    field("inputs", Rule::new(Shape::Dict(&INPUT))),
    field("plugins", Rule::new(Shape::Dict(&PLUGIN))),
    field("node_types", Rule::new(Shape::Dict(&NODE_TYPE))),
    field("relationships", Rule::new(Shape::Dict(&RELATIONSHIP_TYPE))),
    field("node_templates", Rule::new(Shape::Dict(&NODE_TEMPLATE))),
    field("policy_types", Rule::new(Shape::Dict(&POLICY_TYPE))),
    field("policy_triggers", Rule::new(Shape::Dict(&POLICY_TRIGGER))),
    field("groups", Rule::new(Shape::Dict(&GROUP))),
    field("policies", Rule::new(Shape::Dict(&POLICY)).since(V1_3)),
    field("workflows", Rule::new(Shape::Dict(&WORKFLOW))),
    field("outputs", Rule::new(Shape::Dict(&OUTPUT))),
    field("data_types", Rule::new(Shape::Dict(&DATA_TYPE)).since(V1_2)),
    field("capabilities", Rule::new(Shape::Dict(&OUTPUT))),
    field("imported_blueprints", Rule::new(Shape::List(&TEXTS))),
    field("namespaces_mapping", Rule::new(Shape::Dict(&PLAIN_TEXT)).plain()),
    field("labels", Rule::new(Shape::Dict(&LABEL))),
    field("blueprint_labels", Rule::new(Shape::Dict(&LABEL))),
    field("deployment_settings", Rule::new(Shape::Fields(DEPLOYMENT_SETTINGS))),
    field("resource_tags", Rule::new(Shape::Dict(&ANYTHING)).since(V1_3)),
];

static PLAIN_TEXT: Rule = TEXT.plain();
static ANYTHING: Rule = ANY;

static INPUT: Rule = Rule::new(Shape::Fields(&[
    field("required", TRUTH.plain().since(V1_2)),
    field("default", ANY.plain()),
    field("description", TEXT.plain()),
    field("type", TEXT),
    field("item_type", TEXT.since(V1_4)),
    field("constraints", Rule::new(Shape::List(&DICTS))),
    field("display_label", TEXT.plain().since(V1_3)),
    field("hidden", TRUTH.plain().since(V1_3)),
    field("display", Rule::new(Shape::Fields(&[field("rows", INTEGER)]))),
]));

static PARAMETER: Rule = Rule::new(Shape::Fields(&[
    field("required", TRUTH.plain().since(V1_2)),
    field("default", ANY.plain()),
    field("description", TEXT.plain()),
    field("type", TEXT),
    field("item_type", TEXT.since(V1_4)),
    field("constraints", Rule::new(Shape::List(&DICTS))),
]));

static PROPERTY: Rule = Rule::new(Shape::Fields(&[
    field("required", TRUTH.plain().since(V1_2)),
    field("default", ANY.plain()),
    field("description", TEXT.plain()),
    field("type", TEXT),
]));

const PROPERTIES: Rule = Rule::new(Shape::Dict(&PROPERTY)).plain();

static PLUGIN: Rule = Rule::new(Shape::Fields(PLUGIN_FIELDS));
/// The keys of a plugin, all of which appear in plans.
pub(crate) static PLUGIN_FIELDS: &[Field] = &[
    field("source", TEXT.plain()),
    field("executor", TEXT.plain().required()),
    field("install", TRUTH.plain()),
    field("install_arguments", TEXT.plain().since(V1_1)),
    field("package_name", TEXT.plain().since(V1_2)),
    field("package_version", TEXT.plain().since(V1_2)),
    field("supported_platform", TEXT.plain().since(V1_2)),
    field("distribution", TEXT.plain().since(V1_2)),
    field("distribution_version", TEXT.plain().since(V1_2)),
    field("distribution_release", TEXT.plain().since(V1_2)),
    field("properties_description", TEXT.plain().since(V1_5)),
    field("properties", Rule::new(Shape::Dict(&PLUGIN_PROPERTY)).since(V1_5)),
];
static PLUGIN_PROPERTY: Rule = Rule::new(Shape::Fields(&[
    field("description", TEXT.plain()),
    field("type", TEXT),
    field("display_label", TEXT.plain().since(V1_3)),
    field("value", ANY.plain()),
]));

static NODE_TYPE: Rule = Rule::new(Shape::Fields(&[
    field("derived_from", TEXT),
    field("interfaces", TYPE_INTERFACES),
    field("properties", PROPERTIES),
    field("runtime_properties", PROPERTIES),
]));

static RELATIONSHIP_TYPE: Rule = Rule::new(Shape::Fields(&[
    field("derived_from", TEXT),
    field("properties", PROPERTIES),
    field("source_interfaces", TYPE_INTERFACES),
    field("target_interfaces", TYPE_INTERFACES),
]));

static DATA_TYPE: Rule = Rule::new(Shape::Fields(&[
    field("properties", PROPERTIES),
    field("description", TEXT),
    field("derived_from", TEXT),
    field("version", TEXT),
]));

const TYPE_INTERFACES: Rule = Rule::new(Shape::Dict(&TYPE_INTERFACE)).plain();
static TYPE_INTERFACE: Rule = Rule::new(Shape::Dict(&TYPE_OPERATION)).plain();
static TYPE_OPERATION: Rule = Rule::new(Shape::TextOr(&[
    field("implementation", TEXT),
    field("inputs", Rule::new(Shape::Dict(&INPUT)).plain()),
    field("executor", TEXT.plain()),
    field("max_retries", INTEGER.since(V1_1)),
    field("retry_interval", NUMBER.since(V1_1)),
    field("timeout", NUMBER),
    field("timeout_recoverable", TRUTH),
]));

const TEMPLATE_INTERFACES: Rule = Rule::new(Shape::Dict(&TEMPLATE_INTERFACE)).plain();
static TEMPLATE_INTERFACE: Rule = Rule::new(Shape::Dict(&TEMPLATE_OPERATION)).plain();
static TEMPLATE_OPERATION: Rule = Rule::new(Shape::TextOr(&[
    field("implementation", TEXT),
    field("inputs", DICT.plain()),
    field("executor", TEXT.plain()),
    field("max_retries", INTEGER.since(V1_1)),
    field("retry_interval", NUMBER.since(V1_1)),
    field("timeout", NUMBER),
    field("timeout_recoverable", TRUTH),
]));

static NODE_TEMPLATE: Rule = Rule::new(Shape::Fields(&[
    field("type", TEXT.required()),
    field("instances", Rule::new(Shape::Fields(&[field("deploy", INTEGER.required())]))),
    field("capabilities", Rule::new(Shape::Fields(&[field("scalable", SCALABLE)])).since(V1_3)),
    field("interfaces", TEMPLATE_INTERFACES),
    field("relationships", Rule::new(Shape::List(&RELATIONSHIP))),
    field("properties", DICT),
]));

const SCALABLE: Rule = Rule::new(Shape::Fields(&[field("properties", SCALABLE_PROPERTIES)]));
const SCALABLE_PROPERTIES: Rule = Rule::new(Shape::Fields(&[
    field("min_instances", Rule::new(Shape::Leaf(&[Leaf::Integer, Leaf::Dict]))),
    field("max_instances", Rule::new(Shape::Leaf(&[Leaf::Integer, Leaf::String, Leaf::Dict]))),
    field("default_instances", Rule::new(Shape::Leaf(&[Leaf::Integer, Leaf::Dict]))),
]))
.plain();

static RELATIONSHIP: Rule = Rule::new(Shape::Fields(&[
    field("type", TEXT.required()),
    field("target", TEXT.required()),
    field("properties", DICT),
    field("source_interfaces", TEMPLATE_INTERFACES),
    field("target_interfaces", TEMPLATE_INTERFACES),
]));

static POLICY_TYPE: Rule =
    Rule::new(Shape::Fields(&[field("properties", PROPERTIES), field("source", TEXT.plain().required())]));

static POLICY_TRIGGER: Rule =
    Rule::new(Shape::Fields(&[field("parameters", PROPERTIES), field("source", TEXT.plain().required())]));

static GROUP: Rule = Rule::new(Shape::Fields(&[
    field("members", Rule::new(Shape::List(&TEXTS)).required()),
    field("policies", Rule::new(Shape::Dict(&GROUP_POLICY))),
]));
static GROUP_POLICY: Rule = Rule::new(Shape::Fields(&[
    field("type", TEXT.required()),
    field("properties", DICT),
    field("triggers", Rule::new(Shape::Dict(&GROUP_TRIGGER))),
]));
static GROUP_TRIGGER: Rule = Rule::new(Shape::Fields(&[field("type", TEXT.required()), field("parameters", DICT)]));

static POLICY: Rule = Rule::new(Shape::Fields(&[
    field("type", TEXT.required()),
    field("properties", SCALABLE_PROPERTIES),
    field("targets", Rule::new(Shape::List(&TEXTS)).required()),
]));

static WORKFLOW: Rule = Rule::new(Shape::TextOr(&[
    field("mapping", TEXT.required()),
    field("parameters", Rule::new(Shape::Dict(&PARAMETER)).plain()),
    field("is_cascading", TRUTH.plain()),
    field(
        "availability_rules",
        Rule::new(Shape::Fields(&[
            field("available", TRUTH.plain()),
            field("node_instances_active", LIST.plain()),
            field("node_types_required", Rule::new(Shape::List(&PLAIN_TEXT)).plain()),
        ]))
        .plain()
        .since(V1_4),
    ),
]))
.required();

static OUTPUT: Rule = Rule::new(Shape::Fields(&[field("description", TEXT.plain()), field("value", ANY.required())]));

static LABEL: Rule = Rule::new(Shape::Fields(&[field("values", LIST.required())]));

static DEPLOYMENT_SETTINGS: &[Field] = &[
    field("default_schedules", Rule::new(Shape::Dict(&SCHEDULE))),
    field("default_groups", LIST),
    field("id_template", TEXT),
    field("display_name", Rule::new(Shape::Leaf(&[Leaf::String, Leaf::Dict]))),
];

static SCHEDULE: Rule = Rule::new(Shape::Fields(&[
    field("workflow", TEXT.required()),
    field(
        "execution_arguments",
        Rule::new(Shape::Fields(&[
            field("force", TRUTH),
            field("is_dry_run", TRUTH),
            field("wait_after_fail", INTEGER),
            field("allow_custom_parameters", TRUTH),
        ])),
    ),
    field("workflow_parameters", DICT),
    field("since", TEXT.required()),
    field("until", TEXT),
    field("recurrence", TEXT),
    field("timezone", TEXT),
    field("weekdays", Rule::new(Shape::List(&TEXTS))),
    field("count", INTEGER),
    field("default_enabled", TRUTH),
    field("stop_after_fail", TRUTH),
    field("slip", INTEGER),
]));

/// The `imports` of the main text, which alone may carry properties.
pub(crate) static IMPORTS: Rule = Rule::new(Shape::List(&IMPORT));
static IMPORT: Rule = TEXT;
