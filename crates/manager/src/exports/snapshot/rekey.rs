//! What was encrypted with another manager's key, encrypted with this one's.
//!
//! Invariant: only the key changes. Instant and initialisation vector stay, so that the way there and back gives the
//! same text.

use nephele_model::Result;
use serde_json::{Map, Value};

use crate::crypto::{Cipher, hex};

/// Tables with encrypted columns.
const ENCRYPTED: [(&str, &str); 6] = [
    ("agents", "rabbitmq_password"),
    ("secrets", "value"),
    ("secrets", "provider_options"),
    ("secrets_providers", "connection_parameters"),
    ("tenants", "rabbitmq_password"),
    ("config", "value"),
];
/// The one setting that is encrypted.
const SETTING: &str = "ldap_password";

/// Two keys.
pub(super) struct Rekey {
    from: Option<Cipher>,
    to: Cipher,
    /// Values that could not be read.
    pub(super) unreadable: u64,
}

/// Tells keys apart, and nothing else of them.
pub(crate) fn fingerprint(cipher: &Cipher) -> String {
    let mut text = hex(&cipher.derive("which key this is"));
    text.truncate(16);
    text
}

impl Rekey {
    /// From the key of an archive, if it is another one.
    pub(super) fn new(theirs: Option<&str>, fingerprint_of_theirs: &str, to: Cipher) -> Result<Option<Self>> {
        if fingerprint(&to) == fingerprint_of_theirs {
            return Ok(None);
        }
        let from = theirs.map(Cipher::of_text).transpose()?;
        Ok(Some(Self { from, to, unreadable: 0 }))
    }

    /// Changes the encrypted values of a row.
    pub(super) fn row(&mut self, table: &str, row: &mut Map<String, Value>) {
        for (_, column) in ENCRYPTED.iter().filter(|(of, _)| *of == table) {
            if table == "config" && row.get("name").and_then(Value::as_str) != Some(SETTING) {
                continue;
            }
            let Some(Value::String(text)) = row.get_mut(*column) else { continue };
            // Settings are JSON.
            let quoted = table == "config";
            let token = if quoted { serde_json::from_str(text).unwrap_or_default() } else { text.clone() };
            if token.is_empty() {
                continue;
            }
            match self.from.as_ref().and_then(|from| from.translate(&token, &self.to)) {
                Some(changed) if quoted => *text = Value::String(changed).to_string(),
                Some(changed) => *text = changed,
                None => self.unreadable += u64::from(!quoted),
            }
        }
    }
}
