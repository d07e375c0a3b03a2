//! Blueprints of `blueprints/` with lines taken out, repeated, moved, indented, joined with those of others, and
//! with words put in the place of words: each ends in a plan or in a refusal, and soon.

#![expect(clippy::unwrap_used, reason = "a test fails where its parts do not fit")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use nephele_dsl::{
    Catalog, Fetch, Fetched, ImportError, Options, Plan, PrepareOptions, RandomIds, Resolver, Source, ValueQuery,
    Version, parse, prepare,
};
use nephele_model::json::Map;
use proptest::prelude::*;
use proptest::sample::Index;

/// A blueprint of some lines takes milliseconds; what takes longer does not grow with its text.
const LONGEST: Duration = Duration::from_secs(10);

static TEXTS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/blueprints");
    let (mut files, mut folders): (Vec<PathBuf>, _) = (Vec::new(), vec![folder]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let list = if path.is_dir() { &mut folders } else { &mut files };
            list.push(path);
        }
    }
    files.retain(|file| file.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    files.iter().filter_map(|file| fs::read_to_string(file).ok()).collect()
});

fn chosen(index: Index) -> &'static str {
    let text: &'static String = index.get(TEXTS.as_slice());
    text
}

/// Answers every import with one of the texts.
struct Texts;

impl Fetch for Texts {
    fn fetch(&self, location: &str, _version: Version) -> Result<Fetched, ImportError> {
        let number = location.bytes().map(usize::from).sum::<usize>() % TEXTS.len();
        let text = TEXTS[number].clone();
        Ok(match location.split_once(':') {
            Some(("blueprint", _)) => Fetched::Blueprint { main: Source::new(location, text), resources_base: None },
            _ => Fetched::Text(text),
        })
    }

    fn exists(&self, _location: &str) -> bool {
        true
    }
}

impl Catalog for Texts {
    fn has_secret(&self, name: &str) -> Option<bool> {
        Some(!name.len().is_multiple_of(5))
    }

    fn contains(&self, query: &ValueQuery<'_>) -> bool {
        query.data_type.len().is_multiple_of(2)
    }
}

#[derive(Clone, Debug)]
enum Change {
    Remove(Index),
    Repeat(Index),
    Move(Index, Index),
    Indent(Index, usize),
    Join(Index, Index, Index),
    Word(Index, Index, Index),
}

fn change() -> impl Strategy<Value = Change> {
    let at = any::<Index>;
    prop_oneof![
        at().prop_map(Change::Remove),
        at().prop_map(Change::Repeat),
        (at(), at()).prop_map(|(from, to)| Change::Move(from, to)),
        (at(), 0..8_usize).prop_map(|(line, indent)| Change::Indent(line, indent)),
        (at(), at(), at()).prop_map(|(line, text, from)| Change::Join(line, text, from)),
        (at(), at(), at()).prop_map(|(line, text, word)| Change::Word(line, text, word)),
        (at(), at(), at()).prop_map(|(line, text, word)| Change::Word(line, text, word)),
    ]
}

fn words(text: &str) -> Vec<&str> {
    text.split(|sign: char| sign.is_whitespace() || "{}[],:".contains(sign)).filter(|word| !word.is_empty()).collect()
}

fn changed(text: &str, changes: &[Change]) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for change in changes {
        if lines.is_empty() {
            break;
        }
        let at = |index: &Index| index.index(lines.len());
        match change {
            Change::Remove(line) => drop(lines.remove(at(line))),
            Change::Repeat(line) => lines.insert(at(line), lines[at(line)].clone()),
            Change::Move(from, to) => {
                let (from, to) = (at(from), at(to));
                let line = lines.remove(from);
                lines.insert(to.min(lines.len()), line);
            }
            Change::Indent(line, indent) => {
                let line = at(line);
                lines[line] = " ".repeat(*indent) + lines[line].trim_start();
            }
            Change::Join(line, text, from) => {
                let others: Vec<&str> = chosen(*text).lines().collect();
                let (line, from) = (at(line), from.index(others.len()));
                lines.truncate(line);
                lines.extend(others[from..].iter().map(|other| (*other).to_owned()));
            }
            Change::Word(line, text, word) => {
                let line = at(line);
                let (own, others) = (words(&lines[line]), words(chosen(*text)));
                if own.is_empty() {
                    continue;
                }
                lines[line] = lines[line].replacen(own[word.index(own.len())], others[word.index(others.len())], 1);
            }
        }
    }
    lines.join("\n") + "\n"
}

fn read(text: String) {
    let parsed = parse(&Source::new("file:/blueprint.yaml", text), &Resolver::new(Texts), &Options::default());
    let parsed = match parsed {
        Ok(parsed) => parsed,
        Err(problems) => return assert!(!problems.is_empty()),
    };
    let stored = serde_json::to_string(&parsed.plan).unwrap();
    for runtime_only_evaluation in [false, true] {
        let plan: Plan = serde_json::from_str(&stored).unwrap();
        let options = PrepareOptions { runtime_only_evaluation, ..PrepareOptions::default() };
        let inputs = plan.inputs().iter().filter(|(_, input)| input.get("default").is_none());
        let inputs: Map = inputs.map(|(name, _)| (name.clone(), "given".into())).collect();
        if let Ok(prepared) = prepare(plan, inputs, &Texts, &mut RandomIds, &options) {
            serde_json::to_string(&prepared).unwrap();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4 * ProptestConfig::default().cases))]

    #[test]
    fn broken_blueprints_are_read_or_refused(text in any::<Index>(), changes in prop::collection::vec(change(), 0..6)) {
        let start = Instant::now();
        read(changed(chosen(text), &changes));
        prop_assert!(start.elapsed() < LONGEST, "{:?}", start.elapsed());
    }
}
