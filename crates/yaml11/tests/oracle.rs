//! Another reader beside ours: libyaml, as a Rust port. Both get the same made-up texts.
//!
//! It is not what we follow (that is `PyYAML`, see `reference`), but it needs no Python, so far more texts
//! can be tried. Where the two differ for a reason that is not in [`DIVERGENCES`], one of them is wrong.

use std::panic::{AssertUnwindSafe, catch_unwind};

use libyaml_safer::{EventData, Parser, ScalarStyle};
use nephele_yaml11::event::{Kind, Properties, Style};
use proptest::prelude::*;
use proptest::sample::select;

/// A text's events, and whether they end with a refusal.
#[derive(Debug, PartialEq)]
struct Reading {
    events: Vec<String>,
    refused: bool,
}

fn ours(text: &str) -> Reading {
    let mut reading = Reading { events: Vec::new(), refused: false };
    let Ok(events) = nephele_yaml11::events(text) else { return Reading { refused: true, ..reading } };
    for event in events {
        let Ok(event) = event else { return Reading { refused: true, ..reading } };
        let line = match event.kind {
            Kind::StreamStart => "stream".to_owned(),
            Kind::StreamEnd => "end of stream".to_owned(),
            Kind::DocumentStart { explicit } => format!("document {explicit}"),
            Kind::DocumentEnd { explicit } => format!("end of document {explicit}"),
            Kind::Alias(name) => format!("alias {name}"),
            Kind::Scalar { properties, text, style } => {
                let style = match style {
                    Style::Plain => ScalarStyle::Plain,
                    Style::SingleQuoted => ScalarStyle::SingleQuoted,
                    Style::DoubleQuoted => ScalarStyle::DoubleQuoted,
                    Style::Literal => ScalarStyle::Literal,
                    Style::Folded => ScalarStyle::Folded,
                };
                format!("scalar {style:?} {} {text:?}", shown(&properties))
            }
            Kind::SequenceStart { properties, .. } => format!("sequence {}", shown(&properties)),
            Kind::MappingStart { properties, .. } => format!("mapping {}", shown(&properties)),
            Kind::SequenceEnd => "end of sequence".to_owned(),
            Kind::MappingEnd => "end of mapping".to_owned(),
        };
        reading.events.push(line);
    }
    reading
}

fn shown(properties: &Properties<'_>) -> String {
    format!("{:?} {:?}", properties.anchor, properties.tag)
}

/// What the other reader makes of a text; nothing if it panics.
fn theirs(text: &str) -> Option<Reading> {
    catch_unwind(AssertUnwindSafe(|| {
        let mut parser = Parser::new();
        parser.set_input(text.as_bytes());
        let mut reading = Reading { events: Vec::new(), refused: false };
        loop {
            let Ok(event) = parser.parse() else { return Reading { refused: true, ..reading } };
            let is_end = matches!(event.data, EventData::StreamEnd);
            let line = match event.data {
                EventData::StreamStart { .. } => "stream".to_owned(),
                EventData::StreamEnd => "end of stream".to_owned(),
                EventData::DocumentStart { implicit, .. } => format!("document {}", !implicit),
                EventData::DocumentEnd { implicit } => format!("end of document {}", !implicit),
                EventData::Alias { anchor } => format!("alias {anchor}"),
                EventData::Scalar { anchor, tag, value, style, .. } => {
                    format!("scalar {style:?} {anchor:?} {tag:?} {value:?}")
                }
                EventData::SequenceStart { anchor, tag, .. } => format!("sequence {anchor:?} {tag:?}"),
                EventData::MappingStart { anchor, tag, .. } => format!("mapping {anchor:?} {tag:?}"),
                EventData::SequenceEnd => "end of sequence".to_owned(),
                EventData::MappingEnd => "end of mapping".to_owned(),
            };
            reading.events.push(line);
            if is_end {
                return reading;
            }
        }
    }))
    .ok()
}

/// A reason to read a text differently, and whether a text gives it.
type Divergence = (&'static str, fn(&str) -> bool);

const DIVERGENCES: &[Divergence] = &[
    ("it panics at a lone `!`", |text| text.split('!').skip(1).any(|rest| !rest.starts_with(|next: char| next > ' '))),
    ("it panics at an escape that the text ends in", |text| text.ends_with('\\')),
    ("it panics at the end of a block scalar without a line break", |text| {
        text.contains(['|', '>']) && !text.ends_with('\n')
    }),
    ("it takes a tab for a blank between tokens", |text| text.contains('\t')),
    ("it takes `?` for text within a word of a flow collection, and for a key only before a blank", |text| {
        text.contains('?') && text.contains(['[', '{'])
    }),
    ("it refuses `:` before a flow indicator", |text| {
        [":,", ":[", ":]", ":{", ":}"].iter().any(|pair| text.contains(pair))
    }),
    ("it ends a tag at a flow indicator", |text| {
        text.split(char::is_whitespace)
            .any(|word| word.find('!').is_some_and(|from| word[from..].contains([',', '[', ']'])))
    }),
    ("it takes a comment right behind the header of a block scalar", |text| {
        text.split(['|', '>']).skip(1).any(|rest| rest.trim_start_matches(['+', '-', '1', '2']).starts_with('#'))
    }),
    ("it passes over a byte order mark at the beginning of any line", |text| text.rfind('\u{feff}') > Some(0)),
    ("it looks for the second `!` of a tag's handle only behind a name", |text| {
        text.split(char::is_whitespace).any(|word| word.matches('!').count() > 1)
    }),
];

fn compare(text: &str) -> Result<(), TestCaseError> {
    let found = ours(text);
    let other = theirs(text);
    // Which fault of several is told, and after how many events, is not compared here.
    let same = other.as_ref().is_some_and(|other| found == *other || (found.refused && other.refused));
    if same || DIVERGENCES.iter().any(|(_, applies)| applies(text)) {
        return Ok(());
    }
    Err(TestCaseError::fail(format!("{text:?}\nours   {found:#?}\ntheirs {other:#?}")))
}

const COMMON: &[&str] = &[
    "-", "- ", "-\n", ": ", ":\n", "{", "}", "[", "]", ",", ", ", "&a ", "&b ", "*a ", "*b", "!t ", "!!str ", ">\n",
    ">-\n", "|\n", "|+\n", "|2\n", "'", "''", "\"", "\\n", "\\x41", " #c", "# c\n", "---", "--- ", "\n---\n", "a", "b",
    "c d", "é", " ", "  ", "    ", "\n", "\n ", "\n  ", "\n    ", "\r\n", "a: b", "a:\n  ", "a: &a ", "1", "xyz: ",
    "? ", "?\n",
];

const RARE: &[&str] = &[
    "?",
    ":",
    "\t",
    "!",
    "! ",
    "!!",
    "!<t> ",
    "!x!",
    "%TAG !x! y:\n",
    "%YAML 1.1\n",
    "@",
    "`",
    "...",
    "\n...\n",
    "\u{85}",
    "\u{2028}",
    "\u{feff}",
    "\r",
    "\\\n",
    "\\",
    "*",
    "#",
    "<<: ",
    ">",
    "|",
];

fn sign() -> impl Strategy<Value = &'static str> {
    prop_oneof![3 => select(COMMON), 1 => select(RARE)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(80 * ProptestConfig::default().cases))]

    #[test]
    fn a_soup_of_signs_is_read_alike(signs in prop::collection::vec(sign(), 1..12)) {
        compare(&signs.concat())?;
    }

    #[test]
    fn lines_of_signs_are_read_alike(lines in prop::collection::vec(
        (0..5_usize, prop::collection::vec(select(COMMON), 0..4)), 1..8)
    ) {
        let lines = lines.into_iter().map(|(indent, signs)| " ".repeat(indent) + &signs.concat() + "\n");
        compare(&lines.collect::<String>())?;
    }
}
