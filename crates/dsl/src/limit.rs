//! How much a blueprint may stand for.
//!
//! A short text can ask for more than any machine has: data types that hold each other twice, types that
//! derive from each other in a long row, imports that import without end, values that functions double. Each
//! of these is refused as [`Fault::TooLarge`] before it has cost much. Invariant: the bounds lie far above
//! what people write, and time and memory stay in proportion to the text and to these bounds.
//!
//! What aliases and depth do to one text is bounded by its reader; how deep functions nest, by their evaluator;
//! how many instances there are, where they are made.

use nephele_model::json::{Map, Value};

use crate::diagnostic::{Diagnostic, Fault};

/// Files of one blueprint, and imports that are tried.
pub(crate) const MOST_FILES: usize = 1_000;

/// Bytes of all imported files.
pub(crate) const MOST_IMPORTED: usize = 50_000_000;

/// Types that a type derives from, one from the other.
pub(crate) const MOST_ANCESTORS: usize = 100;

/// Values that a data type stands for with all the data types in it.
const MOST_IN_TYPE: usize = 1_000;

/// How deep data types may hold each other. Plans travel as JSON, whose readers stop at 128.
const DEEPEST_TYPE: usize = 50;

/// Properties and operations that types, nodes and relationships have together, the inherited ones counted
/// for each.
const MOST_VALUES: usize = 5_000_000;

/// Bytes of a plan as text. No database takes more.
const MOST_TEXT: usize = 1_000_000_000;

/// A refusal that says what there is too much of.
pub(crate) fn exceeded(what: impl std::fmt::Display) -> Diagnostic {
    Diagnostic::new(Fault::TooLarge, format!("The blueprint is too large: {what}"))
}

/// What has been made so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Made(usize);

impl Made {
    /// Takes note of so many values. Errors: there are too many now, which is told once.
    pub(crate) fn add(&mut self, values: usize) -> Result<(), Option<Diagnostic>> {
        let was_within = self.0 <= MOST_VALUES;
        self.0 = self.0.saturating_add(values);
        if self.0 <= MOST_VALUES {
            return Ok(());
        }
        let what = || exceeded(format_args!("types and nodes have more than {MOST_VALUES} properties and operations"));
        Err(was_within.then(what))
    }
}

/// How large and how deep the values of a data type become.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Extent {
    pub(crate) values: usize,
    pub(crate) depth: usize,
    pub(crate) ancestors: usize,
}

impl Extent {
    /// Adds a property with values of this extent.
    pub(crate) fn add(&mut self, property: Self) {
        self.values = self.values.saturating_add(property.values.max(1));
        self.depth = self.depth.max(property.depth + 1);
    }

    /// Errors: too large, too deep, too far derived.
    pub(crate) fn check(&self, name: &str) -> Result<(), Diagnostic> {
        if self.values > MOST_IN_TYPE {
            return Err(exceeded(format_args!("the data type '{name}' stands for more than {MOST_IN_TYPE} values")));
        }
        if self.depth > DEEPEST_TYPE {
            return Err(exceeded(format_args!("the data type '{name}' nests more than {DEEPEST_TYPE} deep")));
        }
        check_ancestors(name, self.ancestors)
    }
}

/// Errors: a type derives from too many others.
pub(crate) fn check_ancestors(name: &str, ancestors: usize) -> Result<(), Diagnostic> {
    let what = || exceeded(format_args!("'{name}' derives from more than {MOST_ANCESTORS} types"));
    if ancestors > MOST_ANCESTORS { Err(what()) } else { Ok(()) }
}

/// How many values a value consists of.
pub(crate) fn values(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(values).sum::<usize>(),
        Value::Object(fields) => 1 + values_in(fields),
        _ => 1,
    }
}

/// How many values there are in an object.
pub(crate) fn values_in(fields: &Map) -> usize {
    fields.values().map(values).sum()
}

/// Errors: the plan would be too long as text. Looks no further than it has to.
pub(crate) fn check_text(plan: &Map) -> Result<(), Diagnostic> {
    let mut left = MOST_TEXT;
    if fits(plan, &mut left).is_some() {
        return Ok(());
    }
    Err(exceeded(format_args!("its plan would be longer than {MOST_TEXT} bytes")))
}

fn fits(fields: &Map, left: &mut usize) -> Option<()> {
    for (name, value) in fields {
        *left = left.checked_sub(name.len() + 4)?;
        value_fits(value, left)?;
    }
    Some(())
}

fn value_fits(value: &Value, left: &mut usize) -> Option<()> {
    match value {
        Value::String(text) => *left = left.checked_sub(text.len() + 3)?,
        Value::Array(items) => items.iter().try_for_each(|item| value_fits(item, left))?,
        Value::Object(fields) => fits(fields, left)?,
        _ => {}
    }
    *left = left.checked_sub(2)?;
    Some(())
}
