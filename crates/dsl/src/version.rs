//! Versions of the language and what each one added (spec dsl.md section 1.1).

use std::fmt;

/// A version that the parser knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each variant says its number")]
pub enum Version {
    V1_0,
    V1_1,
    V1_2,
    V1_3,
    V1_4,
    V1_5,
}

impl Version {
    /// The one that has everything.
    pub const LATEST: Self = Self::V1_5;
    /// All versions, oldest first.
    pub const ALL: [Self; 6] = [Self::V1_0, Self::V1_1, Self::V1_2, Self::V1_3, Self::V1_4, Self::V1_5];

    /// The value of `tosca_definitions_version`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V1_0 => "cloudify_dsl_1_0",
            Self::V1_1 => "cloudify_dsl_1_1",
            Self::V1_2 => "cloudify_dsl_1_2",
            Self::V1_3 => "cloudify_dsl_1_3",
            Self::V1_4 => "cloudify_dsl_1_4",
            Self::V1_5 => "cloudify_dsl_1_5",
        }
    }

    /// The version with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.as_str() == name)
    }

    /// The second number; the first is always 1.
    pub const fn minor(self) -> u8 {
        self as u8
    }

    /// `1_4`: how files for this version are named.
    pub fn suffix(self) -> &'static str {
        self.as_str().trim_start_matches("cloudify_dsl_")
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
