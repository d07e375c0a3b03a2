//! A disk without room while a snapshot is made or restored: what was there stays, and it is said what to do.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use nephele_testkit::rest::Rest;
use serde_json::json;

use crate::home;
use crate::trial::Trial;

const MEGABYTE: usize = 1 << 20;
/// Files that no archive makes smaller, in megabytes.
const NOISE: usize = 12;

/// A small file system of its own in a folder.
struct Disk(PathBuf);

impl Disk {
    fn mount(place: &Path) -> Self {
        fs::create_dir_all(place).unwrap();
        let mut command = Command::new("mount");
        let done = command.args(["-t", "tmpfs", "-o", "size=96m,mode=0700", "none"]).arg(place).status().unwrap();
        assert!(done.success(), "only root can mount a small file system: run this test as root");
        Self(place.to_owned())
    }

    /// Leaves so many megabytes.
    fn fill(&self, left: usize) {
        let mut ballast = File::create(self.0.join("ballast")).unwrap();
        let block = vec![1; MEGABYTE];
        let mut written = 0;
        while let Ok(size) = ballast.write(&block) {
            written += size;
        }
        assert!(written > left * MEGABYTE, "the disk is too small");
        ballast.set_len((written - left * MEGABYTE) as u64).unwrap();
    }

    fn empty(&self) {
        fs::remove_file(self.0.join("ballast")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: processes of the manager may still be on their way out.
        Command::new("umount").arg("-l").arg(&self.0).status().ok();
    }
}

fn noise() -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    (0..NOISE * MEGABYTE).map(|_| next()).collect()
}

fn says_what_to_do(error: &serde_json::Value) {
    let error = error.as_str().unwrap_or_default();
    for words in ["No space left", "make room on the disk of the data directory"] {
        assert!(error.contains(words), "`{words}` is not in `{error}`");
    }
}

#[tokio::test]
async fn a_full_disk_takes_nothing_away() {
    let home = home();
    let disk = Disk::mount(&home.data_dir());
    let manager = home.start();
    let rest = Rest::new(&home, &manager);
    let trial = Trial::new(home.folder());
    rest.upload_folder("trial", &trial.blueprint).await;
    rest.create_deployment("d1", "trial", json!({"folder": trial.traces})).await.expect(201);
    rest.put("/secrets/kept", &json!({"value": "early"})).await.expect(200);
    let noise = noise();
    let resources = home.data_dir().join("resources/global-resources");
    fs::create_dir_all(&resources).unwrap();
    fs::write(resources.join("noise"), &noise).unwrap();
    let begun = rest.put("/snapshots/early", &json!({"include_logs": false})).await.expect(201);
    let ended = rest.ended(begun["id"].as_str().unwrap()).await;
    assert_eq!(ended["status"], "terminated", "{ended:#}");

    manager.freeze();
    disk.fill(NOISE / 2);
    manager.wake();
    let begun = rest.put("/snapshots/late", &json!({"include_logs": false})).await.expect(201);
    let ended = rest.ended(begun["id"].as_str().unwrap()).await;
    assert_eq!(ended["status"], "failed", "{ended:#}");
    says_what_to_do(&ended["error"]);
    let record = rest.get("/snapshots/late").await.expect(200);
    assert_eq!(record["status"], "failed", "{record:#}");
    says_what_to_do(&record["error"]);

    // It goes on working, and a restore that finds no room leaves it as it is.
    rest.put("/secrets/late", &json!({"value": "late"})).await.expect(200);
    let begun = rest.post("/snapshots/early/restore", &json!({"force": true})).await.expect(200);
    let ended = rest.ended(begun["id"].as_str().unwrap()).await;
    assert_eq!(ended["status"], "failed", "{ended:#}");
    says_what_to_do(&ended["error"]);
    assert_eq!(rest.get("/secrets/late").await.expect(200)["value"], "late");
    assert_eq!(rest.ids("/deployments").await, ["d1"]);
    assert_eq!(fs::read(resources.join("noise")).unwrap(), noise);
    let left: Vec<_> = fs::read_dir(home.data_dir().join("restoring")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");

    disk.empty();
    let begun = rest.post("/snapshots/early/restore", &json!({"force": true})).await.expect(200);
    let ended = rest.ended(begun["id"].as_str().unwrap()).await;
    assert_eq!(ended["status"], "terminated", "{ended:#}");
    rest.wait_for("/snapshot-status", |status| status["status"] == "not-running").await;
    rest.get("/secrets/late").await.expect(404);
    assert_eq!(rest.get("/secrets/kept").await.expect(200)["value"], "early");
    rest.run("d1", "install").await;
}
