//! The states a blueprint passes through while it is uploaded.

use serde::{Deserialize, Serialize};

macro_rules! states {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$variant_doc])* #[serde(rename = $text)] $variant,)* }

        impl $name {
            /// Every state.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name on the wire and in the database.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// The state with this wire name.
            pub fn parse(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|state| state.as_str() == name)
            }
        }
    };
}
pub(crate) use states;

states! {
    /// Where a blueprint's upload stands.
    BlueprintState {
        /// Waits for its archive to be fetched.
        Pending = "pending",
        /// Is only validated and vanishes afterwards.
        Validating = "validating",
        /// Its archive is being received.
        Uploading = "uploading",
        /// Its archive is being unpacked.
        Extracting = "extracting",
        /// Its YAML is being read.
        Parsing = "parsing",
        /// Ready for deployments.
        Uploaded = "uploaded",
        /// The archive could not be received.
        FailedUploading = "failed_uploading",
        /// The archive could not be unpacked.
        FailedExtracting = "failed_extracting",
        /// Reading failed for a reason outside the blueprint.
        FailedParsing = "failed_parsing",
        /// The files could not be published.
        FailedExtractingToFileServer = "failed_extracting_to_file_server",
        /// The blueprint itself is wrong.
        Invalid = "invalid",
    }
}

impl BlueprintState {
    /// Whether the upload ended without success; such a blueprint may be replaced by a new upload.
    pub const fn is_failed(self) -> bool {
        matches!(
            self,
            Self::FailedUploading
                | Self::FailedExtracting
                | Self::FailedParsing
                | Self::FailedExtractingToFileServer
                | Self::Invalid
        )
    }
}
