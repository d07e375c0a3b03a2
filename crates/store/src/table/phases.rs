//! How the phases of executions ended: what a workflow goes on from.

use nephele_model::phase::{Phase, PhaseEnd, PhaseKind};

use crate::column::{row, values};
use crate::db::{Db, Tx};
use crate::error::Result;
use crate::json::Json;
use crate::write::{self, insertable};

row! {
    struct Ended {
        name: String,
        kind: PhaseKind,
        end: PhaseEnd = "r.\"end\"",
        value: Json,
    }
}

insertable! {
    struct NewPhase into "phases" {
        execution_fk: i64,
        name: String,
        kind: PhaseKind,
        end: PhaseEnd,
        value: Json,
    }
}

/// The phases of an execution that have ended, the oldest first.
pub async fn of_execution(db: &dyn Db, execution_fk: i64) -> Result<Vec<Phase>> {
    let text = format!("SELECT {} FROM phases r WHERE r.execution_fk = $1 ORDER BY r.storage_id", Ended::COLUMNS);
    let phase =
        |ended: Ended| Ok(Phase { name: ended.name, kind: ended.kind, end: ended.end, value: ended.value.value()? });
    db.all::<Ended>(text, values![execution_fk]).await?.into_iter().map(phase).collect()
}

/// Notes that a phase has ended. Error: [`crate::Error::Unique`] when it had ended before.
pub async fn insert(db: &dyn Db, execution_fk: i64, phase: &Phase) -> Result<()> {
    let row = NewPhase {
        execution_fk,
        name: phase.name.clone(),
        kind: phase.kind,
        end: phase.end,
        value: Json::from(&phase.value),
    };
    write::insert(db, row).await.map(drop)
}

/// Forgets the first phase that did not end well and all after it, so that the execution goes on
/// before it. Gives what was forgotten.
pub async fn forget_failed(tx: &Tx, execution_fk: i64) -> Result<Vec<Phase>> {
    let phases = of_execution(tx, execution_fk).await?;
    let good = phases.iter().take_while(|phase| phase.end == PhaseEnd::Succeeded).count();
    let forgotten = phases.get(good..).unwrap_or_default().to_vec();
    let names: Vec<&str> = forgotten.iter().map(|phase| phase.name.as_str()).collect();
    let text = "DELETE FROM phases WHERE execution_fk = $1 AND name IN (SELECT value FROM json_each($2))";
    (tx as &dyn Db).run(text, values![execution_fk, Json::of(&names)]).await?;
    Ok(forgotten)
}
