//! What can go wrong between a client and the manager.

use serde_json::Value;

/// The outcome of a request.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a request did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The manager answered with an error.
    #[error("{status}: {message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The machine-readable code, such as `not_found_error`; empty when the answer had none.
        error_code: String,
        /// The text for a person.
        message: String,
    },
    /// No answer came: refused connection, broken TLS, time-out.
    #[error("the manager at {url} cannot be reached: {reason}")]
    Unreachable {
        /// What was asked.
        url: String,
        /// The chain of causes, outermost first.
        reason: String,
    },
    /// The answer makes no sense; perhaps this is no manager.
    #[error("{url} gave an answer that is not understood: {reason}")]
    Unexpected {
        /// What was asked.
        url: String,
        /// What is wrong with the answer.
        reason: String,
    },
    /// The endpoint's settings cannot work; nothing was sent.
    #[error("{0}")]
    Settings(String),
}

impl Error {
    /// The HTTP status, if the manager answered.
    pub const fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// The machine-readable code, if the manager answered with one.
    pub fn error_code(&self) -> Option<&str> {
        match self {
            Self::Refused { error_code, .. } if !error_code.is_empty() => Some(error_code),
            _ => None,
        }
    }

    /// Whether the manager says that the thing asked for is not there.
    pub fn is_not_found(&self) -> bool {
        self.status() == Some(404)
    }

    /// Reads an error answer; its body should be `{message, error_code, server_traceback}`.
    pub(crate) fn from_answer(status: u16, body: &[u8]) -> Self {
        let fields: Value = serde_json::from_slice(body).unwrap_or_default();
        let text = |key: &str| fields[key].as_str().map(str::to_owned);
        Self::Refused {
            status,
            error_code: text("error_code").unwrap_or_default(),
            message: text("message")
                .or_else(|| text("detail"))
                .unwrap_or_else(|| String::from_utf8_lossy(body).chars().take(500).collect()),
        }
    }

    pub(crate) fn from_transport(url: &str, error: &reqwest::Error) -> Self {
        let mut reason = error.to_string();
        let mut cause = std::error::Error::source(error);
        while let Some(inner) = cause {
            reason = format!("{reason}: {inner}");
            cause = inner.source();
        }
        Self::Unreachable { url: url.to_owned(), reason }
    }
}
