//! Time grows with the length of a text and with nothing else, whatever the text is.

use std::time::{Duration, Instant};

use nephele_yaml11::{events, load};

/// How much longer the second of two texts is, and how much more time it may take: the machine may be busy,
/// caches may overflow, but 16 times would be quadratic.
const LONGER: usize = 4;
const SLACK: u32 = 9;

/// What is below this is noise; a quadratic reader would need seconds at least.
const NOISE: Duration = Duration::from_millis(500);

/// Reads a text in both ways.
fn read(text: &str) -> Duration {
    let start = Instant::now();
    if let Ok(events) = events(text) {
        let steps = events.count();
        assert!(steps <= 4 * text.len() + 8, "{steps} events in {} bytes", text.len());
    }
    let _ = load(text);
    start.elapsed()
}

/// Holds the texts of a shape to linear time; `size` is about the bytes of the longer one.
#[track_caller]
fn grows_linearly(name: &str, size: usize, make: impl Fn(usize) -> String) {
    let (short, long) = (make(size / LONGER), make(size));
    // The best of several tries is what the text itself needs.
    let (mut first, mut second) = (Duration::MAX, Duration::MAX);
    for _ in 0..8 {
        first = first.min(read(&short));
        second = second.min(read(&long));
        if second <= (first * SLACK).max(NOISE) {
            return;
        }
    }
    panic!("{name}: {first:?} for {} bytes, {second:?} for {}", short.len(), long.len());
}

/// A quadratic reader would need minutes for a text of this size.
const SIZE: usize = 400_000;

fn repeated(unit: &'static str) -> impl Fn(usize) -> String {
    move |size| unit.repeat(size / unit.len())
}

#[test]
fn nesting() {
    for unit in ["[", "{", "[[", "- ", "? ", "{a: ", "[a: ", "? - ", "- a: ", "[? ", "{? ", "[{", "? a\n: ", "a:\n"] {
        grows_linearly(unit, SIZE, repeated(unit));
    }
    grows_linearly("[...]", SIZE, |size| "[".repeat(size / 2) + &"]".repeat(size / 2));
    grows_linearly("[ over lines", SIZE, repeated("[\n"));
    grows_linearly("[[a]: b]: c", SIZE, |size| "[".repeat(size / 5) + "a" + &"]: b".repeat(size / 5));
    grows_linearly("levels of indentation", SIZE, |size| {
        let levels = size.isqrt();
        (0..levels).map(|level| " ".repeat(level) + "-\n").collect()
    });
}

#[test]
fn repetition() {
    let units = [
        "a\n",
        "a ",
        "a: b\n",
        "- a\n",
        "a,",
        "[a, ",
        "]",
        "}",
        ",",
        "&a ",
        "*a ",
        "*a\n",
        "- &a b\n",
        "- *a\n",
        "!!!",
        "! ",
        "!a ",
        "!a!b ",
        "%",
        "%a\n",
        "%TAG !a! b\n",
        "# c\n",
        "#",
        " ",
        "\n",
        "\r\n",
        "\t",
        "---\n",
        "...\n",
        "--- a\n...\n",
        "'",
        "''",
        "\"",
        "\\",
        "@",
        ": ",
        ":",
        "::",
        "?",
        "-",
        "--",
        "|\n",
        "|+\n\n",
        "- |\n a\n",
        "<<: ",
        "é",
        "é: ",
        "\u{85}",
        "\u{2028}",
        "\u{feff}",
        "'a' ",
        "\"a\": ",
        "=: ",
        "~\n",
        "1",
        "1_",
        "1:1:",
        "0x",
        "a\n\n b\n",
        "x:\n  ",
        "%61",
    ];
    for unit in units {
        grows_linearly(unit, SIZE, repeated(unit));
    }
}

#[test]
fn long_scalars() {
    let quoted = |unit: &'static str, quote: &'static str| {
        move |size: usize| format!("{quote}{}{quote}", unit.repeat(size / unit.len()))
    };
    for unit in ["a", "a ", "\\n", "\\x41", "\\\n", "a\n", "\n", "é", "\\u00e9", " ", "a\n\n  "] {
        grows_linearly(unit, SIZE, quoted(unit, "\""));
    }
    for unit in ["a", "''", "a ", "a\n", "\n", "\"", "é"] {
        grows_linearly(unit, SIZE, quoted(unit, "'"));
    }
    for header in ["|\n", ">\n", "|+\n", ">-\n"] {
        for line in [" a\n", " a\n\n", "  a\n", "\n", " \n", " é\n", " a\n  b\n"] {
            grows_linearly(line, SIZE, |size| header.to_owned() + &line.repeat(size / line.len()));
        }
    }
    grows_linearly("plain over lines", SIZE, |size| "k: a\n".to_owned() + &" b\n".repeat(size / 3));
    grows_linearly("a key", 1_000_000, |size| "k".repeat(size) + ": v\n");
    grows_linearly("a quoted key", 1_000_000, |size| format!("'{}': v\n", "k".repeat(size)));
    grows_linearly("an explicit key", SIZE, |size| format!("? {}\n: v\n", "k ".repeat(size / 2)));
    grows_linearly("an anchor", SIZE, |size| format!("&{} a\n", "k".repeat(size)));
    grows_linearly("a tag", SIZE, |size| format!("!{} a\n", "k".repeat(size)));
    grows_linearly("a tag with escapes", SIZE, |size| format!("!{} a\n", "%61".repeat(size / 3)));
    grows_linearly("a comment", SIZE, |size| format!("# {}\na: b # {0}\n", "é".repeat(size / 4)));
    grows_linearly("a whole number", SIZE, |size| "9".repeat(size));
    grows_linearly("a binary number", SIZE, |size| format!("0x{}", "f".repeat(size)));
    grows_linearly("a fraction", SIZE, |size| format!("0.{}", "1".repeat(size)));
    grows_linearly("sixties", SIZE, |size| format!("1{}", ":59".repeat(size / 3)));
    grows_linearly("sixties with a fraction", SIZE, |size| format!("1{}.5", ":59".repeat(size / 3)));
    grows_linearly("a date", SIZE, |size| format!("2020-01-01 00:00:00.{}", "0".repeat(size)));
    grows_linearly("base64", SIZE, |size| format!("!!binary {}", "aGk=".repeat(size / 4)));
}

#[test]
fn many_nodes() {
    let counted = |line: fn(usize) -> String| move |size: usize| (0..size / 12).map(line).collect::<String>();
    grows_linearly("keys", SIZE, counted(|number| format!("key{number}: v\n")));
    grows_linearly("the same key", SIZE, repeated("key: value\n"));
    grows_linearly("numbers as keys", SIZE, counted(|number| format!("{number}: v\n")));
    grows_linearly("anchors", SIZE, counted(|number| format!("- &a{number} b\n")));
    grows_linearly("anchors and aliases", SIZE, counted(|number| format!("- &a{number} b\n- *a{number}\n")));
    grows_linearly("merges of one", SIZE, |size| "a: &a {x: 1}\n".to_owned() + &"b: {<<: *a}\n".repeat(size / 12));
    grows_linearly("merge keys", SIZE, |size| "a: &a {x: 1}\nb:\n".to_owned() + &" <<: *a\n".repeat(size / 9));
    grows_linearly("a list of merges", SIZE, |size| {
        format!("a: &a {{x: 1}}\nb: {{<<: [{}]}}\n", "*a,".repeat(size / 3))
    });
    grows_linearly("a set", SIZE, |size| format!("!!set {{{}}}", counted(|number| format!("key{number}, "))(size)));
    grows_linearly("an ordered map", SIZE, |size| "!!omap\n".to_owned() + &"- a: b\n".repeat(size / 7));
    grows_linearly("tag handles", SIZE, counted(|number| format!("%TAG !h{number}! t\n")));
}

/// One line for each number.
fn lines(numbers: std::ops::Range<usize>, line: impl Fn(usize) -> String) -> String {
    numbers.map(line).collect()
}

/// Texts that stand for far more than they hold are refused before they have cost much.
#[test]
fn bombs() {
    let ten = |number: usize| vec![format!("*a{}", number - 1); 10].join(", ");
    let bombs = [
        ("lists", "a0: &a0 [x]\n".to_owned() + &lines(1..60, |n| format!("a{n}: &a{n} [{}]\n", ten(n)))),
        ("merges", "a0: &a0 {x: 1}\n".to_owned() + &lines(1..60, |n| format!("a{n}: &a{n} {{<<: [{}]}}\n", ten(n)))),
        (
            "one merge twice",
            "a0: &a0 {x: 1}\n".to_owned()
                + &lines(1..60, |n| format!("a{n}: &a{n} {{<<: [*a{0}, *a{0}], k{n}: 1}}\n", n - 1)),
        ),
        (
            "a large mapping merged often",
            format!("a: &a {{{}}}\n", lines(0..40_000, |n| format!("k{n}, ")))
                + &lines(0..40_000, |n| format!("b{n}: {{<<: *a}}\n")),
        ),
        (
            "values through far aliases",
            "s0: &m0 {k: &v0 []}\n".to_owned()
                + &lines(1..20_000, |n| format!("s{n}: &m{n} {{k: &v{n} [*v{}]}}\n", n - 1))
                + "<<: *m19999\n",
        ),
        (
            "merges through far aliases",
            "s:\n s0: &m0 {k: 1}\n".to_owned()
                + &lines(1..20_000, |n| format!(" s{n}: &m{n} {{<<: *m{}}}\n", n - 1))
                + "<<: {<<: *m19999}\n",
        ),
    ];
    for (name, bomb) in bombs {
        let start = Instant::now();
        let error = load(&bomb).expect_err(name);
        assert!(start.elapsed() < Duration::from_mins(1), "{name}: {:?}", start.elapsed());
        assert!(error.problem.contains("levels deep") || error.problem.contains("too large"), "{name}: {error}");
    }
}
