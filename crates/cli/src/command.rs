//! One file a group of commands: its arguments, and what each command does.

pub mod blueprints;
pub mod deployments;
pub mod events;
pub mod executions;
pub mod status;

use nephele_client::List;

use crate::connection::Connection;
use crate::output;

/// Prints a list the way the caller wants it.
fn show(connection: &Connection, list: &List, columns: &[(&str, &str)]) -> anyhow::Result<()> {
    if connection.json {
        return output::json(&list.items.clone().into());
    }
    output::table(columns, &list.items)?;
    let total = usize::try_from(list.total())?;
    if total > list.items.len() {
        output::note(format!("Showing {} of {total}", list.items.len()))?;
    }
    Ok(())
}
