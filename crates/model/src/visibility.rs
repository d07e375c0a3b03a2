//! Who sees a resource beyond its owner (spec rest-api.md section 1.5).

use serde::{Deserialize, Serialize};

/// How far a resource can be seen. Ordered: a later one is wider.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Visibility {
    /// Its creator and the tenant's administrators.
    Private,
    /// Everyone in the tenant.
    #[default]
    Tenant,
    /// Everyone in every tenant.
    Global,
}

impl Visibility {
    /// The name on the wire and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Tenant => "tenant",
            Self::Global => "global",
        }
    }

    /// The visibility with this wire name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Private, Self::Tenant, Self::Global].into_iter().find(|visibility| visibility.as_str() == name)
    }
}
