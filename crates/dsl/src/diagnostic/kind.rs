//! The exception classes of the reference, which decide how a failure is reported (spec dsl.md section 1.4).

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $name:literal;)*) => {
        /// The exception class of the reference.
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
    /// A part of the grammar that has nothing to be applied to.
    ElementMatch = "DSLParsingElementMatchException";
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

impl Kind {
    /// Whether the blueprint is at fault ("Invalid blueprint"); everything else is reported as "Failed
    /// parsing blueprint".
    pub const fn is_invalid_blueprint(self) -> bool {
        matches!(
            self,
            Self::Base
                | Self::Logic
                | Self::Format
                | Self::InputType
                | Self::ElementMatch
                | Self::InvalidBlueprintImport
        )
    }
}
