//! JSON in secrets: what is wrong with a text, as Python's `json` words it.

/// How deep a text is looked into.
const DEEPEST: usize = 500;

/// The message for a text that is no JSON; nothing if Python would take it.
pub(crate) fn problem(text: &str) -> Option<String> {
    let mut scanner = Scanner { characters: text.chars().collect(), at: 0 };
    let (message, at) = scanner.document().err()?;
    let before = &scanner.characters[..at.min(scanner.characters.len())];
    let line = before.iter().filter(|character| **character == '\n').count() + 1;
    let column = at - before.iter().rposition(|character| *character == '\n').map_or(0, |newline| newline + 1) + 1;
    Some(format!("{message}: line {line} column {column} (char {at})"))
}

/// What is wrong, and at which character.
type Problem = (&'static str, usize);

struct Scanner {
    characters: Vec<char>,
    at: usize,
}

impl Scanner {
    fn document(&mut self) -> Result<(), Problem> {
        self.skip();
        self.value(0)?;
        self.skip();
        if self.at == self.characters.len() { Ok(()) } else { Err(("Extra data", self.at)) }
    }

    fn peek(&self) -> Option<char> {
        self.characters.get(self.at).copied()
    }

    fn skip(&mut self) {
        while matches!(self.peek(), Some(' ' | '\t' | '\n' | '\r')) {
            self.at += 1;
        }
    }

    fn takes(&mut self, wanted: &str) -> bool {
        let is_next = self.characters[self.at..].iter().copied().take(wanted.len()).eq(wanted.chars());
        self.at += if is_next { wanted.len() } else { 0 };
        is_next
    }

    fn value(&mut self, depth: usize) -> Result<(), Problem> {
        match self.peek() {
            _ if depth > DEEPEST => Err(("Too deeply nested", self.at)),
            Some('"') => self.string(),
            Some('{') => self.object(depth),
            Some('[') => self.array(depth),
            _ => {
                let literals = ["null", "true", "false", "NaN", "Infinity", "-Infinity"];
                let is_known = literals.iter().any(|literal| self.takes(literal)) || self.number();
                if is_known { Ok(()) } else { Err(("Expecting value", self.at)) }
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<(), Problem> {
        self.at += 1;
        self.skip();
        if self.takes("}") {
            return Ok(());
        }
        loop {
            if self.peek() != Some('"') {
                return Err(("Expecting property name enclosed in double quotes", self.at));
            }
            self.string()?;
            self.skip();
            if !self.takes(":") {
                return Err(("Expecting ':' delimiter", self.at));
            }
            self.skip();
            self.value(depth + 1)?;
            self.skip();
            if self.takes("}") {
                return Ok(());
            }
            if !self.takes(",") {
                return Err(("Expecting ',' delimiter", self.at));
            }
            self.skip();
        }
    }

    fn array(&mut self, depth: usize) -> Result<(), Problem> {
        self.at += 1;
        self.skip();
        if self.takes("]") {
            return Ok(());
        }
        loop {
            self.value(depth + 1)?;
            self.skip();
            if self.takes("]") {
                return Ok(());
            }
            if !self.takes(",") {
                return Err(("Expecting ',' delimiter", self.at));
            }
            self.skip();
        }
    }

    fn string(&mut self) -> Result<(), Problem> {
        let start = self.at;
        let unterminated = ("Unterminated string starting at", start);
        self.at += 1;
        loop {
            let character = self.peek().ok_or(unterminated)?;
            match character {
                '\0'..='\u{1f}' => return Err(("Invalid control character at", self.at)),
                '"' => break,
                '\\' => {
                    self.at += 1;
                    match self.peek().ok_or(unterminated)? {
                        '"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't' => {}
                        'u' => {
                            let digits = self.characters.get(self.at + 1..self.at + 5);
                            if !digits.is_some_and(|digits| digits.iter().all(char::is_ascii_hexdigit)) {
                                return Err(("Invalid \\uXXXX escape", self.at));
                            }
                            self.at += 4;
                        }
                        _ => return Err(("Invalid \\escape", self.at - 1)),
                    }
                }
                _ => {}
            }
            self.at += 1;
        }
        self.at += 1;
        Ok(())
    }

    /// Takes as much as makes a number.
    fn number(&mut self) -> bool {
        let digits = |at: usize| self.characters[at..].iter().take_while(|digit| digit.is_ascii_digit()).count();
        let is = |at: usize, wanted: &[char]| self.characters.get(at).is_some_and(|found| wanted.contains(found));
        let mut at = self.at + usize::from(is(self.at, &['-']));
        if at > self.characters.len() || digits(at) == 0 {
            return false;
        }
        at += if is(at, &['0']) { 1 } else { digits(at) };
        if is(at, &['.']) && digits(at + 1) > 0 {
            at += 1 + digits(at + 1);
        }
        if is(at, &['e', 'E']) {
            let signed = at + 1 + usize::from(is(at + 1, &['+', '-']));
            if digits(signed) > 0 {
                at = signed + digits(signed);
            }
        }
        self.at = at;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `json.loads` of Python 3.11 says.
    #[test]
    fn problems_are_worded_as_python_words_them() {
        for (text, expected) in [
            ("", "Expecting value: line 1 column 1 (char 0)"),
            ("nope", "Expecting value: line 1 column 1 (char 0)"),
            ("{\"a\": 1,\n  }", "Expecting property name enclosed in double quotes: line 2 column 3 (char 11)"),
            ("{'a': 1}", "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
            ("{\"a\" 1}", "Expecting ':' delimiter: line 1 column 6 (char 5)"),
            ("{\"a\": }", "Expecting value: line 1 column 7 (char 6)"),
            ("{\"a\": 1 \"b\"", "Expecting ',' delimiter: line 1 column 9 (char 8)"),
            ("[1, 2", "Expecting ',' delimiter: line 1 column 6 (char 5)"),
            ("[1, ]", "Expecting value: line 1 column 5 (char 4)"),
            ("[", "Expecting value: line 1 column 2 (char 1)"),
            ("01", "Extra data: line 1 column 2 (char 1)"),
            ("1 2", "Extra data: line 1 column 3 (char 2)"),
            ("1.", "Extra data: line 1 column 2 (char 1)"),
            ("-", "Expecting value: line 1 column 1 (char 0)"),
            ("\"abc", "Unterminated string starting at: line 1 column 1 (char 0)"),
            ("\"a\\", "Unterminated string starting at: line 1 column 1 (char 0)"),
            ("\"a\nb\"", "Invalid control character at: line 1 column 3 (char 2)"),
            ("\"\\x\"", "Invalid \\escape: line 1 column 2 (char 1)"),
            ("\"\\u12\"", "Invalid \\uXXXX escape: line 1 column 3 (char 2)"),
        ] {
            assert_eq!(problem(text).as_deref(), Some(expected), "{text}");
        }
        for text in ["null", " [1, {\"a\": -1.5e3}] ", "NaN", "\"\\u00e9\"", "{}"] {
            assert_eq!(problem(text), None, "{text}");
        }
    }
}
