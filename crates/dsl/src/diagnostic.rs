//! What is wrong with a blueprint, an input or an evaluation: one value for every failure.
//!
//! A [`Diagnostic`] has the exception class and number that the reference would have raised (clients
//! see both), the message in its wording, and for people a place (`file:line:column`) and a hint.
//! Codes: spec dsl.md section 1.4.

use std::fmt::{self, Write};

use nephele_yaml11::Mark;

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $name:literal;)*) => {
        /// The exception class of the reference, which decides how a failure is reported.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Kind { $($(#[$doc])* $variant,)* }

        impl Kind {
            /// The class's name as clients know it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

kinds! {
    /// A rule of the language without a class of its own.
    Base = "DSLParsingException";
    /// The parts do not fit together.
    Logic = "DSLParsingLogicException";
    /// The text has the wrong shape.
    Format = "DSLParsingFormatException";
    /// A value that cannot be taken at all, such as a non-ASCII string.
    InputType = "DSLParsingInputTypeException";
    /// An import that cannot be had.
    InvalidBlueprintImport = "InvalidBlueprintImport";
    /// Required inputs are missing.
    MissingRequiredInput = "MissingRequiredInputError";
    /// Inputs were given, or asked for, that are not declared.
    UnknownInput = "UnknownInputError";
    /// An input's value cannot be used where it is asked for.
    InputEvaluation = "InputEvaluationError";
    /// A value violates a constraint.
    Constraint = "ConstraintException";
    /// An intrinsic function cannot be evaluated.
    FunctionEvaluation = "FunctionEvaluationError";
    /// An intrinsic function is written wrongly.
    FunctionValidation = "FunctionValidationError";
    /// Secrets are missing.
    UnknownSecret = "UnknownSecretError";
    /// The blueprint wants secrets and the caller has none to offer.
    UnsupportedGetSecret = "UnsupportedGetSecretError";
    /// Functions refer to each other without end.
    EvaluationRecursionLimitReached = "EvaluationRecursionLimitReached";
    /// `get_sys` with an entity that does not exist.
    UnknownSysEntity = "UnknownSysEntityError";
    /// `get_sys` with a property that the entity lacks.
    UnknownSysProperty = "UnknownSysPropertyError";
    /// A `connection_type` other than `all_to_all` and `all_to_one`.
    IllegalConnectedToConnectionType = "IllegalConnectedToConnectionType";
    /// A relationship derived from none of the built-in ones.
    UnsupportedRelationship = "UnsupportedRelationship";
    /// Several targets where `all_to_one` wants one.
    IllegalAllToOneState = "IllegalAllToOneState";
    /// `all_to_one` within a scaling group.
    UnsupportedAllToOneInGroup = "UnsupportedAllToOneInGroup";
    /// Import resolver rules of the wrong shape.
    ResolverRules = "DefaultResolverValidationException";
    /// An import resolver that cannot be made.
    ResolverInstantiation = "ResolverInstantiationError";
    /// A value out of range or place.
    Value = "ValueError";
    /// A name that does not exist.
    Key = "KeyError";
    /// A value of the wrong type.
    Type = "TypeError";
    /// An index past the end.
    Index = "IndexError";
    /// An attribute of something absent.
    Attribute = "AttributeError";
    /// A number out of range.
    Overflow = "OverflowError";
    /// A question that has no answer of its own.
    NotImplemented = "NotImplementedError";
    /// A time that cannot be read.
    NonRecoverable = "NonRecoverableError";
    /// A state that the language does not foresee.
    Runtime = "RuntimeError";
    /// Text that is not YAML: characters.
    YamlScanner = "ScannerError";
    /// Text that is not YAML: anchors.
    YamlComposer = "ComposerError";
    /// Text that is not YAML: values.
    YamlConstructor = "ConstructorError";
    /// Text that is not YAML: unreadable characters.
    YamlReader = "ReaderError";
}

/// One problem, ready to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The class of the problem.
    pub kind: Kind,
    /// The class's number, if it has one.
    pub code: Option<i32>,
    /// What is wrong, in the wording that clients know, without the place.
    pub message: String,
    /// Where it is wrong, if it is wrong at a place.
    pub place: Option<Box<Place>>,
    /// What to do, for people.
    pub hint: Option<String>,
}

/// The part of a blueprint that a [`Diagnostic`] speaks of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The file's location as the imports named it; absent for an unnamed main text.
    pub file: Option<String>,
    /// The nearest position for people (counted from 0; shown from 1).
    pub mark: Option<Mark>,
    /// The position in the wording of the reference: the key's, else the value's, else none.
    pub wording: Wording,
    /// The path of the element, such as `node_templates.web.properties`.
    pub path: String,
    /// The element's value as the reference would print it.
    pub value: String,
}

/// How the reference words the position of an element.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wording {
    /// The element is not written anywhere.
    #[default]
    Unwritten,
    /// The element's key stands there.
    Key(Mark),
    /// The element has no key of its own; its value stands there.
    Value(Mark),
}

impl Diagnostic {
    /// A problem without a place.
    pub fn new(kind: Kind, code: Option<i32>, message: impl Into<String>) -> Self {
        Self { kind, code, message: message.into(), place: None, hint: None }
    }

    /// Adds where it is.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.place = Some(Box::new(place));
        self
    }

    /// Adds what to do.
    #[must_use]
    pub fn with_hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint;
        self
    }

    /// Whether the blueprint is at fault ("Invalid blueprint"); everything else is reported as
    /// "Failed parsing blueprint".
    pub const fn is_invalid_blueprint(&self) -> bool {
        matches!(self.kind, Kind::Base | Kind::Logic | Kind::Format | Kind::InputType | Kind::InvalidBlueprintImport)
    }

    /// The 1-based line and column for people.
    pub fn position(&self) -> Option<(u32, u32)> {
        let mark = self.place.as_ref()?.mark?;
        Some((mark.line + 1, mark.column + 1))
    }

    /// A stable name for programs.
    pub const fn name(&self) -> &'static str {
        match (self.kind, self.code) {
            (Kind::Format, Some(-1)) => "yaml_syntax",
            (_, Some(1)) => "schema",
            (_, Some(2)) => "duplicate_import",
            (_, Some(3)) => "unmergeable_section",
            (_, Some(4)) => "import_conflict",
            (_, Some(7)) => "unknown_node_type",
            (_, Some(10 | 19 | 21)) => "unmapped_operation",
            (_, Some(13)) => "import_failed",
            (_, Some(18)) => "illegal_plugin_executor",
            (_, Some(23)) => "relationship_to_self",
            (_, Some(24)) => "host_agent_without_host",
            (_, Some(25)) => "unknown_relationship_target",
            (_, Some(26)) => "unknown_relationship_type",
            (_, Some(27)) => "missing_version",
            (_, Some(28)) => "version_or_executor_mismatch",
            (_, Some(29)) => "unknown_version",
            (_, Some(40)) => "unknown_group_member",
            (_, Some(41)) => "unknown_policy_type",
            (_, Some(42)) => "unknown_trigger_type",
            (_, Some(50)) => "plugin_without_source",
            (_, Some(60)) => "script_path_input",
            (_, Some(61)) => "missing_script_plugin",
            (_, Some(71..=76)) => "malformed_version",
            (_, Some(91)) => "ambiguous_plugin",
            (_, Some(100)) => "cycle",
            (_, Some(102)) => "unsupported_in_version",
            (_, Some(103)) => "unknown_type",
            (_, Some(104)) => "reserved_type_name",
            (_, Some(105)) => "type_mismatch",
            (_, Some(106)) => "undefined_property",
            (_, Some(107)) => "missing_property",
            (_, Some(108)) => "not_ascii",
            (_, Some(112)) => "multiple_containers",
            (_, Some(200..=206 | 211)) => "group_or_policy",
            (_, Some(207..=210)) => "instance_counts",
            (_, Some(212)) => "bad_argument",
            (_, Some(213..=221)) => "input_or_import_rule",
            (kind, _) => kind.as_str(),
        }
    }

    /// The message followed by the place, as the reference prints it and as manager answers quote it.
    pub fn reference_text(&self) -> String {
        let Some(place) = self.place.as_ref().filter(|place| !place.path.is_empty()) else {
            return self.message.clone();
        };
        let mut text = format!("{} ", self.message);
        if let Some(file) = &place.file {
            let _ = write!(text, "\n  in: {file}");
        }
        match place.wording {
            Wording::Unwritten => {}
            Wording::Key(mark) => {
                let _ = write!(text, "\n  in line: {}, column: {}", mark.line + 1, mark.column);
            }
            Wording::Value(mark) => {
                let _ = write!(text, "\n  in line {}, column {}", mark.line + 1, mark.column);
            }
        }
        let _ = write!(text, "\n  path: {}\n  value: {}", place.path, place.value);
        text
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = self.place.as_ref().and_then(|place| place.file.as_deref()) {
            write!(formatter, "{}:", file.strip_prefix("file:").unwrap_or(file))?;
        }
        if let Some((line, column)) = self.position() {
            write!(formatter, "{line}:{column}: ")?;
        } else if self.place.as_ref().is_some_and(|place| place.file.is_some()) {
            formatter.write_str(" ")?;
        }
        formatter.write_str(&self.message)?;
        if let Some(hint) = &self.hint {
            write!(formatter, " ({hint})")?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostic {}

/// The name among `known` that `wrong` was probably meant to be, as a hint.
pub(crate) fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let limit = wrong.len() / 3 + 1;
    known
        .into_iter()
        .filter(|name| name.len().abs_diff(wrong.len()) <= limit)
        .map(|name| (distance(wrong.as_bytes(), name.as_bytes()), name))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, name)| format!("did you mean '{name}'?"))
}

/// Levenshtein distance in bytes.
fn distance(left: &[u8], right: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (index, byte) in left.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, other) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(byte != other);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_read_file_line_and_column() {
        let place = Place {
            file: Some("file:blueprint.yaml".to_owned()),
            mark: Some(Mark { line: 6, column: 4 }),
            ..Place::default()
        };
        let found = Diagnostic::new(Kind::Logic, Some(7), "unknown type").at(place);
        assert_eq!(found.to_string(), "blueprint.yaml:7:5: unknown type");
        assert_eq!(found.name(), "unknown_node_type");
    }

    #[test]
    fn the_nearest_name_is_offered_and_a_far_one_is_not() {
        assert_eq!(nearest("prot", ["port", "host"]).as_deref(), Some("did you mean 'port'?"));
        assert_eq!(nearest("database", ["port", "host"]), None);
    }
}
