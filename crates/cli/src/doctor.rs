//! `doctor`: what keeps this machine from working with a manager, and what to do about it.

use std::process::{Command, ExitCode};

use serde_json::{Value, json};

use crate::call::Call;
use crate::connection;
use crate::output;
use crate::profile::Profiles;
use crate::table::Outcome;

/// What one look found.
struct Finding {
    what: &'static str,
    is_fine: bool,
    found: String,
    /// What to do, if it is not fine.
    advice: &'static str,
}

/// Looks at everything that commands need; fails if something is wrong.
pub(crate) async fn examine(call: &Call) -> Outcome {
    let mut findings = vec![profile(call)];
    findings.extend(manager(call).await);
    findings.push(program("python3", "plugins are written in Python: install Python 3.11 or later"));
    findings.push(program("tar", "archives are packed without it, but scripts of blueprints often use it"));
    let is_fine = findings.iter().all(|finding| finding.is_fine);
    if call.print.is_data() {
        let rows = findings.iter().map(|finding| {
            let advice = if finding.is_fine { Value::Null } else { finding.advice.into() };
            json!({"check": finding.what, "ok": finding.is_fine, "found": finding.found, "advice": advice})
        });
        call.print.rows_of(&["check", "ok", "found", "advice"], &[], rows.collect())?;
    } else {
        for finding in &findings {
            let sign = if finding.is_fine { "ok  " } else { "FAIL" };
            output::line(format!("{sign} {:<12} {}", finding.what, finding.found))?;
            if !finding.is_fine {
                output::line(format!("     {:<12} -> {}", "", finding.advice))?;
            }
        }
    }
    Ok(if is_fine { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn profile(call: &Call) -> Finding {
    let advice = "delete it with `profiles delete`, or set it right in ~/.cloudify/profiles";
    match Profiles::of(&call.settings).and_then(|profiles| Ok((profiles.active()?, profiles.active_name()))) {
        Ok((Some(profile), _)) => {
            let found = format!("{} ({})", profile.name, profile.url(None).unwrap_or_default());
            Finding { what: "profile", is_fine: true, found, advice }
        }
        Ok((None, name)) => {
            let found = name.map_or_else(
                || "none; the manager on this machine is used".to_owned(),
                |name| format!("{name}, without a manager"),
            );
            Finding { what: "profile", is_fine: true, found, advice }
        }
        Err(error) => Finding { what: "profile", is_fine: false, found: format!("{error:#}"), advice },
    }
}

async fn manager(call: &Call) -> Vec<Finding> {
    let client = match connection::client(&call.settings) {
        Ok(client) => client,
        Err(error) => {
            let advice = "start one with `nephele up`, or name one with `profiles use`";
            return vec![Finding { what: "manager", is_fine: false, found: format!("{error:#}"), advice }];
        }
    };
    let mut findings = Vec::new();
    let found = match client.manager().version().await {
        Ok(version) => Ok(format!("{} at {}", output::text(&version["version"]), client.base())),
        Err(error) => Err(error.to_string()),
    };
    let advice = "start it with `nephele up`, or name another one with --manager or `profiles use`";
    let is_there = found.is_ok();
    findings.push(Finding { what: "manager", is_fine: is_there, found: found.unwrap_or_else(|error| error), advice });
    if !is_there {
        return findings;
    }
    let status = client.manager().status().await;
    let advice = "see docs/operations.md, or log in as somebody else";
    findings.push(match &status {
        Ok(status) => Finding {
            what: "services",
            is_fine: status["status"] == "OK",
            found: output::text(&status["status"]),
            advice,
        },
        Err(error) => Finding { what: "login", is_fine: false, found: error.to_string(), advice },
    });
    findings
}

fn program(name: &'static str, advice: &'static str) -> Finding {
    let output = Command::new(name).arg("--version").output();
    match output {
        Ok(output) if output.status.success() => {
            let said = String::from_utf8_lossy(&output.stdout);
            Finding { what: name, is_fine: true, found: said.lines().next().unwrap_or_default().to_owned(), advice }
        }
        _ => Finding { what: name, is_fine: false, found: "not there".to_owned(), advice },
    }
}
