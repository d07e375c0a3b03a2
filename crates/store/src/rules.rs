//! Filter rules as SQL conditions on the row `r` (spec rest-api.md section 1.10).
//!
//! A rule on a column that is null holds for nothing but `is_not_empty`'s opposite, which does not
//! exist: the negative operators want a value that differs. Rules on labels look for rows of the
//! label's table, so that a label's index finds them.

use nephele_model::filter::{AttributeOperator, LabelOperator, Rule, Test};

use crate::backend::{Dialect, Sql};
use crate::column::Bind as _;
use crate::db::Db;
use crate::error::Result;
use crate::field::{Field, Resource, Source};
use crate::filter::{Conditions, escaped, reached};
use crate::json::Json;

/// The attribute of deployments that is a table of its own; it can only be asked for not to be empty.
const SCHEDULES: &str = "schedules";

/// Up to so many holders of a label, a list is read from them instead of in its order.
const RARE: u64 = 2000;

/// Whether few rows have a label. SQLite cannot tell, and would read in the order of the list, however
/// far it must go.
async fn is_rare(db: &dyn Db, table: &str, rule: &Rule) -> Result<bool> {
    if db.dialect() != Dialect::Lite || !matches!(rule.test, Test::Label(LabelOperator::AnyOf)) {
        return Ok(false);
    }
    let mut conditions = Conditions::default();
    let some = format!("SELECT 1 {} LIMIT {RARE}", holders(&mut conditions, table, rule));
    let text = format!("SELECT count(*) FROM ({some}) some");
    Ok(db.count(Sql::new(text, conditions.values)).await? < RARE)
}

/// The rows of labels that an [`LabelOperator::AnyOf`] rule wants, as `FROM ... WHERE ...`.
fn holders(conditions: &mut Conditions, table: &str, rule: &Rule) -> String {
    let (key, values) = (conditions.bind(rule.key.as_str().bind()), conditions.bind(Json::texts(&rule.values).bind()));
    format!("FROM {table} l WHERE l.key = {key} AND l.value IN (SELECT value FROM json_each({values}))")
}

impl Conditions {
    /// Only rows that satisfy every rule.
    ///
    /// A rule on a name that is no column, such as the operations of nodes, holds for every row, as
    /// clients are used to.
    pub(crate) async fn require_rules(&mut self, db: &dyn Db, resource: &Resource, rules: &[Rule]) -> Result<()> {
        for rule in rules {
            let condition = match rule.test {
                Test::Label(operator) => {
                    let Some(table) = resource.labels else { continue };
                    if is_rare(db, table, rule).await? {
                        self.rarely_labelled(table, rule)
                    } else {
                        self.labelled(table, &rule.key, operator, &rule.values)
                    }
                }
                Test::Attribute(_) if rule.key == SCHEDULES => {
                    "EXISTS (SELECT 1 FROM execution_schedules s WHERE s.deployment_fk = r.storage_id)".to_owned()
                }
                Test::Attribute(operator) => {
                    let Some(field) = resource.field(&rule.key) else { continue };
                    self.about(field, operator, &rule.values)
                }
            };
            self.require(condition);
        }
        Ok(())
    }

    /// As [`Self::labelled`] with [`LabelOperator::AnyOf`], but led by the holders.
    fn rarely_labelled(&mut self, table: &str, rule: &Rule) -> String {
        format!("r.storage_id IN (SELECT l.labeled_fk {})", holders(self, table, rule))
    }

    fn labelled(&mut self, table: &str, key: &str, operator: LabelOperator, values: &[String]) -> String {
        let key = self.bind(key.bind());
        let mut holders = |comparison: Option<&str>| {
            let value = comparison.map_or_else(String::new, |comparison| {
                let values = self.bind(Json::texts(values).bind());
                format!(" AND l.value {comparison} (SELECT value FROM json_each({values}))")
            });
            format!("EXISTS (SELECT 1 FROM {table} l WHERE l.labeled_fk = r.storage_id AND l.key = {key}{value})")
        };
        match operator {
            LabelOperator::AnyOf => holders(Some("IN")),
            LabelOperator::NotAnyOf => holders(Some("NOT IN")),
            LabelOperator::IsNot => format!("NOT {}", holders(Some("IN"))),
            LabelOperator::IsNotNull => holders(None),
            LabelOperator::IsNull => format!("NOT {}", holders(None)),
        }
    }

    fn about(&mut self, field: &Field, operator: AttributeOperator, values: &[String]) -> String {
        match field.source {
            Source::Reference { path, column } => {
                let condition = self.compared(&format!("f.{column}"), operator, values);
                reached("r", path, &condition)
            }
            _ => self.compared(&field.value(), operator, values),
        }
    }

    fn compared(&mut self, sql: &str, operator: AttributeOperator, values: &[String]) -> String {
        let mut each = |word: &str, condition: &mut dyn FnMut(&mut Self, &str) -> String| {
            let all: Vec<_> = values.iter().map(|value| condition(self, value)).collect();
            if all.is_empty() { "TRUE".to_owned() } else { format!("({})", all.join(word)) }
        };
        match operator {
            AttributeOperator::AnyOf | AttributeOperator::NotAnyOf => {
                let not = if operator == AttributeOperator::NotAnyOf { "NOT " } else { "" };
                format!("{sql} {not}IN (SELECT value FROM json_each({}))", self.bind(Json::texts(values).bind()))
            }
            AttributeOperator::Contains => {
                each(" OR ", &mut |this, part| format!("instr({sql}, {}) > 0", this.bind(part.bind())))
            }
            AttributeOperator::NotContains => {
                each(" AND ", &mut |this, part| format!("instr({sql}, {}) = 0", this.bind(part.bind())))
            }
            AttributeOperator::StartsWith => each(" OR ", &mut |this, part| {
                let pattern = this.bind(format!("{}%", escaped(part)).bind());
                format!("lower({sql}) LIKE {pattern} ESCAPE '\\'")
            }),
            AttributeOperator::EndsWith => each(" OR ", &mut |this, part| {
                let pattern = this.bind(format!("%{}", escaped(part)).bind());
                format!("lower({sql}) LIKE {pattern} ESCAPE '\\'")
            }),
            AttributeOperator::IsNotEmpty => format!("({sql} IS NOT NULL AND {sql} NOT IN ('', '[]', '{{}}'))"),
        }
    }
}
