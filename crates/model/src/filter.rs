//! Filter rules: what a list is narrowed by beyond plain filters, and how rules stand on the wire.
//!
//! A rule looks at a label or at an attribute of a resource; rules of a list add up. Which
//! attributes a resource offers, and what makes a rule legal, is the manager's to say.
//! Source: spec rest-api.md section 1.10.

use serde_json::{Value, json};

macro_rules! operators {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant,)* }

        impl $name {
            /// Every operator, in the order in which refusals name them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// The operator of this name.
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|operator| operator.as_str() == text)
            }
        }
    };
}

operators! {
    /// How a rule looks at labels.
    LabelOperator {
        /// Has the key with one of the values.
        AnyOf = "any_of",
        /// Has the key with a value that is none of these.
        NotAnyOf = "not_any_of",
        /// Does not have the key.
        IsNull = "is_null",
        /// Has the key.
        IsNotNull = "is_not_null",
        /// Does not have the key with one of the values.
        IsNot = "is_not",
    }
}

operators! {
    /// How a rule looks at an attribute.
    AttributeOperator {
        /// Is one of the values.
        AnyOf = "any_of",
        /// Is something else than the values.
        NotAnyOf = "not_any_of",
        /// Contains one of the values.
        Contains = "contains",
        /// Contains none of the values.
        NotContains = "not_contains",
        /// Begins with one of the values, in any case.
        StartsWith = "starts_with",
        /// Ends with one of the values, in any case.
        EndsWith = "ends_with",
        /// Is there and not empty.
        IsNotEmpty = "is_not_empty",
    }
}

/// What a rule looks at, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Test {
    /// A label of the resource.
    Label(LabelOperator),
    /// An attribute of the resource.
    Attribute(AttributeOperator),
}

/// One filter rule.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Rule {
    /// The label's key or the attribute's name, in lower case.
    pub key: String,
    /// What it is compared with.
    pub values: Vec<String>,
    /// How.
    pub test: Test,
}

impl Rule {
    /// A rule on an attribute.
    pub fn attribute(key: &str, operator: AttributeOperator, values: Vec<String>) -> Self {
        Self { key: key.to_lowercase(), values, test: Test::Attribute(operator) }
    }

    /// A rule on a label.
    pub fn label(key: &str, operator: LabelOperator, values: Vec<String>) -> Self {
        Self { key: key.to_lowercase(), values, test: Test::Label(operator) }
    }

    /// The rule as it is stored and shown.
    pub fn to_value(&self) -> Value {
        let (operator, kind) = match self.test {
            Test::Label(operator) => (operator.as_str(), "label"),
            Test::Attribute(operator) => (operator.as_str(), "attribute"),
        };
        json!({"key": self.key, "values": self.values, "operator": operator, "type": kind})
    }

    /// Reads what [`Self::to_value`] wrote; `None` for anything else.
    pub fn from_value(value: &Value) -> Option<Self> {
        let values = value["values"].as_array()?.iter().map(|value| value.as_str().map(str::to_owned));
        let operator = value["operator"].as_str()?;
        let test = match value["type"].as_str()? {
            "label" => Test::Label(LabelOperator::parse(operator)?),
            "attribute" => Test::Attribute(AttributeOperator::parse(operator)?),
            _ => return None,
        };
        Some(Self { key: value["key"].as_str()?.to_owned(), values: values.collect::<Option<_>>()?, test })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_come_back_as_they_were_written() {
        for rule in [
            Rule::label("Env", LabelOperator::IsNot, vec!["prod".to_owned()]),
            Rule::attribute("site_name", AttributeOperator::IsNotEmpty, vec![]),
        ] {
            assert_eq!(Rule::from_value(&rule.to_value()), Some(rule));
        }
        assert_eq!(Rule::from_value(&json!({"key": "a", "values": [], "operator": "zz", "type": "label"})), None);
    }
}
