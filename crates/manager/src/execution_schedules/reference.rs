//! Made-up rules, and when they are due by the library that the original reckons its schedules with.
//!
//! `reference/rules.py` makes them up from a seed, which is shown: `SEED=n` repeats a run. Rules with a zone are compared
//! with what that library makes of them by itself; the original cannot do anything with their instants.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use nephele_model::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::rule::{Rule, RuleWords};

/// Rules that are made up.
const RULES: usize = 600;
/// Rules that are compared at least: those that the library takes long for are left out.
const COMPARED: usize = 500;
/// Instants that are compared of each: so many, and no more are looked for.
const INSTANTS: usize = 12;
/// What is known of time zones ends here.
const END: &str = "2100";
/// How many differences are shown.
const SHOWN: usize = 12;

/// A schedule and when it is due.
#[derive(Debug, Deserialize)]
struct Case {
    rrule: Option<String>,
    recurrence: Option<String>,
    count: Option<Value>,
    weekdays: Option<Value>,
    since: String,
    until: Option<String>,
    from: String,
    due: Vec<String>,
    is_zoned: bool,
}

impl Case {
    fn words(&self) -> RuleWords {
        let Self { rrule, recurrence, count, weekdays, .. } = self;
        RuleWords {
            rrule: rrule.clone(),
            recurrence: recurrence.clone(),
            count: count.clone().filter(|count| !count.is_null()),
            weekdays: weekdays.clone().filter(|days| !days.is_null()),
        }
    }

    /// When it is due by our own rules.
    fn found(&self) -> Result<Vec<String>, String> {
        let rule = Rule::read(self.words(), None).map_err(|error| error.message().to_owned())?;
        let until = self.until.as_deref().map(at);
        let instants = rule.instants(at(&self.since), until, at(&self.from));
        let instants = instants.take(INSTANTS).map(|instant| instant.to_string()[..19].to_owned());
        Ok(instants.take_while(|instant| instant.as_str() < END).collect())
    }
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a failure can be repeated with the seed")]
fn rules_mean_what_the_originals_library_says() {
    let given = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = given.unwrap_or_else(|| u64::from(rand::random::<u32>()));
    eprintln!("SEED={seed}");
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/execution_schedules/reference/rules.py");
    let mut command = Command::new(nephele_testkit::python::program());
    command.arg("-B").arg(program).args([seed.to_string(), RULES.to_string(), INSTANTS.to_string()]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let cases: Vec<Case> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(cases.len() >= COMPARED, "only {} rules", cases.len());
    assert!(cases.iter().filter(|case| case.is_zoned).count() > COMPARED / 20);
    let (mut different, mut shown) = (0, String::new());
    for case in &cases {
        let found = case.found();
        if found.as_ref() != Ok(&case.due) {
            different += 1;
            if different <= SHOWN {
                let _ = writeln!(shown, "{case:#?}\nhere: {found:#?}");
            }
        }
    }
    assert_eq!(different, 0, "of {} rules, with SEED={seed}:\n{shown}", cases.len());
}
