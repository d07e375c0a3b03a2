//! Blueprints that want time, memory or the stack. Each ends in a plan or in a refusal with a place in the list
//! of faults, soon, and with little more memory than its text suggests.
//!
//! What aliases, depth and long scalars do to the reader alone is in the tests of `nephele-yaml11`; what
//! functions do at run time, in those of `nephele-manager`.

#![expect(clippy::unwrap_used, reason = "a test fails where its parts do not fit")]

mod circles;
mod imports;
mod sizes;
mod texts;

use std::fmt::Write;
use std::fs;
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use nephele_dsl::{
    Catalog, Fetch, Fetched, ImportError, Options, PrepareOptions, RandomIds, Resolver, Source, ValueQuery, Version,
    parse, prepare,
};
use nephele_model::json::Map;

/// Blueprints here are of up to some megabytes, read without optimisation on a busy machine.
const LONGEST: Duration = Duration::from_mins(1);

/// Megabytes that no case may need.
const MOST_MEMORY: u64 = 700;

pub(crate) const HEAD: &str = "tosca_definitions_version: cloudify_dsl_1_5\nimports: [cloudify/types/types.yaml]\n";

/// What a hostile server offers.
pub(crate) type Offer = fn(&str) -> Option<Fetched>;

struct Server(Offer);

impl Fetch for Server {
    fn fetch(&self, location: &str, _version: Version) -> Result<Fetched, ImportError> {
        (self.0)(location).ok_or_else(|| ImportError::unreachable(location, "there is nothing"))
    }

    fn exists(&self, _location: &str) -> bool {
        false
    }
}

struct Everything;

impl Catalog for Everything {
    fn has_secret(&self, _name: &str) -> Option<bool> {
        Some(true)
    }

    fn contains(&self, _query: &ValueQuery<'_>) -> bool {
        true
    }
}

/// What became of a blueprint: `plan`, or the step that refused it and the fault's name.
fn outcome(text: String, offer: Offer) -> String {
    let parsed =
        match parse(&Source::new("file:/blueprint.yaml", text), &Resolver::new(Server(offer)), &Options::default()) {
            Ok(parsed) => parsed,
            Err(problems) => return format!("parse: {}", problems[0].fault.name()),
        };
    let stored = serde_json::to_string(&parsed.plan).unwrap();
    let plan = serde_json::from_str(&stored).unwrap();
    match prepare(plan, Map::new(), &Everything, &mut RandomIds, &PrepareOptions::default()) {
        Ok(plan) => {
            serde_json::to_string(&plan).unwrap();
            "plan".to_owned()
        }
        Err(problem) => format!("prepare: {}", problem.fault.name()),
    }
}

/// The most memory that the process had at once since the last call, in megabytes.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    fs::write("/proc/self/clear_refs", "5").unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

fn nothing(_location: &str) -> Option<Fetched> {
    None
}

pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) text: String,
    pub(crate) offer: Offer,
    pub(crate) expected: &'static str,
}

pub(crate) fn case(name: &'static str, text: String, expected: &'static str) -> Case {
    Case { name, text, offer: nothing, expected }
}

/// One line for each number.
pub(crate) fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).fold(String::new(), |mut text, number| {
        let _ = writeln!(text, "{}", line(number));
        text
    })
}

/// `before` times `depth`, then `inner`, then `after` as often.
pub(crate) fn nested(depth: usize, before: &str, inner: &str, after: &str) -> String {
    format!("{}{inner}{}", before.repeat(depth), after.repeat(depth))
}

/// Memory is that of the whole process, so no two cases run at once.
static ALONE: Mutex<()> = Mutex::new(());

/// Runs the cases one after the other.
pub(crate) fn hold(cases: Vec<Case>) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut wrong = Vec::new();
    peak();
    for Case { name, text, offer, expected } in cases {
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || sender.send(outcome(text, offer)));
        let found = match receiver.recv_timeout(LONGEST) {
            Ok(found) => found,
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("{name} did not end within {LONGEST:?}"),
            Err(mpsc::RecvTimeoutError::Disconnected) => "panic".to_owned(),
        };
        let memory = peak();
        if found != expected {
            wrong.push(format!("{name}: {found}, not {expected}"));
        }
        if memory > MOST_MEMORY {
            wrong.push(format!("{name}: {memory} MB"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
