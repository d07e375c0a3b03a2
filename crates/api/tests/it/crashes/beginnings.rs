//! What an operation begins elsewhere - a blueprint, a deployment, a run of that - it begins once: the process dies with the
//! transaction in which it begins, or right after it, before anything can be noted of it.

use futures::{StreamExt as _, stream};

use super::{Doom, END, NEVER, NO_END, Scene, whole};

/// How many deaths are tried at a time: most of a life is waiting.
const AT_ONCE: usize = 8;

/// When the process dies.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// What it writes is taken back.
    With,
    /// What it writes is there.
    After,
}

impl Scene {
    /// The process dies when a row comes into a table for which the condition holds. A sequence is not taken back.
    fn die_at(&self, moment: Moment, table: &str, condition: &str) {
        let end = match moment {
            Moment::With => "RAISE EXCEPTION 'the process is dead' USING ERRCODE = '57P01';",
            Moment::After => "",
        };
        self.database.sql(&format!(
            "CREATE FUNCTION end_here() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 IF {condition} THEN PERFORM setval('writes', {}); {end} END IF; RETURN NEW;
             END $$;
             CREATE TRIGGER end_here AFTER INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION end_here()",
            NO_END / 2
        ));
    }

    /// Dies where each of the rows comes into its table, lives again, and comes to the same end.
    async fn begin_once(&self, rows: &[(&str, String)]) {
        let (_, expected) = self.calm().await;
        let expected = expected.as_str();
        let moments = rows.iter().flat_map(|row| [Moment::With, Moment::After].map(|moment| (row, moment)));
        let tried = stream::iter(moments).map(|((table, condition), moment)| async move {
            let scene = self.copy();
            scene.die_at(moment, table, condition);
            assert!(!scene.carry(Doom::After(NEVER)).await, "no {condition} in {table}");
            scene.database.sql(&format!("DROP TRIGGER end_here ON {table}"));
            assert!(scene.carry(Doom::After(NEVER)).await);
            assert_eq!(scene.database.sql(END), expected, "died at {condition} in {table}: {moment:?}");
        });
        tried.buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
    }
}

/// A run of a deployment, as the condition for its row.
fn run(deployment: &str, workflow: &str) -> String {
    format!(
        "NEW.workflow_id = '{workflow}' AND \
         NEW.deployment_fk = (SELECT d.storage_id FROM deployments d WHERE d.id = '{deployment}')"
    )
}

#[tokio::test]
async fn what_an_installation_begins() {
    let scene = Scene::set(async |fresh| whole(fresh, &[], "install").await).await;
    let rows = [
        ("blueprints", "NEW.id = 'packed'".to_owned()),
        ("deployments", "NEW.id = 'part-0'".to_owned()),
        ("executions", run("part-0", "install")),
        ("executions", run("shared", "install")),
    ];
    scene.begin_once(&rows).await;
}

#[tokio::test]
async fn what_an_uninstallation_begins() {
    let scene = Scene::set(async |fresh| whole(fresh, &["install"], "uninstall").await).await;
    let rows = [("part-0", "uninstall"), ("part-0", "delete_deployment_environment"), ("shared", "uninstall")];
    scene.begin_once(&rows.map(|(deployment, workflow)| ("executions", run(deployment, workflow)))).await;
}
