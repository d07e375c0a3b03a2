//! `nephele db move`: from SQLite to PostgreSQL, back again, and from one PostgreSQL to the next; a manager goes on there.

use std::collections::BTreeMap;
use std::fs;
use std::process::Output;

use nephele_testkit::home::{Home, Manager};
use nephele_testkit::postgres::Database;
use nephele_testkit::rest::Rest;
use serde_json::json;

use crate::crash::layers;
use crate::home;

fn relocate(home: &Home, from: &str, to: &str, more: &[&str]) -> Output {
    let mut command = home.command();
    command.args(["db", "move", from, to]).args(more).env("NEPHELE_DATA_DIR", home.data_dir());
    command.output().unwrap()
}

/// Checksum and rows of each table, as the command tells them.
#[track_caller]
fn sums(output: &Output) -> BTreeMap<String, (String, String)> {
    let said = String::from_utf8(output.stdout.clone()).unwrap();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let words = said.lines().map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
    words
        .filter(|words| words.len() == 4)
        .map(|words| (words[3].clone(), (words[0].clone(), words[2].clone())))
        .collect()
}

#[track_caller]
fn refused(output: &Output, why: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains(why), "{said}");
}

fn sqlite(home: &Home, name: &str) -> String {
    format!("sqlite://{}", home.data_dir().join(name).display())
}

async fn fill(home: &Home, manager: &Manager) {
    let rest = Rest::new(home, manager);
    let traces = home.folder().join("traces");
    fs::create_dir_all(&traces).unwrap();
    rest.upload_folder("ten", &layers(home.folder(), "ten", 10, 0.0)).await;
    rest.create_deployment("ten", "ten", json!({"folder": traces})).await.expect(201);
    rest.run("ten", "install").await;
    rest.put("/users", &json!({"username": "zoe", "password": "secret", "role": "default"})).await.expect(201);
    rest.put("/secrets/key", &json!({"value": "a \"quoted\" \u{1F511}\nsecret"})).await.expect(200);
}

/// What was there is there, and goes on.
async fn works(home: &mut Home, url: &str) {
    home.move_to(url);
    let manager = home.start();
    let rest = Rest::new(home, &manager);
    assert_eq!(rest.ids("/deployments").await, ["ten"]);
    assert_eq!(rest.get("/secrets/key").await.expect(200)["value"], "a \"quoted\" \u{1F511}\nsecret");
    assert_eq!(rest.get("/users/zoe").await.expect(200)["username"], "zoe");
    rest.run("ten", "check_status").await;
    assert!(manager.stop().success());
}

#[tokio::test]
async fn a_manager_goes_on_where_its_database_was_moved_to() {
    let mut home = home().with_password("first and last");
    let manager = home.start();
    fill(&home, &manager).await;
    let (first, database) = (sqlite(&home, "nephele.db"), Database::empty());
    refused(&relocate(&home, &first, database.url(), &[]), "another manager already works in");
    assert!(manager.stop().success());

    let there = sums(&relocate(&home, &first, database.url(), &[]));
    assert!(there.len() > 40 && there["events"].0.parse::<u64>().unwrap() > 30, "{there:#?}");
    refused(&relocate(&home, &first, database.url(), &[]), "is not empty");
    works(&mut home, database.url()).await;

    // And back, with what has happened since, and the files into a folder of their own.
    let elsewhere = home.folder().join("elsewhere");
    let second = sqlite(&home, "second.db");
    let more = ["--files-to", elsewhere.to_str().unwrap()];
    let back = sums(&relocate(&home, database.url(), &second, &more));
    assert!(back["executions"].0.parse::<u64>().unwrap() > there["executions"].0.parse().unwrap());
    for file in ["secrets.key", "manager-id", "tls/ca.pem"] {
        assert_eq!(fs::read(home.data_dir().join(file)).unwrap(), fs::read(elsewhere.join(file)).unwrap(), "{file}");
    }
    assert!(!elsewhere.join("nephele.db").exists() && !elsewhere.join("second.db").exists());
    let third = Database::empty();
    assert_eq!(sums(&relocate(&home, &second, third.url(), &[])), back, "there and back is the same");
    works(&mut home, &second).await;
    works(&mut home, third.url()).await;
    let manager = home.start();
    Rest::new(&home, &manager).run("ten", "uninstall").await;
}

#[test]
fn what_cannot_be_moved_is_refused_with_its_reason() {
    let home = home();
    fs::create_dir_all(home.data_dir()).unwrap();
    let (missing, other) = (sqlite(&home, "missing.db"), sqlite(&home, "other.db"));
    refused(&relocate(&home, &missing, &other, &[]), "there is no SQLite file");
    fs::write(home.data_dir().join("missing.db"), "").unwrap();
    refused(&relocate(&home, &missing, &other, &[]), "is none of a manager");
    assert!(!home.data_dir().join("other.db").exists(), "nothing is left of a look");
}
