//! Made-up texts, valid and broken: a soup of YAML's signs, trees in many notations, things like numbers
//! and dates, and goldens with something changed.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use crate::goldens::goldens;

/// So many texts that depend on the seed alone.
pub(crate) fn texts(seed: u64, count: usize) -> Vec<String> {
    let goldens: Vec<String> =
        goldens().into_iter().map(|golden| golden.text).filter(|text| text.len() < 300).collect();
    let mut random = StdRng::seed_from_u64(seed);
    let mut texts = Vec::with_capacity(count);
    while texts.len() < count {
        let text = match texts.len() % 5 {
            0 => soup(&mut random),
            1 => document(&mut random),
            2 => scalars(&mut random),
            3 => changed(&document(&mut random), &goldens, &mut random),
            _ => changed(goldens.choose(&mut random).unwrap(), &goldens, &mut random),
        };
        // Half of a surrogate pair cannot be in our texts, so errors that quote one differ.
        if !text.to_lowercase().contains("\\ud") {
            texts.push(text);
        }
    }
    texts
}

const SIGNS: &[&str] = &[
    "-",
    "- ",
    "-\n",
    "? ",
    "?\n",
    ": ",
    ":\n",
    ":",
    "{",
    "}",
    "[",
    "]",
    ",",
    ", ",
    "&a ",
    "&b ",
    "*a ",
    "*b",
    "!",
    "! ",
    "!!",
    "!!str ",
    "!!int ",
    "!!map ",
    "!!set ",
    "!!omap ",
    "!x!",
    "!<",
    ">",
    "> ",
    ">-\n",
    "|\n",
    "|+\n",
    "|2\n",
    "'",
    "''",
    "\"",
    "\\",
    "\\n",
    "\\x41",
    "\\\n",
    "#",
    " #c",
    "# c\n",
    "%",
    "%TAG !x! y:\n",
    "%YAML 1.1\n",
    "@",
    "`",
    "---",
    "--- ",
    "\n---\n",
    "...",
    "\n...\n",
    "a",
    "b",
    "c d",
    "é",
    "\u{85}",
    "\u{2028}",
    "\u{feff}",
    "\t",
    " ",
    "  ",
    "    ",
    "\n",
    "\n ",
    "\n  ",
    "\n    ",
    "\r\n",
    "\r",
    "a: b",
    "a:\n  ",
    "a: &a ",
    "<<: ",
    "<<: *a",
    "=",
    "~",
    "1",
    "1.5",
    "yes",
    "2020-01-01",
    "k",
    "xyz: ",
    "\u{7}",
    "😀",
];

fn soup(random: &mut StdRng) -> String {
    let length = random.random_range(1..25);
    (0..length).map(|_| *SIGNS.choose(random).unwrap()).collect()
}

/// Something changed in a text, up to three times.
fn changed(text: &str, others: &[String], random: &mut StdRng) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    for _ in 0..random.random_range(1..4) {
        let from = random.random_range(0..=characters.len());
        let to = (from + random.random_range(0..4)).min(characters.len());
        let piece: Vec<char> = match random.random_range(0..5) {
            0 => Vec::new(),
            1 | 2 => SIGNS.choose(random).unwrap().chars().collect(),
            3 => characters[from..to].to_vec(),
            _ => others.choose(random).unwrap().chars().collect(),
        };
        let until = if random.random_bool(0.5) { from } else { to };
        characters.splice(from..until, piece);
    }
    characters.into_iter().collect()
}

/// A list of things that look like numbers, dates or words, some with a tag.
fn scalars(random: &mut StdRng) -> String {
    const DIGITS: &[char] =
        &['0', '1', '2', '5', '9', '0', '1', '_', '.', ':', '-', '+', 'e', 'E', 'x', 'b', 'a', 'F', 'T', 'Z', ' '];
    const WORDS: &[&str] = &[
        "2020-01-02",
        "2020-1-2",
        "9999-12-31",
        "0001-01-01",
        "2020-02-30",
        " 1:02:03",
        "T23:59:59",
        ".5",
        "Z",
        "+01:30",
        "-1",
        "0x",
        "0b1",
        ".inf",
        ".nan",
        "yes",
        "No",
        "null",
        "~",
        "1_0",
        ":59",
        "1e+3",
        "<<",
        "=",
        "aGk=",
        "=",
        "\\n",
    ];
    const TAGS: &[&str] =
        &["!!int ", "!!float ", "!!bool ", "!!timestamp ", "!!binary ", "!!null ", "!!str ", "! ", "!!seq ", "!y "];
    let mut text = String::new();
    for _ in 0..random.random_range(1..6) {
        text.push_str("- ");
        if random.random_bool(0.3) {
            text.push_str(TAGS.choose(random).unwrap());
        }
        let length = random.random_range(1..7);
        let scalar: String = if random.random_bool(0.5) {
            (0..length).map(|_| *DIGITS.choose(random).unwrap()).collect()
        } else {
            (0..=length / 3).map(|_| *WORDS.choose(random).unwrap()).collect()
        };
        match random.random_range(0..8) {
            0 => text.extend(["\"", &scalar, "\""]),
            1 => text.extend(["'", &scalar, "'"]),
            _ => text.push_str(&scalar),
        }
        text.push('\n');
    }
    text
}

/// A tree in many notations; mostly valid.
fn document(random: &mut StdRng) -> String {
    let mut text = String::new();
    if random.random_bool(0.1) {
        text.push_str(["---\n", "--- # c\n", "%YAML 1.1\n---\n", "\u{feff}", "# c\n\n"].choose(random).unwrap());
    }
    let mut writer = Writer { text, anchors: 0, random };
    writer.block(0, 3);
    if writer.random.random_bool(0.05) {
        writer.text.push_str("...\n");
    }
    writer.text
}

struct Writer<'random> {
    text: String,
    anchors: usize,
    random: &'random mut StdRng,
}

impl Writer<'_> {
    /// A node on lines of its own, indented so far.
    fn block(&mut self, indent: usize, depth: usize) {
        let count = self.random.random_range(1..4);
        let is_list = self.random.random_bool(0.4);
        let start = " ".repeat(indent);
        for number in 0..count {
            if number > 0 || indent == 0 {
                self.text.push_str(&start);
            }
            if is_list {
                self.text.push_str("- ");
                if depth > 0 && self.random.random_bool(0.3) {
                    self.block(indent + 2, depth - 1);
                    continue;
                }
            } else {
                self.key();
            }
            self.value(indent, depth);
        }
    }

    /// What stands behind `- ` or `key:`, and the end of the line.
    fn value(&mut self, indent: usize, depth: usize) {
        self.properties();
        match self.random.random_range(0..10) {
            0..=2 if depth > 0 => {
                let deeper = indent + self.random.random_range(1..4);
                self.text.push('\n');
                self.text.push_str(&" ".repeat(deeper));
                self.block(deeper, depth - 1);
            }
            3 | 4 => {
                self.flow(depth);
                self.line_end();
            }
            5 => self.block_scalar(indent),
            6 => self.text.push('\n'),
            _ => {
                self.scalar();
                self.line_end();
            }
        }
    }

    fn key(&mut self) {
        match self.random.random_range(0..12) {
            0 => self.text.push_str("'a b': "),
            1 => self.text.push_str("? x\n: "),
            2 if self.anchors > 0 => {
                let alias = self.random.random_range(0..self.anchors).to_string();
                self.text.extend(["<<: *a", &alias, "\n"]);
            }
            3 => self.text.push_str("1: "),
            4 => self.text.push_str("<<: {x: 1, y: 2}\n"),
            _ => {
                let key = ["a", "b", "key", "some key", "yes"].choose(self.random).unwrap();
                self.text.push_str(key);
                self.text.push_str(": ");
            }
        }
    }

    fn properties(&mut self) {
        if self.random.random_bool(0.15) {
            self.text.extend(["&a", &self.anchors.to_string(), " "]);
            self.anchors += 1;
        }
        if self.random.random_bool(0.05) {
            self.text.push_str(["!!str ", "!!map ", "!!seq ", "!!set ", "! ", "!!omap "].choose(self.random).unwrap());
        }
    }

    fn line_end(&mut self) {
        self.text.push_str(["\n", "\n", "\n", " # c\n", "\n\n", "\n# c\n", "\r\n", " \n"].choose(self.random).unwrap());
    }

    fn block_scalar(&mut self, indent: usize) {
        self.text.push_str(["|", ">", "|-", ">-", "|+", ">+", "|1", ">1-"].choose(self.random).unwrap());
        self.text.push('\n');
        for _ in 0..self.random.random_range(0..4) {
            let line = ["x", " y", "z z", "", "  ", "# no comment", "\tt"].choose(self.random).unwrap();
            self.text.push_str(&" ".repeat(indent + 1));
            self.text.push_str(line);
            self.text.push('\n');
        }
    }

    fn scalar(&mut self) {
        if self.anchors > 0 && self.random.random_bool(0.15) {
            let alias = format!("*a{}", self.random.random_range(0..self.anchors));
            self.text.push_str(&alias);
            return;
        }
        let scalar = [
            "plain",
            "two words",
            "12",
            "0x1f",
            "yes",
            "~",
            "1.5",
            "'single'",
            "'it''s'",
            "\"double\"",
            "\"\\t\\x41\"",
            "''",
            "a:b",
            "-x",
            "x#y",
            "http://h:1/p?q",
            "\"a\n  b\"",
            "'a\n\n   b'",
            "a\n    b",
            "2020-01-01",
            "=",
        ]
        .choose(self.random)
        .unwrap();
        self.text.push_str(scalar);
    }

    fn flow(&mut self, depth: usize) {
        let is_list = self.random.random_bool(0.5);
        self.text.push(if is_list { '[' } else { '{' });
        for number in 0..self.random.random_range(0..4) {
            if number > 0 {
                self.text.push_str([", ", ",", " , ", ",\n      "].choose(self.random).unwrap());
            }
            if !is_list || self.random.random_bool(0.2) {
                self.text.push_str(["a: ", "b: ", "'c':", "? d : ", "e:", "f"].choose(self.random).unwrap());
            }
            self.properties();
            if depth > 0 && self.random.random_bool(0.3) {
                self.flow(depth - 1);
            } else {
                self.scalar();
            }
        }
        self.text.push(if is_list { ']' } else { '}' });
    }
}
