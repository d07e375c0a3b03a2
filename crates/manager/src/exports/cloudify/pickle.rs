//! Python's pickles, as the original kept values in up to version 6.4: plain data only.
//!
//! Invariant: nothing is executed. Of all that a pickle can name, sets, ordered dictionaries and bytes are known;
//! anything else is refused. Neither depth nor repetition can make the result large beyond bounds.

use std::collections::HashMap;

use serde_json::{Map, Number, Value};

const DEEPEST: u32 = 200;
/// Values that one pickle may unfold to: what is named twice is copied.
const MOST: u32 = 20_000_000;

/// Something on the stack. Containers are filled after they were noted, so all live in one list.
#[derive(Clone, Debug)]
enum Item {
    Plain(Value),
    List(Vec<usize>),
    Dict(Vec<(usize, usize)>),
    Global(String),
    Mark,
}

struct Machine<'a> {
    bytes: &'a [u8],
    items: Vec<Item>,
    stack: Vec<usize>,
    memo: HashMap<usize, usize>,
    left: u32,
}

/// What is wrong with a pickle.
type Refusal = String;

/// The data of a pickle.
pub(super) fn load(bytes: &[u8]) -> Result<Value, Refusal> {
    let machine = Machine { bytes, items: Vec::new(), stack: Vec::new(), memo: HashMap::new(), left: MOST };
    machine.run()
}

impl<'a> Machine<'a> {
    fn run(mut self) -> Result<Value, Refusal> {
        loop {
            let [code] = self.take(1)? else { return Err(cut()) };
            match *code {
                b'.' => {
                    let top = self.pop()?;
                    return self.value(top, 0);
                }
                code => self.step(code)?,
            }
        }
    }

    fn step(&mut self, code: u8) -> Result<(), Refusal> {
        match code {
            0x80 => drop(self.take(1)?),
            0x95 => drop(self.take(8)?),
            b'N' => self.plain(Value::Null),
            0x88 => self.plain(true.into()),
            0x89 => self.plain(false.into()),
            b'K' => self.number(1)?,
            b'M' => self.number(2)?,
            b'J' => {
                let number = i32::from_le_bytes(self.fixed()?);
                self.plain(number.into());
            }
            0x8a => self.long(1)?,
            0x8b => self.long(4)?,
            b'G' => {
                let number = f64::from_be_bytes(self.fixed()?);
                self.plain(Number::from_f64(number).map_or(Value::Null, Value::Number));
            }
            b'I' | b'L' | b'F' => self.written(code)?,
            b'X' | b'T' | b'B' => self.text(4)?,
            0x8c | b'U' | b'C' => self.text(1)?,
            0x8d | 0x8e => self.text(8)?,
            b']' | b')' | 0x8f => self.push(Item::List(Vec::new())),
            b'}' => self.push(Item::Dict(Vec::new())),
            b'(' => self.push(Item::Mark),
            b'l' | b't' | 0x91 => {
                let items = self.since_mark()?;
                self.push(Item::List(items));
            }
            b'd' => {
                let pairs = pairs(&self.since_mark()?)?;
                self.push(Item::Dict(pairs));
            }
            0x85..=0x87 => {
                let from = self.stack.len().checked_sub(usize::from(code - 0x84)).ok_or_else(cut)?;
                let items = self.stack.split_off(from);
                self.push(Item::List(items));
            }
            b'a' => {
                let item = self.pop()?;
                self.extend(vec![item])?;
            }
            b'e' | 0x90 => {
                let items = self.since_mark()?;
                self.extend(items)?;
            }
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.set(vec![(key, value)])?;
            }
            b'u' => {
                let pairs = pairs(&self.since_mark()?)?;
                self.set(pairs)?;
            }
            b'q' | b'r' | b'p' | 0x94 => {
                let place = self.place(code)?;
                let top = *self.stack.last().ok_or_else(cut)?;
                self.memo.insert(place, top);
            }
            b'h' | b'j' | b'g' => {
                let place = self.place(code)?;
                let item = *self.memo.get(&place).ok_or_else(|| "it names what it has not noted".to_owned())?;
                self.stack.push(item);
            }
            b'0' => drop(self.pop()?),
            b'2' => self.stack.push(*self.stack.last().ok_or_else(cut)?),
            b'c' => {
                let name = format!("{}.{}", self.line()?, self.line()?);
                self.push(Item::Global(name));
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let text = |item: usize| match &self.items[item] {
                    Item::Plain(Value::String(text)) => text.clone(),
                    _ => String::new(),
                };
                let name = format!("{}.{}", text(module), text(name));
                self.push(Item::Global(name));
            }
            b'R' | 0x81 => self.call()?,
            other => return Err(format!("the instruction {other:#04x} is not one of plain data")),
        }
        Ok(())
    }

    /// The few things that stand for data.
    fn call(&mut self) -> Result<(), Refusal> {
        let (given, global) = (self.pop()?, self.pop()?);
        let Item::Global(name) = self.items[global].clone() else { return Err("it calls what is no name".to_owned()) };
        let Item::List(given) = self.items[given].clone() else { return Err("it calls without arguments".to_owned()) };
        match (name.as_str(), given.as_slice()) {
            ("__builtin__.set" | "builtins.set" | "__builtin__.frozenset" | "builtins.frozenset", [items]) => {
                self.stack.push(*items);
            }
            ("__builtin__.set" | "builtins.set" | "__builtin__.list" | "builtins.list", []) => {
                self.push(Item::List(Vec::new()));
            }
            ("collections.OrderedDict" | "__builtin__.dict" | "builtins.dict", []) => self.push(Item::Dict(Vec::new())),
            ("collections.OrderedDict", [items]) => {
                let Item::List(entries) = self.items[*items].clone() else {
                    return Err("a dictionary of none".to_owned());
                };
                let mut pairs = Vec::new();
                for entry in entries {
                    match &self.items[entry] {
                        Item::List(pair) if pair.len() == 2 => pairs.push((pair[0], pair[1])),
                        _ => return Err("a dictionary of what are no pairs".to_owned()),
                    }
                }
                self.push(Item::Dict(pairs));
            }
            ("_codecs.encode", [text, ..]) => self.stack.push(*text),
            (
                "__builtin__.unicode" | "__builtin__.str" | "builtins.str" | "__builtin__.bytes" | "builtins.bytes",
                [text],
            ) => {
                self.stack.push(*text);
            }
            _ => return Err(format!("it holds a `{name}`, which is no plain data")),
        }
        Ok(())
    }

    fn value(&mut self, item: usize, depth: u32) -> Result<Value, Refusal> {
        self.left = self.left.checked_sub(1).ok_or_else(|| "it unfolds to too much".to_owned())?;
        if depth > DEEPEST {
            return Err("it is nested too deeply".to_owned());
        }
        Ok(match self.items[item].clone() {
            Item::Plain(value) => value,
            Item::List(items) => {
                items.into_iter().map(|item| self.value(item, depth + 1)).collect::<Result<Vec<_>, _>>()?.into()
            }
            Item::Dict(pairs) => {
                let mut map = Map::new();
                for (key, value) in pairs {
                    let key = match self.value(key, depth + 1)? {
                        Value::String(text) => text,
                        other => other.to_string(),
                    };
                    map.insert(key, self.value(value, depth + 1)?);
                }
                map.into()
            }
            Item::Global(name) => return Err(format!("it holds a `{name}`, which is no plain data")),
            Item::Mark => return Err(cut()),
        })
    }

    fn push(&mut self, item: Item) {
        self.stack.push(self.items.len());
        self.items.push(item);
    }

    fn plain(&mut self, value: Value) {
        self.push(Item::Plain(value));
    }

    fn pop(&mut self) -> Result<usize, Refusal> {
        self.stack.pop().ok_or_else(cut)
    }

    fn since_mark(&mut self) -> Result<Vec<usize>, Refusal> {
        let is_mark = |item: &usize| matches!(self.items[*item], Item::Mark);
        let mark = self.stack.iter().rposition(is_mark).ok_or_else(cut)?;
        let items = self.stack.split_off(mark + 1);
        self.stack.pop();
        Ok(items)
    }

    fn extend(&mut self, items: Vec<usize>) -> Result<(), Refusal> {
        let top = *self.stack.last().ok_or_else(cut)?;
        let Item::List(list) = &mut self.items[top] else { return Err("it adds to what is no list".to_owned()) };
        list.extend(items);
        Ok(())
    }

    fn set(&mut self, pairs: Vec<(usize, usize)>) -> Result<(), Refusal> {
        let top = *self.stack.last().ok_or_else(cut)?;
        let Item::Dict(dict) = &mut self.items[top] else { return Err("it sets in what is no dictionary".to_owned()) };
        dict.extend(pairs);
        Ok(())
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], Refusal> {
        let (taken, rest) = self.bytes.split_at_checked(count).ok_or_else(cut)?;
        self.bytes = rest;
        Ok(taken)
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Refusal> {
        self.take(N)?.try_into().map_err(|_| cut())
    }

    /// A number of so many bytes, the least first.
    fn count(&mut self, bytes: usize) -> Result<u64, Refusal> {
        Ok(self.take(bytes)?.iter().rev().fold(0, |sum, byte| (sum << 8) | u64::from(*byte)))
    }

    fn size(&mut self, bytes: usize) -> Result<usize, Refusal> {
        usize::try_from(self.count(bytes)?).map_err(|_| cut())
    }

    fn number(&mut self, bytes: usize) -> Result<(), Refusal> {
        let number = self.count(bytes)?;
        self.plain(number.into());
        Ok(())
    }

    fn long(&mut self, width: usize) -> Result<(), Refusal> {
        let size = self.size(width)?;
        let bytes = self.take(size)?;
        let negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
        let fill = if negative { -1_i128 } else { 0 };
        if size > 16 {
            return Err("a number is too large".to_owned());
        }
        let number = bytes.iter().rev().fold(fill, |sum, byte| (sum << 8) | i128::from(*byte));
        self.plain(number_of(number));
        Ok(())
    }

    fn written(&mut self, code: u8) -> Result<(), Refusal> {
        let line = self.line()?;
        let text = line.trim_end_matches('L');
        let value = match (code, text) {
            (b'I', "00") => false.into(),
            (b'I', "01") => true.into(),
            (b'F', text) => text.parse::<f64>().ok().and_then(Number::from_f64).map_or(Value::Null, Value::Number),
            (_, text) => number_of(text.parse().map_err(|_| format!("`{text}` is no number"))?),
        };
        self.plain(value);
        Ok(())
    }

    fn text(&mut self, width: usize) -> Result<(), Refusal> {
        let size = self.size(width)?;
        let text = String::from_utf8_lossy(self.take(size)?).into_owned();
        self.plain(text.into());
        Ok(())
    }

    fn line(&mut self) -> Result<String, Refusal> {
        let end = self.bytes.iter().position(|byte| *byte == b'\n').ok_or_else(cut)?;
        let line = String::from_utf8_lossy(self.take(end)?).into_owned();
        self.take(1)?;
        Ok(line)
    }

    fn place(&mut self, code: u8) -> Result<usize, Refusal> {
        match code {
            b'q' | b'h' => self.size(1),
            b'r' | b'j' => self.size(4),
            0x94 => Ok(self.memo.len()),
            _ => self.line()?.parse().map_err(|_| cut()),
        }
    }
}

fn number_of(number: i128) -> Value {
    i64::try_from(number).map(Value::from).or_else(|_| u64::try_from(number).map(Value::from)).unwrap_or_else(|_| {
        let text = number.to_string();
        text.parse::<f64>().ok().and_then(Number::from_f64).map_or(Value::Null, Value::Number)
    })
}

fn pairs(items: &[usize]) -> Result<Vec<(usize, usize)>, Refusal> {
    if !items.len().is_multiple_of(2) {
        return Err(cut());
    }
    Ok(items.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect())
}

fn cut() -> Refusal {
    "it is cut off or damaged".to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::load;

    /// `pickle.dumps(..., 2)` of a list that holds one dictionary twice, with every kind of plain value.
    #[test]
    fn plain_data_is_read() {
        let dict = b"}q\x01(X\x01\x00\x00\x00aK\x01X\x01\x00\x00\x00bJ\xff\xff\xff\xffX\x01\x00\x00\x00cG?\xf8\x00\x00\x00\x00\x00\x00X\x01\x00\x00\x00dN\x88\x89u";
        let mut bytes = b"\x80\x02]q\x00(".to_vec();
        bytes.extend(&dict[..dict.len() - 3]);
        bytes.extend(b"uh\x01\x88\x8a\x02\x00\x01\x86e.");
        let one = json!({"a": 1, "b": -1, "c": 1.5, "d": null});
        assert_eq!(load(&bytes).unwrap(), json!([one, one, [true, 256]]));
    }

    #[test]
    fn nothing_else_is() {
        assert!(load(b"\x80\x02cos\nsystem\nX\x02\x00\x00\x00ls\x85R.").unwrap_err().contains("os.system"));
        assert!(load(b"\x80\x02](").unwrap_err().contains("cut off"));
        assert!(load(b"\x80\x02h\x09.").is_err());
        // A list of a list of a list ..., each with the one before twice.
        let mut bomb = b"\x80\x02]q\x00".to_vec();
        for level in 0..60_u8 {
            bomb.extend([b']', b'q', level + 1, b'(', b'h', level, b'h', level, b'e']);
        }
        bomb.push(b'.');
        assert!(load(&bomb).unwrap_err().contains("too much"));
    }
}
