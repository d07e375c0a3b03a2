//! What whole documents become.

use std::fmt::Write;

use nephele_yaml11::{DEEPEST, Mark, Stage, Value, load};
use proptest::prelude::*;

#[expect(clippy::unwrap_used, reason = "a test")]
fn value(text: &str) -> Value {
    load(text).unwrap().unwrap().value.clone()
}

#[test]
fn positions_count_from_nought() {
    let root = load("a:\n  bc: [1, two]\n").unwrap().unwrap();
    let inner = &root.entry("a").unwrap().value;
    let entry = inner.entry("bc").unwrap();
    assert_eq!(entry.key.span.start, Mark { line: 1, column: 2 });
    assert_eq!(entry.value.span.start, Mark { line: 1, column: 6 });
    assert_eq!(entry.value.items().unwrap()[1].span.end, Mark { line: 1, column: 13 });
}

#[test]
fn a_duplicate_key_keeps_the_first_place_and_the_last_value() {
    let root = load("a: 1\nb: 2\na: 3\n").unwrap().unwrap();
    let entries = root.entries().unwrap();
    assert_eq!(entries.len(), 2);
    assert_eq!(entries[0].key.span.start.line, 0);
    assert_eq!(entries[0].value.value, Value::Int(3));
}

#[test]
fn merge_keys_come_first_and_are_overridden_in_place() {
    let root = load("base: &b {x: 1, y: 2}\nused: {z: 0, <<: *b, x: 9}\n").unwrap().unwrap();
    let used = &root.entry("used").unwrap().value;
    let seen: Vec<_> =
        used.entries().unwrap().iter().map(|entry| (entry.key.as_str().unwrap(), entry.value.value.clone())).collect();
    assert_eq!(seen, [("x", Value::Int(9)), ("y", Value::Int(2)), ("z", Value::Int(0))]);
    assert_eq!(load("<<: 3").unwrap_err().stage, Stage::Constructor);
}

#[test]
fn tags_decide() {
    assert_eq!(value("!!str 5"), Value::String("5".into()));
    assert_eq!(value("!!float 5"), Value::Float(5.0));
    assert_eq!(value("'5'"), Value::String("5".into()));
    assert_eq!(load("!!python/object:os.system {}").unwrap_err().stage, Stage::Constructor);
}

#[test]
fn aliases_share_and_cannot_explode_or_recur() {
    let root = load("a: &x [1]\nb: *x\n").unwrap().unwrap();
    assert!(std::sync::Arc::ptr_eq(&root.entry("a").unwrap().value, &root.entry("b").unwrap().value));
    let mut bomb = String::from("a0: &a0 [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]\n");
    for level in 1..12 {
        let before = vec![format!("*a{}", level - 1); 10].join(", ");
        writeln!(bomb, "a{level}: &a{level} [{before}]").unwrap();
    }
    assert_eq!(load(&bomb).unwrap_err().stage, Stage::Composer);
    assert_eq!(load("a: &x [*x]").unwrap_err().stage, Stage::Constructor);
    assert_eq!(load("a: *nothing").unwrap_err().problem, "found undefined alias 'nothing'");
}

#[test]
fn a_chain_of_merges_is_not_a_bomb() {
    let mut text = String::from("m0: &m0 {x0: 0}\n");
    for level in 1..40 {
        writeln!(text, "m{level}: &m{level} {{<<: *m{}, x{level}: 0}}", level - 1).unwrap();
    }
    let root = load(&text).unwrap().unwrap();
    assert_eq!(root.entry("m39").unwrap().value.entries().unwrap().len(), 40);
}

#[test]
fn depth_is_bounded() {
    let deepest = DEEPEST;
    let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    assert!(load(&nested(deepest)).is_ok());
    assert_eq!(load(&nested(deepest + 5)).unwrap_err().stage, Stage::Composer);
    assert!(load(&nested(20_000)).is_err());
    assert!(load(&"{a: ".repeat(20_000)).is_err());
}

#[test]
fn one_document_only() {
    assert!(load("").unwrap().is_none());
    assert!(load("# nothing\n").unwrap().is_none());
    assert_eq!(load("a\n---\nb\n").unwrap_err().stage, Stage::Composer);
    let broken = load("a: [1\nb: 2\n").unwrap_err();
    assert_eq!(broken.stage, Stage::Parser);
    assert_eq!(broken.mark.line, 1);
}

fn reads(text: &str) {
    if let Err(error) = load(text) {
        let _ = error.to_string();
    }
    if let Ok(events) = nephele_yaml11::events(text) {
        let _ = events.count();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4 * ProptestConfig::default().cases))]

    #[test]
    fn no_text_panics(text in any::<String>()) {
        reads(&text);
    }

    #[test]
    fn no_soup_of_signs_panics(
        text in "([-:?,\\[\\]{}&*!|>'\"%@`#=~.\\\\a1é\n\r\t\u{85}\u{2028}\u{feff} ]|- |: |\n {1,4}|<<: |&a |\\*a |!!(int|float|set|omap|binary|timestamp) |\n---|%TAG ![a!]){0,40}"
    ) {
        reads(&text);
    }
}
