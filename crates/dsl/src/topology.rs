//! An order in which everything comes after what it depends on, or the cycle that forbids one.

use indexmap::IndexMap;

use crate::diagnostic::{Diagnostic, Fault};

/// Orders `names` (each with the names it depends on; unknown ones are skipped) without recursion.
///
/// Errors: code 100 with the first cycle found.
pub(crate) fn order<'a>(depends: &IndexMap<&'a str, Vec<&'a str>>) -> Result<Vec<&'a str>, Diagnostic> {
    #[derive(Clone, Copy, PartialEq)]
    enum State {
        Unseen,
        Open,
        Done,
    }
    let mut states = vec![State::Unseen; depends.len()];
    let mut ordered = Vec::with_capacity(depends.len());
    let mut stack: Vec<(usize, usize)> = Vec::new();
    for start in 0..depends.len() {
        if states[start] != State::Unseen {
            continue;
        }
        states[start] = State::Open;
        stack.push((start, 0));
        while let Some((node, next)) = stack.last_mut() {
            let node = *node;
            if let Some(target) = depends[node].get(*next) {
                *next += 1;
                let Some(target) = depends.get_index_of(target) else { continue };
                match states[target] {
                    State::Unseen => {
                        states[target] = State::Open;
                        stack.push((target, 0));
                    }
                    State::Open => {
                        let from = stack.iter().position(|(open, _)| *open == target).unwrap_or(0);
                        let mut cycle: Vec<&str> = stack[from..].iter().map(|(open, _)| key(depends, *open)).collect();
                        cycle.push(key(depends, target));
                        return Err(Diagnostic::new(
                            Fault::Cycle,
                            format!("Parsing failed. Circular dependency detected: {}", cycle.join(" --> ")),
                        ));
                    }
                    State::Done => {}
                }
            } else {
                states[node] = State::Done;
                ordered.push(key(depends, node));
                stack.pop();
            }
        }
    }
    Ok(ordered)
}

fn key<'a>(depends: &IndexMap<&'a str, Vec<&'a str>>, index: usize) -> &'a str {
    depends.get_index(index).map_or("", |(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_come_first() {
        let depends = IndexMap::from([("c", vec!["b", "nowhere"]), ("b", vec!["a"]), ("a", vec![])]);
        assert_eq!(order(&depends).unwrap(), ["a", "b", "c"]);
    }

    #[test]
    fn a_cycle_is_named() {
        let depends = IndexMap::from([("a", vec!["b"]), ("b", vec!["c"]), ("c", vec!["a"])]);
        assert!(order(&depends).unwrap_err().message.ends_with("a --> b --> c --> a"));
    }

    #[test]
    fn a_long_chain_needs_no_stack() {
        let names: Vec<String> = (0..200_000).map(|number| number.to_string()).collect();
        let depends: IndexMap<&str, Vec<&str>> = names
            .iter()
            .enumerate()
            .map(|(index, name)| (name.as_str(), names.get(index + 1).map(String::as_str).into_iter().collect()))
            .collect();
        assert_eq!(order(&depends).unwrap().len(), names.len());
    }
}
