//! Every mistake that is told apart, with what clients know it by.
//!
//! A [`Fault`] fixes the class and the number that the reference raises (spec dsl.md section 1.4); its
//! name is finer than both and never changes. `docs/errors.md` is made from this table.

use super::Kind;

macro_rules! faults {
    ($($(#[doc = $meaning:literal])+ $variant:ident = $kind:ident($($code:literal)?), $name:literal, $remedy:literal;)*) => {
        /// What is wrong, as a closed list.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Fault { $($(#[doc = $meaning])+ $variant,)* }

        impl Fault {
            /// Every fault, by theme.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The stable name for programs, which is also its anchor in `docs/errors.md`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The exception class of the reference.
            pub const fn kind(self) -> Kind {
                match self { $(Self::$variant => Kind::$kind,)* }
            }

            /// The class's number, if it has one.
            pub const fn code(self) -> Option<i32> {
                match self { $(Self::$variant => faults!(@code $($code)?),)* }
            }

            /// What it means, a sentence.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => concat!($($meaning,)+).trim(),)* }
            }

            /// What to do about it, a sentence.
            pub const fn remedy(self) -> &'static str {
                match self { $(Self::$variant => $remedy,)* }
            }
        }
    };
    (@code) => { None };
    (@code $code:literal) => { Some($code) };
}

faults! {
    /// The text does not follow the structure of YAML: a bracket is not closed, an indentation does not fit.
    YamlSyntax = Format(-1), "yaml_syntax", "Look at the place and at the lines above it for brackets, quotes and indentation.";
    /// Characters that make no YAML token, such as a tab as indentation or an unfinished quote.
    YamlToken = YamlScanner(), "yaml_token", "Indent with spaces, close quotes, quote texts that begin with a special character.";
    /// An alias without its anchor, two documents in one text, or a text that nests or repeats too much.
    YamlComposition = YamlComposer(), "yaml_composition", "Define `&anchor` before `*anchor` is used; keep one document in a file.";
    /// A YAML value that cannot be made, such as one with an unknown tag.
    YamlValue = YamlConstructor(), "yaml_value", "Remove the `!tag`, or write a value that the tag takes.";
    /// A number or a date that is none.
    YamlNumberOrDate = Value(), "yaml_number_or_date", "Correct the number or the date, or quote it.";
    /// A truth value that is none.
    YamlTruthValue = Key(), "yaml_truth_value", "Write `true` or `false`.";
    /// A key that cannot be one, such as a list.
    YamlKey = Type(), "yaml_key", "Write a text as the key.";
    /// A number without digits.
    YamlEmptyNumber = Index(), "yaml_empty_number", "Write the number, or quote the text.";
    /// A date without the shape of one.
    YamlDate = Attribute(), "yaml_date", "Write the date as `2026-12-31`, or quote it.";
    /// A number, or the number of an escaped letter, that is too large.
    YamlNumberRange = Overflow(), "yaml_number_range", "Write a smaller number.";
    /// A character that YAML forbids.
    YamlCharacter = YamlReader(), "yaml_character", "Remove control characters; save the file as UTF-8.";
    /// A text with letters beyond ASCII.
    NotAscii = InputType(108), "not_ascii", "Write the text in ASCII; comments may hold any letter.";

    /// A key that does not exist at this place.
    UnknownKey = Format(1), "unknown_key", "Correct the key or remove it; the message lists the keys that exist.";
    /// A required key is missing.
    MissingKey = Format(1), "missing_key", "Add the key.";
    /// A value of another type than the place takes, such as a text instead of a mapping.
    WrongType = Format(1), "wrong_type", "Write a value of the type that the message names.";
    /// A key that is a number, a truth value or a date.
    KeyNotText = Format(1), "key_not_text", "Quote the key.";
    /// A date where the language has none.
    UnexpectedDate = Value(), "unexpected_date", "Quote the date, so that it is a text.";
    /// A property of a type with nothing behind its name.
    EmptyProperty = ElementMatch(), "empty_property", "Write `{}` behind a property that has nothing to say.";
    /// A data type that is no mapping.
    DataTypeNotMapping = Attribute(), "data_type_not_mapping", "Write the data type as a mapping with `properties`.";
    /// A mapping or a list where a data type says the name of a type.
    DataTypeName = Type(), "data_type_name", "Write the name of a type.";
    /// The blueprint does not say its `tosca_definitions_version`.
    MissingVersion = Logic(27), "missing_version", "Add `tosca_definitions_version: cloudify_dsl_1_5`.";
    /// A `tosca_definitions_version` that does not exist.
    UnknownVersion = Logic(29), "unknown_version", "Use one of `cloudify_dsl_1_0` to `cloudify_dsl_1_5`.";
    /// Something that came with a later version of the language than the blueprint declares.
    UnsupportedInVersion = Logic(102), "unsupported_in_version", "Raise `tosca_definitions_version`, or do without.";

    /// `imports` that are no list.
    ImportsNotList = Type(), "imports_not_list", "Write a list, or leave `imports` out.";
    /// A section, a plugin or its properties that are no mapping, met while files are put together.
    SectionNotMapping = Value(), "section_not_mapping", "Write a mapping, `{}` at least, or leave the key out.";
    /// The same import twice in one list.
    DuplicateImport = Format(2), "duplicate_import", "Remove one of them.";
    /// Two files bring a section of which there can be only one.
    UnmergeableSection = Logic(3), "unmergeable_section", "Keep the section in one file, or raise the version to `cloudify_dsl_1_3` where that helps.";
    /// Two files define the same name in a section.
    ImportConflict = Logic(4), "import_conflict", "Rename one of the two, or import one file under a namespace.";
    /// Two files define the same workflow in ways that cannot be joined.
    WorkflowConflict = Type(), "workflow_conflict", "Keep one of the two definitions.";
    /// An import that cannot be read.
    ImportFailed = Logic(13), "import_failed", "Check the path: it is looked for beside the importing file and among the built-in types.";
    /// A plugin or blueprint that the manager does not have.
    ImportNotFound = InvalidBlueprintImport(), "import_not_found", "Upload it first, or correct its name.";
    /// A plugin or blueprint import that nobody here can answer.
    ImportUnavailable = Runtime(), "import_unavailable", "Upload the plugin first; `nephele blueprints validate --plugins DIR` takes it from a folder.";
    /// An imported file that declares a later version than the main one.
    NewerImport = Logic(28), "newer_import", "Raise the version of the main file, or import a file for the older version.";
    /// An imported file that declares a version which does not exist.
    UnknownImportVersion = Value(), "unknown_import_version", "Correct or remove the version in the imported file.";
    /// A namespace that contains the delimiter `--`.
    NamespaceWithDelimiter = Logic(212), "namespace_with_delimiter", "Choose a namespace without `--`.";
    /// A blueprint imported without a namespace.
    BlueprintWithoutNamespace = Logic(213), "blueprint_without_namespace", "Write `name--blueprint:id`.";
    /// A namespace before the built-in types.
    NamespaceOnBuiltin = Logic(214), "namespace_on_builtin", "Import the built-in types without a namespace.";
    /// One namespace for two imported blueprints.
    NamespaceReused = Logic(214), "namespace_reused", "Give each imported blueprint a namespace of its own.";
    /// An import with properties that is not one name with a mapping.
    MalformedImport = Format(220), "malformed_import", "Write `- plugin:name: {property: value}`.";
    /// An import sets properties that the plugin does not declare, or with values of other types.
    ImportProperties = Logic(221), "import_properties", "Set the properties that the plugin declares, with values of their types.";
    /// A plugin declares a property without a type, and an import sets properties.
    UntypedPluginProperty = Attribute(), "untyped_plugin_property", "Give the plugin's property a type.";

    /// Import resolver rules of the wrong shape.
    ResolverRules = ResolverRules(), "resolver_rules", "Write each rule as a mapping of one prefix to one replacement.";

    /// Types derive from each other, or nodes relate to each other, in a circle.
    Cycle = Logic(100), "cycle", "Remove one link of the chain that the message shows.";
    /// A blueprint that stands for more than can be handled: files, values, or types above each other.
    TooLarge = Base(), "too_large", "Make less of what the message names.";
    /// A type of a property or input that is neither built in nor a data type.
    UnknownDataType = Logic(103), "unknown_data_type", "Correct the name, or define it under `data_types`.";
    /// A type derived from one that is not defined.
    UnknownParentType = Logic(103), "unknown_parent_type", "Correct the name in `derived_from`, or import the file that defines it.";
    /// A data type named like a type of the language.
    ReservedTypeName = Logic(104), "reserved_type_name", "Choose another name.";
    /// A value that is not of the declared type.
    TypeMismatch = Logic(105), "type_mismatch", "Write a value of the type, or change the type.";
    /// A property that the type does not have.
    UndefinedProperty = Logic(106), "undefined_property", "Correct the name, or declare the property in the type.";
    /// A required property without a value.
    MissingProperty = Logic(107), "missing_property", "Give it a value, or a default in the type.";
    /// An operation's input without a value.
    MissingOperationInput = Logic(107), "missing_operation_input", "Give it a value in the template, or a default in the type.";
    /// A function as the value of `use_external_resource`.
    ExternalResourceFunction = Logic(219), "external_resource_function", "Write `true` or `false`.";
    /// A value of a type that could not be resolved.
    UnresolvedType = Runtime(), "unresolved_type", "Define the data type that the message names.";

    /// A hidden input that is required and has no default.
    HiddenRequiredInput = Logic(215), "hidden_required_input", "Give it a default, or set `required: false`.";
    /// `display` on an input that is no `textarea`.
    DisplayOnWrongType = InputType(216), "display_on_wrong_type", "Remove `display`, or set `type: textarea`.";
    /// An `item_type` that is not a type of the language.
    IllegalItemType = Logic(217), "illegal_item_type", "Use `string`, `integer`, `float`, `boolean` or another built-in type.";
    /// An `item_type` on something that is no list.
    ItemTypeWithoutList = Logic(218), "item_type_without_list", "Set `type: list`, or remove `item_type`.";
    /// A constraint that does not exist.
    UnknownConstraint = Logic(103), "unknown_constraint", "Correct the operator; the message lists those that exist.";
    /// Several operators in one constraint.
    SeveralConstraints = Logic(103), "several_constraints", "Make each operator an item of the list.";
    /// A constraint that holds nothing but a message.
    ConstraintWithoutOperator = Index(), "constraint_without_operator", "Add an operator.";
    /// A pattern that is no text.
    PatternNotText = Type(), "pattern_not_text", "Write the pattern as a text.";
    /// Constraints, or what a constraint goes through, that are no list.
    ConstraintNotList = Type(), "constraint_not_list", "Write a list.";
    /// A constraint's argument that its operator cannot take.
    ConstraintArgument = Logic(212), "constraint_argument", "Write an argument of the operator's type: `in_range` takes two numbers, `valid_values` a list.";
    /// A function as the value of an input with constraints.
    FunctionWithConstraints = Base(213), "function_with_constraints", "Write a plain value, or remove the constraints.";
    /// A value that violates a constraint, or that names something which does not exist.
    ConstraintViolated = Constraint(), "constraint_violated", "Choose a value that satisfies the constraint.";

    /// A constraint's operator that does not exist, met while a value is checked.
    UnknownOperator = Key(), "unknown_operator", "Correct the operator.";
    /// A constraint that only a manager can check.
    ConstraintOfManager = NotImplemented(), "constraint_of_manager", "Give the value through a manager.";

    /// A plugin without a legal `executor`.
    PluginExecutor = Logic(18), "plugin_executor", "Use `central_deployment_agent` or `host_agent`.";
    /// A plugin that is to be installed and says not from where.
    PluginWithoutSource = Logic(50), "plugin_without_source", "Add `package_name` or `source`, or set `install: false`.";
    /// An operation with an `executor` that does not exist.
    OperationExecutor = Logic(28), "operation_executor", "Use `central_deployment_agent` or `host_agent`.";
    /// A node's operation that leads to no plugin and no script.
    UnmappedOperation = Logic(10), "unmapped_operation", "Write `plugin.module.function`, or the path of a script in the blueprint's folder.";
    /// A relationship's operation that leads to no plugin and no script.
    UnmappedRelationshipOperation = Logic(19), "unmapped_relationship_operation", "Write `plugin.module.function`, or the path of a script in the blueprint's folder.";
    /// A workflow that leads to no plugin and no script.
    UnmappedWorkflow = Logic(21), "unmapped_workflow", "Write `plugin.module.function`, or the path of a script in the blueprint's folder.";
    /// A script as implementation together with an input `script_path` or `script_source`.
    ScriptInput = Logic(60), "script_input", "Rename the input: the script's path is passed under that name.";
    /// A script as implementation without a plugin to run it.
    MissingScriptPlugin = Logic(61), "missing_script_plugin", "Import the built-in types, which bring the plugin `script`.";
    /// An implementation that begins with the names of two plugins.
    AmbiguousPlugin = Logic(91), "ambiguous_plugin", "Rename one of the plugins.";
    /// Retries, retry intervals or timeouts below what they may be.
    NegativeRetries = Value(), "negative_retries", "Use -1 for endless retries, else 0 or more.";

    /// A node template of a type that is not defined.
    UnknownNodeType = Logic(7), "unknown_node_type", "Correct the name, or import the file that defines it.";
    /// A relationship to the node itself.
    RelationshipToItself = Logic(23), "relationship_to_itself", "Choose another target.";
    /// An operation for a host's agent on a node that is in no host.
    HostAgentWithoutHost = Logic(24), "host_agent_without_host", "Contain the node in a `cloudify.nodes.Compute`, or set `executor: central_deployment_agent`.";
    /// A relationship to a node that is not defined.
    UnknownTarget = Logic(25), "unknown_target", "Correct the name, or define the node template.";
    /// A relationship of a type that is not defined.
    UnknownRelationshipType = Logic(26), "unknown_relationship_type", "Correct the name, or import the file that defines it.";
    /// A node contained in several others.
    SeveralContainers = Logic(112), "several_containers", "Keep one relationship derived from `cloudify.relationships.contained_in`.";
    /// Instance counts that are negative or contradict each other.
    InstanceCounts = Logic(207), "instance_counts", "Keep `min_instances <= default_instances <= max_instances`.";
    /// A negative `instances.deploy`.
    NegativeDeploy = Format(1), "negative_deploy", "Use 0 or more.";
    /// A text other than `UNBOUNDED` as `max_instances`.
    MaxInstancesText = Logic(208), "max_instances_text", "Use a number, -1 or `UNBOUNDED`.";
    /// `instances.deploy` together with `capabilities.scalable`.
    DeployAndScalable = Logic(209), "deploy_and_scalable", "Keep `capabilities.scalable`.";
    /// A mapping as an instance count that is no function.
    CountNotFunction = Logic(210), "count_not_function", "Use a number or a function.";
    /// A `depends_on_lifecycle_operation` that names no operation.
    LifecycleWithoutOperation = Logic(215), "lifecycle_without_operation", "Add `properties: {operation: ...}`.";
    /// A `depends_on_lifecycle_operation` on an operation that the target does not write.
    LifecycleOperationMissing = Logic(216), "lifecycle_operation_missing", "Write that operation in the target's template.";

    /// A group's member that is neither a node template nor a group.
    UnknownGroupMember = Logic(40), "unknown_group_member", "Correct the name.";
    /// A group without members.
    EmptyGroup = Format(1), "empty_group", "Name at least one member.";
    /// A group's policy of a type that is not defined.
    UnknownPolicyType = Logic(41), "unknown_policy_type", "Correct the name, or define it under `policy_types`.";
    /// A policy's trigger of a type that is not defined.
    UnknownTriggerType = Logic(42), "unknown_trigger_type", "Correct the name, or define it under `policy_triggers`.";
    /// Groups that contain each other.
    GroupCycle = Logic(200), "group_cycle", "Remove one membership of the chain.";
    /// A member of several groups that are scaled.
    SeveralGroups = Logic(201), "several_groups", "Keep the member in one group.";
    /// Members of a scaled group in different containers.
    NoSharedContainer = Logic(202), "no_shared_container", "Contain the members in one node, or add their containers to the group.";
    /// A policy of a type other than `cloudify.policies.scaling`.
    UnsupportedPolicyType = Logic(204), "unsupported_policy_type", "Use `cloudify.policies.scaling`.";
    /// A policy's target that is no group.
    TargetNotGroup = Logic(205), "target_not_group", "Correct the name, or define the group.";
    /// A policy without targets.
    PolicyWithoutTargets = Logic(206), "policy_without_targets", "Name at least one group.";
    /// A group named like a node template.
    GroupNamedLikeNode = Logic(211), "group_named_like_node", "Rename one of the two.";

    /// A workflow's `node_instances_active` with a value that does not exist.
    AvailabilityRule = Logic(103), "availability_rule", "Use `all`, `partial` or `none`.";
    /// A label's value that labels cannot have.
    LabelValue = Base(1), "label_value", "Use texts; labels of deployments may be functions, apart from `get_attribute`.";
    /// A schedule with a weekday or parameter that schedules cannot have.
    Schedule = Base(1), "schedule", "Use weekdays `su` to `sa`, and no `get_attribute` in parameters.";
    /// A time, a time zone or a repetition that cannot be read.
    ScheduleTime = NonRecoverable(), "schedule_time", "Write times as `2026-12-31 23:59`, repetitions as `1 weeks`.";

    /// A function's argument of a shape that it cannot take.
    FunctionArgument = Value(), "function_argument", "Write the argument as the message shows it.";
    /// A step of a path in `get_attributes_dict` that is no text.
    AttributeStepNotText = Type(), "attribute_step_not_text", "Quote the step.";
    /// A function's argument of the wrong type or number.
    InvalidFunction = FunctionValidation(), "invalid_function", "Write the argument as the message shows it.";
    /// A function that came with a later version of the language.
    FunctionInVersion = FunctionValidation(), "function_in_version", "Raise `tosca_definitions_version`.";
    /// `get_input` of an input that is not declared, or a value for an input that is not declared.
    UnknownInput = UnknownInput(), "unknown_input", "Correct the name, or declare the input.";
    /// A function names a node template that is not defined.
    UnknownNode = Key(), "unknown_node", "Correct the name.";
    /// `SELF`, `SOURCE` or `TARGET` where it means nothing.
    FunctionView = Value(), "function_view", "`SELF` is for nodes, `SOURCE` and `TARGET` for relationships; elsewhere name the node.";
    /// A function in a section where it cannot be evaluated.
    FunctionPlace = Key(), "function_place", "Name the node instead of `SELF`, `SOURCE` or `TARGET`.";
    /// `get_sys` of an entity that does not exist.
    UnknownSysEntity = UnknownSysEntity(), "unknown_sys_entity", "Use `tenant` or `deployment`.";
    /// `get_sys` of a property that the entity does not have.
    UnknownSysProperty = UnknownSysProperty(), "unknown_sys_property", "Use `[tenant, name]` or `[deployment, id|name|blueprint|owner]`.";
    /// A function that cannot be evaluated: what it refers to is not there.
    FunctionEvaluation = FunctionEvaluation(), "function_evaluation", "Correct the path that the message names.";
    /// Functions refer to each other without end, or values nest too deep.
    RecursionLimit = EvaluationRecursionLimitReached(), "recursion_limit", "Break the circle of references.";
    /// An index past the end of a list.
    IndexOutOfRange = Index(), "index_out_of_range", "Use an index below the length of the list.";
    /// `merge` of a list whose items are no pairs.
    MergeOfNoPairs = Value(), "merge_of_no_pairs", "Merge mappings only.";
    /// `merge` of something that is no mapping.
    MergeOfNoMapping = Type(), "merge_of_no_mapping", "Merge mappings only.";

    /// A deployment lacks inputs that the blueprint requires.
    MissingInput = MissingRequiredInput(), "missing_input", "Give the inputs that the message names.";
    /// An input's value that does not fit where it is used.
    InputEvaluation = InputEvaluation(), "input_evaluation", "Give a value of the type and shape that is used.";
    /// An input's value that does not fit its data type.
    InputMismatch = Base(214), "input_mismatch", "Give a value of the declared type.";
    /// Secrets that the tenant does not have.
    UnknownSecret = UnknownSecret(), "unknown_secret", "Create the secrets first.";
    /// The blueprint wants secrets and the caller has none to offer.
    UnsupportedGetSecret = UnsupportedGetSecret(), "unsupported_get_secret", "Deploy it through a manager.";
    /// A `connection_type` other than `all_to_all` and `all_to_one`.
    ConnectionType = IllegalConnectedToConnectionType(), "connection_type", "Use `all_to_all` or `all_to_one`.";
    /// A relationship derived from none of the built-in ones.
    UnsupportedRelationship = UnsupportedRelationship(), "unsupported_relationship", "Derive it from `cloudify.relationships.depends_on`, `connected_to` or `contained_in`.";
    /// Several targets where `all_to_one` wants one.
    AllToOneState = IllegalAllToOneState(), "all_to_one_state", "Use `all_to_all`, or one instance of the target.";
    /// `all_to_one` within a scaling group.
    AllToOneInGroup = UnsupportedAllToOneInGroup(), "all_to_one_in_group", "Use `all_to_all`, or take the target out of the group.";
    /// Node templates that cannot be turned into instances.
    Expansion = Runtime(), "expansion", "Correct the relationships that the message names.";
    /// A node instance that does not say which node it is of.
    InstanceWithoutNode = Key(), "instance_without_node", "Give the instance a `node_id`.";
    /// A scaling group with a group in it that no scaling policy targets.
    UnscaledMember = Key(), "unscaled_member", "Make the group a target of a scaling policy, too.";
    /// An instance count that is no number.
    CountNotNumber = Type(), "count_not_number", "Make the count a number, or a function that yields one.";

    /// Warning: several relationships of one node have the same target; an instance keeps the last one only.
    RepeatedTarget = Base(), "repeated_target", "Keep one of them, if the others are not meant.";
}

/// Classes of the reference, with their numbers, that nothing is ever refused with, and why.
pub const UNUSED: &[(&str, &str, &str)] = &[
    ("DSLParsingLogicException", "30", "Every location can be looked for."),
    ("DSLParsingLogicException", "71 to 76", "A version with a malformed part is an `unknown_version` before that."),
    ("DSLParsingSchemaAPIException", "101", "Internal to the original parser."),
    ("ResolverInstantiationError", "", "There is one import resolver, which can always be made."),
];

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Severity {
    /// The blueprint cannot be used.
    Error,
    /// The blueprint can be used, and is perhaps not what is meant.
    Warning,
}

impl Severity {
    /// `error` or `warning`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

impl Fault {
    /// How bad it is.
    pub const fn severity(self) -> Severity {
        match self {
            Self::RepeatedTarget => Severity::Warning,
            _ => Severity::Error,
        }
    }

    /// A fault that clients know by this class and number; of several the first in the table.
    pub fn of(class: &str, code: Option<i32>) -> Option<Self> {
        Self::ALL.iter().copied().find(|fault| fault.kind().as_str() == class && fault.code() == code)
    }

    /// Whether the reference's message says nothing to people, such as the text of an error inside it.
    pub(crate) const fn is_mute(self) -> bool {
        matches!(
            self,
            Self::UnexpectedDate
                | Self::EmptyProperty
                | Self::DataTypeNotMapping
                | Self::DataTypeName
                | Self::ImportsNotList
                | Self::AttributeStepNotText
                | Self::UnscaledMember
                | Self::WorkflowConflict
                | Self::UntypedPluginProperty
                | Self::ConstraintWithoutOperator
                | Self::ConstraintOfManager
                | Self::UnsupportedRelationship
                | Self::ConnectionType
        )
    }

    /// Whether a key is wrong, rather than what stands under it.
    pub(crate) const fn is_of_key(self) -> bool {
        matches!(self, Self::UnknownKey | Self::KeyNotText | Self::UndefinedProperty)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_unique_and_anchors() {
        let names: HashSet<_> = Fault::ALL.iter().map(|fault| fault.name()).collect();
        assert_eq!(names.len(), Fault::ALL.len());
        assert!(names.iter().all(|name| name.bytes().all(|byte| byte == b'_' || byte.is_ascii_lowercase())));
    }

    #[test]
    fn classes_and_numbers_lead_back() {
        assert_eq!(Fault::of("DSLParsingLogicException", Some(7)), Some(Fault::UnknownNodeType));
        assert_eq!(Fault::of("RuntimeError", None), Some(Fault::ImportUnavailable));
        assert_eq!(Fault::of("DSLParsingLogicException", Some(999)), None);
    }

    #[test]
    fn every_fault_says_what_it_means_and_what_to_do() {
        for fault in Fault::ALL {
            assert!(fault.meaning().ends_with('.') && fault.remedy().ends_with('.'), "{fault:?}");
        }
    }
}
