//! Everything found wrong while a blueprint is parsed, and which of it the reference would have met.
//!
//! The reference stops at its first problem; people want all of them. Parsing goes on through all its
//! stages, and [`Problems::settle`] picks, at the end of the first stage that found anything, the one
//! problem that the reference reports. Invariant: what comes later never changes that pick.

use std::collections::HashSet;

use nephele_yaml11::Span;

use crate::diagnostic::{Diagnostic, Fault};
use crate::source::Sources;

/// How many problems are kept: nobody reads more, and messages quote parts of the blueprint.
const MOST: usize = 500;

/// Problems in the order in which they were found.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    met: Option<Diagnostic>,
    /// Of the stage at hand; one of them may be met.
    stage: Vec<Diagnostic>,
    /// Never met.
    others: Vec<Diagnostic>,
}

impl Problems {
    /// Adds a problem of the stage at hand, unless it may only follow from another one.
    pub(crate) fn push(&mut self, problem: Diagnostic) {
        if self.stage.len() < MOST && !problem.is_doubtful {
            self.stage.push(problem);
        }
    }

    /// Adds several problems.
    pub(crate) fn report(&mut self, found: Vec<Diagnostic>) {
        for problem in found {
            // One that lacks the quote that its class has comes after another one of the same element.
            if problem.quote.is_none() && problem.kind().is_invalid_blueprint() {
                self.also(problem);
            } else {
                self.push(problem);
            }
        }
    }

    /// Adds a problem that the reference would not get to.
    pub(crate) fn also(&mut self, problem: Diagnostic) {
        if self.others.len() < MOST && !problem.is_doubtful {
            self.others.push(problem);
        }
    }

    /// The value, or its problem kept and nothing.
    pub(crate) fn keep<T>(&mut self, result: Result<T, Diagnostic>) -> Option<T> {
        result.map_err(|problem| self.push(problem)).ok()
    }

    /// Whether there is no room for more.
    pub(crate) fn is_full(&self) -> bool {
        self.stage.len() >= MOST
    }

    /// The problems of the stage at hand.
    pub(crate) fn stage(&mut self) -> &mut [Diagnostic] {
        &mut self.stage
    }

    /// Ends a stage, of which the reference meets the one that `meets` points to.
    pub(crate) fn settle(&mut self, meets: impl FnOnce(&[Diagnostic]) -> usize) {
        if self.met.is_none() && !self.stage.is_empty() {
            let index = meets(&self.stage).min(self.stage.len() - 1);
            self.met = Some(self.stage.remove(index));
        }
        self.others.append(&mut self.stage);
    }

    /// Something else is met: what others met.
    pub(crate) fn meet(&mut self, others: Self) {
        self.met = self.met.take().or(others.met);
    }

    /// Ends a stage that stops at its first problem.
    pub(crate) fn settle_first(&mut self) {
        self.settle(|_| 0);
    }

    /// Whether nothing was found.
    pub(crate) fn is_empty(&self) -> bool {
        self.met.is_none() && self.stage.is_empty() && self.others.is_empty()
    }

    /// The one that is met, then the others in the order of the texts.
    pub(crate) fn into_list(mut self, sources: &Sources) -> Vec<Diagnostic> {
        self.settle_first();
        let place = |problem: &Diagnostic| {
            let place = problem.place.as_deref();
            let start = place.and_then(|place| place.span).map(|span| span.start);
            (sources.rank(place.and_then(|place| place.file.as_deref())), start)
        };
        self.others.sort_by_cached_key(place);
        let mut seen = HashSet::new();
        self.met.into_iter().chain(self.others).filter(|problem| is_new(problem, &mut seen)).collect()
    }
}

impl Extend<Diagnostic> for Problems {
    fn extend<T: IntoIterator<Item = Diagnostic>>(&mut self, found: T) {
        for problem in found {
            self.push(problem);
        }
    }
}

/// A file and a part of it.
type At = (Option<String>, Span);

/// Whether nothing like it was seen: the same mistake at the same place is the same one, be it that
/// several nodes come across it, or that an anchor stands for it at several places.
fn is_new(problem: &Diagnostic, seen: &mut HashSet<(Fault, Option<At>, String)>) -> bool {
    let place = problem.place.as_deref();
    let at = place.and_then(|place| Some((place.file.clone(), place.span?)));
    let path = place.filter(|_| at.is_some()).map(|place| place.path.clone());
    let mut is_new = seen.insert((problem.fault, at.clone(), problem.message.clone()));
    if let Some(path) = path {
        is_new &= seen.insert((problem.fault, at, path));
    }
    is_new
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(fault: Fault, message: &str) -> Diagnostic {
        Diagnostic::new(fault, message)
    }

    fn messages(problems: Problems) -> Vec<String> {
        problems.into_list(&Sources::default()).into_iter().map(|problem| problem.message).collect()
    }

    #[test]
    fn later_stages_do_not_change_what_is_met() {
        let mut problems = Problems::default();
        problems.push(problem(Fault::UnknownKey, "a"));
        problems.push(problem(Fault::UnknownKey, "b"));
        problems.settle(|stage| stage.len() - 1);
        problems.push(problem(Fault::UnknownInput, "c"));
        problems.settle_first();
        assert_eq!(messages(problems)[0], "b");
    }

    #[test]
    fn consequences_and_repetitions_are_left_out() {
        let mut problems = Problems::default();
        problems.push(problem(Fault::UnknownKey, "a"));
        problems.also(problem(Fault::UnknownKey, "a"));
        problems.push(Diagnostic { is_doubtful: true, ..problem(Fault::MissingProperty, "b") });
        assert_eq!(messages(problems), ["a"]);
    }
}
