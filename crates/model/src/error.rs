//! One error type for everything that a client may hear of.
//!
//! A failure travels as [`Error`]: a [`Code`] from the closed list that clients know, a message for
//! a person, and optionally a cause that is logged and never sent. The HTTP layer turns it into an
//! answer as its very last step; nothing below knows of HTTP beyond the status that belongs to a
//! code. The codes with their statuses: [`Code`].

mod code;

use std::error::Error as StdError;
use std::fmt;

use serde_json::Value;

pub use code::Code;

/// The result of anything that may be refused.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A refusal or a failure, ready to be shown to a person and to a program.
pub struct Error {
    code: Code,
    message: String,
    details: Option<Value>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error with this code and message. Prefer the constructors by meaning below.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), details: None, source: None }
    }

    /// Something inside failed that the caller cannot mend. The cause is logged, not sent.
    pub fn internal(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let mut error = Self::new(
            Code::InternalServer,
            "Internal error occurred in manager REST server; the manager's log has the cause under this request id",
        );
        error.source = Some(cause.into());
        error
    }

    /// The entity `kind` (a model's name such as `Blueprint`) with this id is not visible to the caller.
    pub fn not_found(kind: &str, id: impl fmt::Display) -> Self {
        Self::new(Code::NotFound, format!("Requested `{kind}` with ID `{id}` was not found"))
    }

    /// The request contradicts the present state or another one.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(Code::Conflict, message)
    }

    /// A parameter has a value that cannot be taken.
    pub fn bad_parameters(message: impl Into<String>) -> Self {
        Self::new(Code::BadParameters, message)
    }

    /// The caller could not be identified. The prefix is part of the wire format.
    pub fn unauthorized(detail: impl fmt::Display) -> Self {
        Self::new(Code::Unauthorized, format!("User unauthorized: {detail}"))
    }

    /// The caller is known and lacks a right.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(Code::Forbidden, message)
    }

    /// Adds a cause for the log.
    #[must_use]
    pub fn with_source(mut self, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(cause.into());
        self
    }

    /// Adds keys that go beside `message` in the body, such as `err_filter_rule`. Must be an object.
    #[must_use]
    pub fn with_details(mut self, details: Value) -> Self {
        self.details = Some(details);
        self
    }

    /// The code on the wire.
    pub const fn code(&self) -> Code {
        self.code
    }

    /// The text for a person.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Further keys of the body, if any.
    pub const fn details(&self) -> Option<&Value> {
        self.details.as_ref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.code.as_str(), self.message)?;
        let mut cause = self.source();
        while let Some(inner) = cause {
            write!(formatter, ": {inner}")?;
            cause = inner.source();
        }
        Ok(())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|cause| cause as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_the_cause_and_display_does_not() {
        let error = Error::internal("disk full");
        assert!(format!("{error:?}").ends_with("disk full"));
        assert!(!error.to_string().contains("disk full"));
    }
}
