//! The server for models: what the manager has and why something failed, over the Model Context Protocol.
//!
//! Invariant: tools that change something are not there unless `--allow-changes` was given; all of them have the rights
//! of the user who asks, and no more. What is said is `protocol`, what can be done `tools`. Messages come on standard
//! input and output, one a line, or over `http`.

mod http;
mod protocol;
mod sessions;
mod tools;

use std::io::{BufRead, Write};
use std::process::ExitCode;

use serde_json::Value;

use crate::call::Call;
use crate::connection;
use crate::table::Outcome;
use tools::Tools;

/// Serves until standard input ends, or over HTTP until Ctrl-C.
pub(crate) async fn serve(call: &Call) -> Outcome {
    let allows_changes = call.flag("allow-changes");
    let Some(address) = call.text("listen") else {
        return lines(&Tools { client: call.client()?, allows_changes }).await;
    };
    let manager = connection::of_nobody(&call.settings)?;
    let origins = call.many("allow-origin").into_iter().map(str::to_owned).collect();
    http::serve(address, http::Server::new(Tools { client: manager, allows_changes }, origins)).await?;
    Ok(ExitCode::SUCCESS)
}

async fn lines(tools: &Tools) -> Outcome {
    let (lines, mut received) = tokio::sync::mpsc::channel(16);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if lines.blocking_send(line).is_err() {
                break;
            }
        }
    });
    while let Some(line) = received.recv().await {
        let answer = match serde_json::from_str::<Value>(&line) {
            Ok(message) => protocol::answer(tools, &message).await,
            Err(error) => Some(protocol::unreadable(&error)),
        };
        if let Some(answer) = answer {
            let mut out = std::io::stdout().lock();
            writeln!(out, "{answer}")?;
            out.flush()?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
