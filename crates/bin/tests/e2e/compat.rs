//! Every command of the unmodified `cfy` and every method of the unmodified Python client against a fresh manager, on SQLite and on PostgreSQL: the
//! programs are in `tests/compat`. They find commands and methods by themselves and fail when one was not driven, when an
//! answer is not as `docs/openapi.json` says, or when an effect is missing.

use std::path::Path;
use std::process::Command;

use nephele_testkit::home::Home;
use nephele_testkit::postgres::Database;
use nephele_testkit::python;

use crate::home;

fn drive(home: &Home) {
    let manager = home.start();
    let suite = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/compat");
    let run = |program: &Path, folder: &str| {
        let files = home.folder().join(folder);
        std::fs::create_dir_all(&files).unwrap();
        let mut command = Command::new(python::program());
        command.arg(program).args(["127.0.0.1", manager.http_port(), &home.password()]).arg(&files);
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        let output = command.output().unwrap();
        let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
        assert!(output.status.success(), "{said}");
    };
    run(&suite.join("commands.py"), "commands");
    run(&suite, "client");
}

#[test]
fn on_sqlite() {
    drive(&home().with_python(python::program()));
}

#[test]
fn on_postgresql() {
    let database = Database::empty();
    drive(&home().with_python(python::program()).with_database(database.url()));
}
