//! An exception, as the `ctx` protocol carries it.

use nephele_client::Error;

/// What went wrong in a `ctx` call: the class name that Python would show, and the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Raised {
    pub(crate) kind: &'static str,
    pub(crate) message: String,
}

impl Raised {
    pub(crate) fn new(kind: &'static str, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    pub(crate) fn runtime(message: impl Into<String>) -> Self {
        Self::new("RuntimeError", message)
    }

    pub(crate) fn fatal(message: impl Into<String>) -> Self {
        Self::new("NonRecoverableError", message)
    }
}

impl From<Error> for Raised {
    fn from(error: Error) -> Self {
        Self::new("CloudifyClientError", error.to_string())
    }
}
