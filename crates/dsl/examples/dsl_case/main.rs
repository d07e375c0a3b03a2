//! A filter for conformance runs: one recorded case a line on standard input, one answer a line on
//! standard output (`{"name", "plan" | "result" | "error"}`).
//!
//! A case is a request to one door of the library together with what the world answered then
//! ([`recorded`], [`storage`]); [`answer`] opens the door. Whatever a case holds, it gets an answer and the
//! next one is read.

mod answer;
mod case;
mod recorded;
mod storage;

use std::io::{BufRead, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use nephele_model::json::{Value, json};

use crate::answer::{Failure, answer};

/// Room for values that nest as deep as they may.
const STACK: usize = 1 << 30;

fn main() -> std::io::Result<()> {
    let filter = std::thread::Builder::new().stack_size(STACK).spawn(filter)?;
    filter.join().unwrap_or_else(|_| Err(std::io::Error::other("the filter ended early")))
}

fn filter() -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    let mut input = std::io::stdin().lock();
    let mut line = Vec::new();
    while input.read_until(b'\n', &mut line)? > 0 {
        if !line.trim_ascii().is_empty() {
            writeln!(out, "{}", respond(&line))?;
            out.flush()?;
        }
        line.clear();
    }
    Ok(())
}

/// The answer to a line, as text.
fn respond(line: &[u8]) -> String {
    let case: Value = match serde_json::from_slice(line) {
        Ok(case) => case,
        Err(error) => return shown(&Value::Null, Err(Failure::new("ValueError", format!("not a case: {error}")))),
    };
    let answered = catch_unwind(AssertUnwindSafe(|| shown(&case["name"], answer(&case))));
    answered.unwrap_or_else(|_| shown(&case["name"], Err(Failure::new("RuntimeError", "the case failed".to_owned()))))
}

fn shown(name: &Value, answered: Result<(&'static str, Value), Failure>) -> String {
    let answer = match answered {
        Ok((key, value)) => json!({"name": name, key: value}),
        Err(failure) => json!({"name": name, "error": {
            "class": failure.class, "err_code": failure.code, "message": failure.message,
        }}),
    };
    answer.to_string()
}
