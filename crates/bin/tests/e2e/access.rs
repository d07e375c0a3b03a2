//! The unmodified `cfy` where it manages who may do what: users, groups, tenants, tokens, permissions,
//! licences, maintenance, the cluster's rows, the audit log; and the audit log checked from outside.

use std::process::Command;

use nephele_testkit::cfy::Cfy;
use nephele_testkit::home::{Home, Manager};
use nephele_testkit::postgres::Database;
use nephele_testkit::rest::Rest;
use serde_json::{Value, json};

use crate::home;

fn profile(home: &Home, manager: &Manager) -> Cfy {
    let cfy = Cfy::new(&home.folder().join("cfy-home"));
    let (password, ca) = (home.password(), home.ca());
    let fixed = ["profiles", "use", "127.0.0.1", "-u", "admin", "-t", "default_tenant", "--ssl"];
    let rest = ["-p", password.as_str(), "--rest-port", manager.https_port(), "-c", ca.to_str().unwrap()];
    cfy.ok(&[fixed.as_slice(), rest.as_slice()].concat());
    cfy
}

#[track_caller]
fn has<'a>(list: &'a Value, key: &str, value: &str) -> &'a Value {
    let rows = list.as_array().unwrap_or_else(|| panic!("not a list: {list:#}"));
    rows.iter().find(|row| row[key] == value).unwrap_or_else(|| panic!("no {key} {value} in {list:#}"))
}

#[test]
fn cfy_manages_users_groups_and_tenants_on_sqlite() {
    cfy_manages_users_groups_and_tenants(&home());
}

#[test]
fn cfy_manages_users_groups_and_tenants_on_postgresql() {
    let database = Database::empty();
    cfy_manages_users_groups_and_tenants(&home().with_database(database.url()));
}

fn cfy_manages_users_groups_and_tenants(home: &Home) {
    let manager = home.start();
    let cfy = profile(home, &manager);
    cfy.ok(&["tenants", "create", "t2"]);
    cfy.ok(&["users", "create", "ann", "-p", "secret", "-r", "default", "-t", "t2", "-l", "user"]);
    let users = cfy.json(&["users", "list", "--get-data"]);
    assert_eq!(has(&users, "username", "ann")["user_tenants"], "'t2': 'user'", "{users:#}");
    let again = cfy.ok(&["tenants", "add-user", "ann", "-t", "t2", "-r", "user"]);
    assert!(again.contains("already"), "{again}");
    cfy.ok(&["tenants", "update-user", "ann", "-t", "t2", "-r", "viewer"]);
    cfy.ok(&["user-groups", "create", "devs", "-r", "default"]);
    cfy.ok(&["user-groups", "add-user", "ann", "-g", "devs"]);
    cfy.ok(&["tenants", "add-user-group", "devs", "-t", "default_tenant", "-r", "operations"]);
    let groups = cfy.json(&["user-groups", "list", "--get-data"]);
    assert!(has(&groups, "name", "devs")["users"].to_string().contains("ann"), "{groups:#}");
    cfy.ok(&["users", "set-role", "ann", "-r", "sys_admin"]);
    cfy.ok(&["users", "set-password", "ann", "-p", "secret2"]);
    let ann = cfy.json(&["users", "get", "ann"]);
    assert!(ann.to_string().contains("sys_admin"), "{ann:#}");
    cfy.ok(&["users", "deactivate", "ann"]);
    assert!(cfy.ok(&["users", "deactivate", "ann"]).contains("already"));
    cfy.ok(&["users", "activate", "ann"]);
    assert!(cfy.ok(&["users", "unlock", "ann"]).contains("already"));
    cfy.ok(&["tenants", "remove-user", "ann", "-t", "t2"]);
    assert!(cfy.ok(&["tenants", "remove-user", "ann", "-t", "t2"]).contains("not"));
    cfy.ok(&["tenants", "remove-user-group", "devs", "-t", "default_tenant"]);
    cfy.ok(&["user-groups", "remove-user", "ann", "-g", "devs"]);
    cfy.ok(&["user-groups", "delete", "devs"]);
    cfy.ok(&["users", "delete", "ann"]);
    cfy.ok(&["tenants", "delete", "t2"]);
    let tenants = cfy.json(&["tenants", "list"]);
    assert_eq!(tenants.as_array().unwrap().len(), 1, "{tenants:#}");
}

#[test]
fn cfy_manages_the_installation() {
    let home = home();
    let manager = home.start();
    let cfy = profile(&home, &manager);
    let token = cfy.json(&["tokens", "create", "-d", "mine", "-e", "+1h"]);
    let listed = cfy.json(&["tokens", "list"]);
    let id = has(&listed, "description", "mine")["id"].as_str().unwrap().to_owned();
    assert!(token.to_string().contains(&id), "{token:#}");
    cfy.ok(&["tokens", "delete", &id]);

    let license = home.folder().join("license.yaml");
    std::fs::write(&license, "license: {customer_id: ACME, license_edition: Spire, trial: false}\nsignature: x\n")
        .unwrap();
    cfy.ok(&["license", "upload", license.to_str().unwrap()]);
    assert!(cfy.ok(&["license", "list"]).contains("ACME"));
    cfy.ok(&["license", "check"]);
    cfy.ok(&["license", "remove"]);

    assert!(cfy.ok(&["cluster", "status"]).contains("OK"));
    cfy.ok(&["cluster", "brokers", "add", "second", "192.0.2.7"]);
    let brokers = cfy.json(&["cluster", "brokers", "list"]);
    assert_eq!(has(&brokers, "name", "second")["host"], "192.0.2.7");
    cfy.ok(&["cluster", "brokers", "remove", "second"]);
    assert_eq!(cfy.json(&["cluster", "managers", "list"]).as_array().unwrap().len(), 1);
    assert_eq!(cfy.json(&["cluster", "db-nodes", "list"]).as_array().unwrap().len(), 1);
    assert!(cfy.ok(&["idp", "get"]).contains("local"));
    assert!(cfy.ok(&["ldap", "status"]).contains("disabled"));

    cfy.ok(&["maintenance-mode", "activate"]);
    assert!(cfy.ok(&["maintenance-mode", "status"]).contains("activated"));
    assert!(cfy.run(&["blueprints", "list"]).code != 0);
    cfy.ok(&["maintenance-mode", "deactivate"]);
    cfy.ok(&["blueprints", "list"]);

    let log = cfy.json(&["auditlog", "list", "-c", "admin", "--sort-by", "id"]);
    assert!(log.to_string().contains("maintenance_mode"), "{log:#}");
    let truncated = cfy.run(&["auditlog", "truncate", "-b", "now"]);
    assert!(truncated.code == 0, "{}{}", truncated.stdout, truncated.stderr);
}

fn verify(home: &Home) -> (bool, String) {
    let output = home.command().args(["audit", "verify", "--data-dir"]).arg(home.data_dir()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), said)
}

/// Changes the database behind the manager's back.
fn tamper(home: &Home, statement: &str) {
    let script = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute(sys.argv[2]); c.commit()";
    let database = home.data_dir().join("nephele.db");
    let done = Command::new("python3").args(["-c", script]).arg(database).arg(statement).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

async fn a_change_of_the_audit_log_shows(home: &Home, tamper: impl Fn(&str)) {
    let manager = home.start();
    let rest = Rest::new(home, &manager);
    rest.put("/secrets/k", &json!({"value": "v"})).await.expect(200);
    tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
    let (well, said) = verify(home);
    assert!(well && said.contains("in order"), "while the manager runs: {said}");
    assert!(manager.stop().success());
    let (well, said) = verify(home);
    assert!(well && said.contains(" 0 waiting"), "{said}");

    tamper("CREATE TABLE kept AS SELECT * FROM audit_log");
    let newest = "(SELECT max(position) FROM kept)";
    for (change, expected) in [
        (format!("UPDATE audit_log SET creator_name = 'eve' WHERE position = {newest} - 5"), "was changed"),
        (format!("UPDATE audit_log SET created_at = created_at - 1 WHERE position = {newest} - 5"), "was changed"),
        (format!("DELETE FROM audit_log WHERE position = {newest} - 5"), "missing"),
        (format!("DELETE FROM audit_log WHERE position = {newest}"), "had reached"),
        (format!("DELETE FROM audit_log WHERE position < {newest}"), "missing"),
    ] {
        tamper(&change);
        let (well, said) = verify(home);
        assert!(!well && said.contains(expected), "{change}: {said}");
        tamper("DELETE FROM audit_log");
        tamper("INSERT INTO audit_log SELECT * FROM kept");
    }
    let (well, said) = verify(home);
    assert!(well, "{said}");
}

#[tokio::test]
async fn a_change_of_the_audit_log_shows_on_sqlite() {
    let home = home();
    a_change_of_the_audit_log_shows(&home, |statement| tamper(&home, statement)).await;
}

#[tokio::test]
async fn a_change_of_the_audit_log_shows_on_postgresql() {
    let database = Database::empty();
    let home = home().with_database(database.url());
    a_change_of_the_audit_log_shows(&home, |statement| drop(database.sql(statement))).await;
}
