//! Puts a blueprint's text in order without changing what it says.
//!
//! Invariant: the text means the same afterwards, or it is left as it was. Comments and the order of keys stay.

/// The text in order: no blanks at the ends of lines, a single empty line between sections, one line break at the end.
/// Errors: it is not YAML.
pub(crate) fn tidied(text: &str) -> Result<String, nephele_yaml11::Error> {
    let before = nephele_yaml11::load(text)?;
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        let line = line.trim_end();
        let is_section = line.ends_with(':') && !line.starts_with([' ', '#', '-', '\t']);
        let previous = lines.last().map_or("", String::as_str);
        if line.is_empty() && previous.is_empty() {
            continue;
        }
        if is_section && !previous.is_empty() && !previous.starts_with('#') && previous != "---" {
            lines.push(String::new());
        }
        lines.push(line.to_owned());
    }
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    let made = lines.join("\n") + "\n";
    // Blanks may be part of a text in several lines.
    let is_same = match (&before, nephele_yaml11::load(&made)?) {
        (Some(before), Some(after)) => same(before, &after),
        (None, None) => true,
        _ => false,
    };
    Ok(if is_same { made } else { text.to_owned() })
}

fn same(left: &nephele_yaml11::Node, right: &nephele_yaml11::Node) -> bool {
    use nephele_yaml11::Value::{Mapping, Sequence, Set};
    match (&left.value, &right.value) {
        (Sequence(left), Sequence(right)) | (Set(left), Set(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same(left, right))
        }
        (Mapping(left), Mapping(right)) => {
            let pair = |(left, right): (&nephele_yaml11::Entry, &nephele_yaml11::Entry)| {
                same(&left.key, &right.key) && same(&left.value, &right.value)
            };
            left.len() == right.len() && left.iter().zip(right).all(pair)
        }
        (left, right) => left == right,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_blanks_change() {
        let text = "tosca_definitions_version: cloudify_dsl_1_4  \nimports:\n  - a  # why\n\n\n\ninputs:\n  b: {}\n\n";
        let made = "tosca_definitions_version: cloudify_dsl_1_4\n\nimports:\n  - a  # why\n\ninputs:\n  b: {}\n";
        assert_eq!(tidied(text).unwrap(), made);
        assert_eq!(tidied(made).unwrap(), made);
        assert!(tidied("a: [").is_err());
    }

    #[test]
    fn texts_in_several_lines_stay() {
        let text = "script: |\n  one  \n\n\n  two\n";
        assert_eq!(tidied(text).unwrap(), text);
    }
}
