//! Why a method is refused, and the frames that say so.

use amq_protocol::protocol::{AMQPClass, AMQPErrorKind, AMQPHardError, AMQPSoftError, channel, connection};
use amq_protocol::types::ShortString;

/// The longest text of a refusal; the wire's limit is 255 bytes.
const LONGEST: usize = 250;

/// A refused method. A soft error ends its channel, a hard one its connection.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub(crate) struct Refusal {
    kind: AMQPErrorKind,
    text: String,
}

impl Refusal {
    pub(crate) fn soft(kind: AMQPSoftError, text: impl std::fmt::Display) -> Self {
        Self { text: format!("{kind} - {text}"), kind: AMQPErrorKind::Soft(kind) }
    }

    pub(crate) fn hard(kind: AMQPHardError, text: impl std::fmt::Display) -> Self {
        Self { text: format!("{kind} - {text}"), kind: AMQPErrorKind::Hard(kind) }
    }

    pub(crate) fn access(text: impl std::fmt::Display) -> Self {
        Self::soft(AMQPSoftError::ACCESSREFUSED, text)
    }

    /// Something that brokers have and this one has not.
    pub(crate) fn not_implemented(method: &AMQPClass) -> Self {
        let name = format!("{method:?}");
        let name: String = name.chars().take(40).collect();
        Self::hard(AMQPHardError::NOTIMPLEMENTED, format!("{name} is not supported"))
    }

    /// Whether the whole connection ends.
    pub(crate) fn is_hard(&self) -> bool {
        matches!(self.kind, AMQPErrorKind::Hard(_))
    }

    /// The method that tells a client that its channel ends.
    pub(crate) fn close_channel(&self) -> AMQPClass {
        AMQPClass::Channel(channel::AMQPMethod::Close(channel::Close {
            reply_code: self.kind.get_id(),
            reply_text: self.reply_text(),
            class_id: 0,
            method_id: 0,
        }))
    }

    /// The method that tells a client that its connection ends.
    pub(crate) fn close_connection(&self) -> AMQPClass {
        AMQPClass::Connection(connection::AMQPMethod::Close(connection::Close {
            reply_code: self.kind.get_id(),
            reply_text: self.reply_text(),
            class_id: 0,
            method_id: 0,
        }))
    }

    fn reply_text(&self) -> ShortString {
        let mut end = self.text.len().min(LONGEST);
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        ShortString::try_new(&self.text[..end]).unwrap_or_default()
    }
}

impl From<nephele_bus::Error> for Refusal {
    fn from(error: nephele_bus::Error) -> Self {
        Self::hard(AMQPHardError::INTERNALERROR, error)
    }
}
