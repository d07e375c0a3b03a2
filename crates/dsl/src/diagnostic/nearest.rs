//! What somebody probably meant: the known name nearest to a wrong one.

/// How many names a hint lists when none is near.
const MOST_LISTED: usize = 8;

/// How many names are compared at most: a hint must not cost more than the parse.
const MOST_COMPARED: usize = 10_000;

/// The name among `known` that `wrong` was probably meant to be.
pub(crate) fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = if wrong.len() < 2 { 0 } else { (wrong.len() / 3).max(1) };
    let near = |name: &'a str| {
        let name_only = name.strip_suffix(wrong).is_some_and(|rest| rest.ends_with(['.', '-']));
        if name_only && !wrong.is_empty() {
            return Some((0, name));
        }
        let close = name.len().abs_diff(wrong.len()) <= limit;
        close.then(|| distance(wrong.as_bytes(), name.as_bytes())).filter(|far| *far <= limit).map(|far| (far, name))
    };
    known.into_iter().take(MOST_COMPARED).filter_map(near).min().map(|(_, name)| name)
}

/// Whether a name differs from a known one in one place only.
pub(crate) fn is_slip<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> bool {
    let is_near = |name: &str| name.len().abs_diff(wrong.len()) < 2 && distance(wrong.as_bytes(), name.as_bytes()) == 1;
    wrong.len() > 2 && known.into_iter().take(MOST_COMPARED).any(is_near)
}

/// A hint with the nearest name, for messages that list the known ones already.
pub(crate) fn did_you_mean<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(wrong, known).map(|name| format!("did you mean '{name}'?"))
}

/// A hint: the nearest name, or all of them if they are few.
pub(crate) fn suggestion<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let known: Vec<&str> = known.into_iter().take(MOST_COMPARED).collect();
    if let Some(hint) = did_you_mean(wrong, known.iter().copied()) {
        return Some(hint);
    }
    let few = (1..=MOST_LISTED).contains(&known.len());
    few.then(|| {
        let mut names: Vec<String> = known.iter().map(|name| format!("'{name}'")).collect();
        names.sort_unstable();
        format!("known here: {}", names.join(", "))
    })
}

/// How many bytes to insert, remove, replace or swap with their neighbour.
fn distance(left: &[u8], right: &[u8]) -> usize {
    let (mut above, mut row): (Vec<usize>, Vec<usize>) = (Vec::new(), (0..=right.len()).collect());
    for (index, byte) in left.iter().enumerate() {
        let mut next = vec![index + 1];
        for (column, other) in right.iter().enumerate() {
            let replaced = row[column] + usize::from(byte != other);
            let mut least = replaced.min(next[column] + 1).min(row[column + 1] + 1);
            if index > 0 && column > 0 && left[index - 1] == *other && *byte == right[column - 1] {
                least = least.min(above[column - 1] + 1);
            }
            next.push(least);
        }
        above = std::mem::replace(&mut row, next);
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_offered() {
        assert_eq!(nearest("prot", ["port", "host"]), Some("port"));
        assert_eq!(nearest("wbe", ["db", "web"]), Some("web"));
        assert_eq!(nearest("al", ["all"]), Some("all"));
        assert_eq!(nearest("a", ["b"]), None);
        assert_eq!(
            nearest("Compute", ["cloudify.nodes.Compute", "cloudify.nodes.Root"]),
            Some("cloudify.nodes.Compute")
        );
        assert_eq!(nearest("database", ["port", "host"]), None);
        assert_eq!(nearest("", ["port"]), None);
    }

    #[test]
    fn slips_are_told_from_other_names() {
        assert!(is_slip("prot", ["port"]) && is_slip("portt", ["port"]) && is_slip("por", ["port"]));
        assert!(!is_slip("cloudify.nodes.Port", ["cloudify.nodes.Root"]) && !is_slip("a", ["b"]));
    }

    #[test]
    fn a_few_names_are_listed_when_none_is_near() {
        assert_eq!(suggestion("prot", ["port", "host"]).as_deref(), Some("did you mean 'port'?"));
        assert_eq!(suggestion("database", ["port", "host"]).as_deref(), Some("known here: 'host', 'port'"));
        assert_eq!(suggestion("database", []), None);
        let many: Vec<String> = (0..20).map(|number| format!("n{number}")).collect();
        assert_eq!(suggestion("database", many.iter().map(String::as_str)), None);
    }
}
