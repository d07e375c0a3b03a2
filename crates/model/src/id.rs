//! Identifiers: each kind its own type, so that a node cannot be passed for a deployment.
//!
//! All are text chosen by users or made by the manager; the rules for chosen ones stand in
//! [`check`] (spec rest-api.md section 1.6).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

macro_rules! identifiers {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes the text as it is; use [`check`] on what a user chose.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    )*};
}

identifiers! {
    /// A tenant's name, such as `default_tenant`.
    TenantName;
    /// A user's name.
    Username;
    /// A blueprint's id.
    BlueprintId;
    /// A deployment's id.
    DeploymentId;
    /// A node's name within its deployment.
    NodeId;
    /// A node instance's id: the node's name, an underscore and six random characters.
    NodeInstanceId;
    /// An execution's id, a UUID.
    ExecutionId;
    /// The id of a stored task ("operation" in REST), a UUID.
    TaskId;
    /// The id of a stored tasks graph, a UUID.
    GraphId;
}

const LONGEST: usize = 256;

/// Checks an identifier that a user chose for the argument `argument`.
///
/// `letter_first` is false for deployment ids only. Errors: `bad_parameters_error` in the wording
/// that clients know.
pub fn check(argument: &str, text: &str, letter_first: bool) -> Result<()> {
    let refuse = |rest: &str| Err(Error::bad_parameters(format!("The `{argument}` argument {rest}")));
    if text.is_empty() {
        return refuse("is empty");
    }
    if text.len() > LONGEST {
        return refuse("is too long. Maximum allowed length is 256 characters");
    }
    if !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.~-".contains(&byte)) {
        return refuse(
            "contains illegal characters. Only letters, digits and the characters \"-\", \".\" and \"_\" are allowed",
        );
    }
    if letter_first && !text.starts_with(|first: char| first.is_ascii_alphabetic()) {
        return refuse("must begin with a letter");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn ids_that_users_choose_follow_the_rules() {
        assert!(check("blueprint_id", "shop-1.2_x", true).is_ok());
        for bad in ["", "a b", "ä", "a/b", &"x".repeat(257)] {
            assert!(check("blueprint_id", bad, true).is_err(), "{bad}");
        }
        assert!(check("blueprint_id", "1shop", true).is_err());
        assert!(check("deployment_id", "1shop", false).is_ok());
    }
}
