//! Requests that schemathesis makes up from `docs/openapi.json`, against a manager that holds one of everything, on
//! SQLite and on PostgreSQL: the program is in `tests/hostile`. It fails on an answer of 500 and above, and on a status, a
//! media type or a shape that the document does not name.

use std::path::Path;
use std::process::Command;

use nephele_testkit::home::Home;
use nephele_testkit::postgres::Database;
use nephele_testkit::python;

use crate::home;

/// Drives a manager of this home; `phases` are those of schemathesis, `examples` how many requests it makes up freely for
/// each operation.
fn drive(home: &Home, phases: &str, examples: &str) {
    let manager = home.start();
    let mut command = Command::new(python::schemathesis());
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/hostile"));
    command.args([&manager.http, &home.password()]).arg(home.folder()).args([phases, examples]);
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(output.status.success(), "{said}");
}

/// What both databases take is what this one takes: it is the stricter of the two. So all boundaries are tried here.
#[test]
fn on_postgresql() {
    let database = Database::empty();
    drive(&home().with_database(database.url()), "coverage,fuzzing", "3");
}

#[test]
fn on_sqlite() {
    drive(&home(), "fuzzing", "8");
}
