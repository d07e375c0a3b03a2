//! Functions beyond those of the language.

use std::cell::Cell;

use nephele_model::json::Value;

/// A function that an integration adds; it is recognised wherever those of the language are, and may be
/// evaluated before anything runs.
#[derive(Clone, Copy, Debug)]
pub struct Extension {
    /// The key that calls it.
    pub name: &'static str,
    /// Its value. The argument's own functions are evaluated already; while one of them has to wait for the
    /// deployment to run, so does this one.
    pub evaluate: fn(&Value) -> Result<Value, String>,
}

thread_local! {
    static KNOWN: Cell<&'static [Extension]> = const { Cell::new(&[]) };
}

/// Does `work` on this thread with `extensions` known besides the functions of the language.
pub fn with_extensions<T>(extensions: &'static [Extension], work: impl FnOnce() -> T) -> T {
    struct Restore(&'static [Extension]);
    impl Drop for Restore {
        fn drop(&mut self) {
            KNOWN.set(self.0);
        }
    }
    let _restore = Restore(KNOWN.replace(extensions));
    work()
}

/// The extension with a name.
pub(crate) fn find(name: &str) -> Option<&'static Extension> {
    KNOWN.get().iter().find(|extension| extension.name == name)
}

#[cfg(test)]
mod tests {
    use nephele_model::json::json;

    use super::*;
    use crate::function::recognise;

    #[test]
    fn extensions_are_known_within_their_scope_only() {
        const REVERSE: &[Extension] = &[Extension {
            name: "reverse",
            evaluate: |argument| Ok(argument.as_str().unwrap_or_default().chars().rev().collect::<String>().into()),
        }];
        let value = json!({"reverse": "abc"});
        assert_eq!(with_extensions(REVERSE, || recognise(&value).map(|(name, _)| name)), Some("reverse"));
        assert_eq!(recognise(&value), None);
    }
}
