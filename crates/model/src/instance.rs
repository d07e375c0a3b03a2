//! The states of a node instance.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A node instance's state. The built-in workflows use the constants; plugins and custom workflows
/// may write words of their own, so the type holds any text.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct InstanceState(Cow<'static, str>);

macro_rules! known {
    ($($name:ident = $text:literal,)*) => {
        #[expect(missing_docs, reason = "the states are the words of the field")]
        impl InstanceState { $(pub const $name: Self = Self(Cow::Borrowed($text));)* }
    };
}

known! {
    UNINITIALIZED = "uninitialized",
    INITIALIZING = "initializing",
    CREATING = "creating",
    CREATED = "created",
    CONFIGURING = "configuring",
    CONFIGURED = "configured",
    STARTING = "starting",
    STARTED = "started",
    STOPPING = "stopping",
    STOPPED = "stopped",
    DELETING = "deleting",
    DELETED = "deleted",
}

impl InstanceState {
    /// Any text as a state.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Cow::Owned(text.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether nothing of the instance exists in the world, so that its deployment may be deleted.
    pub fn is_absent(&self) -> bool {
        *self == Self::UNINITIALIZED || *self == Self::DELETED
    }
}

impl fmt::Display for InstanceState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
