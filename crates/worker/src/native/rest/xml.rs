//! XML as mappings, as the Python package `xmltodict` gives them: attributes as `@name`, text beside them as
//! `#text`, elements of one name as a list, names with their prefixes as they stand there.
//!
//! Invariant: nothing outside the text is ever read: entities are those of the language and numbers.

use quick_xml::Reader;
use quick_xml::escape::unescape;
use quick_xml::events::{BytesStart, Event};
use serde_json::{Map, Value};

/// How deep elements may be in each other.
const DEEPEST: usize = 200;

/// An element that is not at its end yet.
struct Open {
    name: String,
    fields: Map<String, Value>,
    text: String,
}

/// The document's element, by its name. Errors: why the text is no XML.
pub(super) fn read(text: &str) -> Result<Value, String> {
    let mut reader = Reader::from_str(text);
    let mut open = vec![Open { name: String::new(), fields: Map::new(), text: String::new() }];
    loop {
        let position = reader.buffer_position();
        let event = reader.read_event().map_err(|error| format!("{error}, at byte {position}"))?;
        match event {
            Event::Start(start) => {
                if open.len() > DEEPEST {
                    return Err(format!("its elements are more than {DEEPEST} deep"));
                }
                open.push(begin(&start)?);
            }
            Event::Empty(start) => {
                let element = begin(&start)?;
                close(element, open.last_mut())?;
            }
            Event::End(_) => {
                let element = open.pop().ok_or("it ends too often")?;
                close(element, open.last_mut())?;
            }
            Event::Text(part) => last(&mut open, &part.xml10_content()),
            Event::CData(part) => last(&mut open, &part.xml10_content()),
            Event::GeneralRef(entity) => {
                let entity = format!("&{};", entity.into_inner());
                last(&mut open, &unescape(&entity).map_err(|error| error.to_string())?);
            }
            Event::Eof => break,
            _ => {}
        }
    }
    match open.as_slice() {
        [document] if document.fields.len() == 1 && document.text.trim().is_empty() => {
            Ok(Value::Object(document.fields.clone()))
        }
        [_] => Err("it has not one element".to_owned()),
        _ => Err("an element has no end".to_owned()),
    }
}

fn last(open: &mut [Open], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}

fn begin(start: &BytesStart<'_>) -> Result<Open, String> {
    let mut fields = Map::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| error.to_string())?;
        let value = unescape(&attribute.value).map_err(|error| error.to_string())?.into_owned();
        fields.insert(format!("@{}", attribute.key.as_ref()), Value::from(value));
    }
    Ok(Open { name: start.name().as_ref().to_owned(), fields, text: String::new() })
}

/// Puts an element that has ended into the one around it.
fn close(mut element: Open, around: Option<&mut Open>) -> Result<(), String> {
    let around = around.ok_or("it ends too often")?;
    let text = element.text.trim();
    let value = match (element.fields.is_empty(), text.is_empty()) {
        (true, true) => Value::Null,
        (true, false) => Value::from(text),
        (false, is_empty) => {
            if !is_empty {
                element.fields.insert("#text".to_owned(), Value::from(text));
            }
            Value::Object(element.fields)
        }
    };
    match around.fields.get_mut(&element.name) {
        None => drop(around.fields.insert(element.name, value)),
        Some(Value::Array(items)) => items.push(value),
        Some(first) => *first = Value::Array(vec![first.take(), value]),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn documents_become_mappings() {
        let text = "<?xml version=\"1.0\"?><!-- x --><s:list xmlns:s=\"urn:x\" of=\"a &amp; b\">\n <n>1</n> <n/>\
                    <n at='2'> two &lt;3&#33; </n><c><![CDATA[<raw>]]></c></s:list>";
        let expected = json!({"s:list": {"@xmlns:s": "urn:x", "@of": "a & b",
            "n": ["1", null, {"@at": "2", "#text": "two <3!"}], "c": "<raw>"}});
        assert_eq!(read(text).unwrap(), expected);
        assert_eq!(read("<a/>").unwrap(), json!({"a": null}));
    }

    #[test]
    fn what_is_no_xml_is_said_so() {
        let bomb = "<!DOCTYPE a [<!ENTITY b \"bb\">]><a>&b;</a>";
        let deep = "<a>".repeat(1000);
        for text in ["", "no", "no <a/>", "<a>", "<a></b>", "<a/><b/>", "<a x=1/>", bomb, &deep] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
