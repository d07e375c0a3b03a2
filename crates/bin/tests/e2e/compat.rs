//! Every command of the unmodified `cfy` and every method of the unmodified Python client against a fresh manager, on SQLite and on PostgreSQL: the
//! programs are in `tests/compat`. They find commands and methods by themselves and fail when one was not driven, when an
//! answer is not as `docs/openapi.json` says, or when an effect is missing.
//!
//! Our own command line is run beside `cfy`: each command by the one and by the other, against the same manager, and once
//! as the one that changes things; exit codes, JSON, columns and what was brought about have to be the same
//! (`tests/compat/both.py`).

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

/// Has one of the two command lines act on a fresh manager, and both read.
fn act(who: &str, record: &Path) {
    let home = home().with_python(python::program());
    let manager = home.start();
    let files = home.folder().join("both");
    std::fs::create_dir_all(&files).unwrap();
    let mut command = Command::new(python::program());
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/compat/both.py"));
    command.args([who, "127.0.0.1", manager.http_port(), &home.password()]).arg(&files);
    command.arg(env!("CARGO_BIN_EXE_nephele")).arg(record).env("PYTHONDONTWRITEBYTECODE", "1");
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(output.status.success(), "{who} acted:\n{said}");
}

#[test]
fn our_command_line_does_what_cfy_does() {
    let folder = tempfile::tempdir().unwrap();
    let record = folder.path().join("record");
    act("cfy", &record);
    act("ours", &record);
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
