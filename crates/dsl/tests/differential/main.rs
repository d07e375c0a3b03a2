//! Blueprints read by this crate and by the reference (`cloudify-common` 7.0.5) at the same moment:
//! plans, deployment plans, evaluated functions and error messages must be the same, in the same order.
//!
//! Invariant: nothing of what is expected is recorded; the unmodified reference says it on every run.
//! `../blueprints` holds a blueprint for every section, function and error of the language; [`generate`]
//! makes random ones, whole and broken. [`case`] reads them, [`ours`] and [`reference`] answer,
//! [`compare`] says what differs.

#![expect(clippy::unwrap_used, reason = "a test fails loudly, its helpers as well")]

mod case;
mod compare;
mod generate;
mod mutate;
mod ours;
mod reference;
mod yaml;

use std::fmt::Write;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use case::Case;
use reference::Reference;

/// How many differing random blueprints are shown.
const SHOWN: usize = 3;
/// When to be content with the random blueprints read so far.
const LONGEST: Duration = Duration::from_secs(45);

/// Codes that cannot be reached: dead or internal code of the reference, or hidden behind another check.
const UNREACHABLE: &[i64] = &[30, 71, 72, 73, 74, 75, 76, 101];
/// Every code of a blueprint error (spec dsl.md section 1.4).
const CODES: &[i64] = &[
    -1, 1, 2, 3, 4, 7, 10, 13, 18, 19, 21, 23, 24, 25, 26, 27, 28, 29, 30, 40, 41, 42, 50, 60, 61, 71, 72, 73, 74, 75,
    76, 91, 100, 101, 102, 103, 104, 105, 106, 107, 108, 112, 200, 201, 202, 204, 205, 206, 207, 208, 209, 210, 211,
    212, 213, 214, 215, 216, 217, 218, 219, 220, 221,
];

#[test]
fn blueprints_are_read_as_the_reference_reads_them() {
    let cases = case::all();
    let mut failures = String::new();
    let mut failed = 0;
    Reference::ask(&cases, |case, theirs| {
        let found = [case.surprises(&theirs), compare::differences(&theirs, &ours::answer(case))].concat();
        if !found.is_empty() {
            failed += 1;
            let _ = writeln!(failures, "{}\n  {}", case.name, found.join("\n  "));
        }
        ControlFlow::Continue(())
    });
    assert!(failures.is_empty(), "{failed} of {} blueprints differ:\n{failures}", cases.len());
    println!("{} blueprints are read alike", cases.len());
}

#[test]
fn random_blueprints_are_read_as_the_reference_reads_them() {
    let cases: Vec<Case> = generate::seeds().flat_map(generate::cases).collect();
    let started = Instant::now();
    let (mut failures, mut failed, mut read) = (String::new(), 0, 0);
    Reference::ask(&cases, |case, theirs| {
        let found = compare::differences(&theirs, &ours::answer(case));
        read += 1;
        if !found.is_empty() && !compare::stumbles(&theirs) {
            failed += 1;
            if failed <= SHOWN {
                let _ = writeln!(failures, "{}\n  {}\n{}", case.name, found.join("\n  "), case.text());
            }
        }
        if started.elapsed() < LONGEST { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    assert!(failures.is_empty(), "{failed} of {read} random blueprints differ:\n{failures}");
    assert!(read > 50, "only {read} random blueprints were read in {LONGEST:?}");
    println!("{read} random blueprints are read alike");
}

#[test]
fn every_error_code_has_a_blueprint() {
    let reached: Vec<i64> = case::all().iter().flat_map(Case::expected_codes).collect();
    let missing: Vec<&i64> =
        CODES.iter().filter(|code| !reached.contains(code) && !UNREACHABLE.contains(code)).collect();
    assert!(missing.is_empty(), "no blueprint for the codes {missing:?}");
}
