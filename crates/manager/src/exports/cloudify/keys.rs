//! Keys of another manager: what its secrets are encrypted with, and the salt of its passwords.
//!
//! Invariant: what comes out of a conversion is encrypted with a key that was made for it and travels with it; how the
//! archive had it, in clear or under whatever key, ends here.

use aes::Aes128;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt as _, KeyIvInit as _};
use nephele_model::{Error, Result, Timestamp};
use serde_json::{Map, Value};

use crate::crypto::{Cipher, salted};

/// Version byte, seconds, initialisation vector.
const HEADER: usize = 1 + 8 + 16;
const SIGNATURE: usize = 32;

/// How the archive's texts become those of the conversion.
pub(super) struct Keys {
    theirs: Theirs,
    /// The salt that passwords were mixed with, if it is known.
    salt: Option<String>,
    ours: Cipher,
    /// The key of the conversion, as it is written down.
    pub(super) written: String,
    now: Timestamp,
    /// Values that could not be read.
    pub(super) unreadable: u64,
}

enum Theirs {
    Clear,
    Long(Box<Cipher>),
    Short([u8; 32]),
}

impl Keys {
    /// With the archive's `rest-security.conf`, if it has one, or a salt from elsewhere.
    pub(super) fn new(security: &Map<String, Value>, salt: Option<String>, now: Timestamp) -> Result<Self> {
        let theirs = match security.get("encryption_key").and_then(Value::as_str) {
            None => Theirs::Clear,
            Some(text) => match URL_SAFE.decode(text.trim()).unwrap_or_default().try_into() {
                Ok(short) => Theirs::Short(short),
                Err(_) => Theirs::Long(Box::new(Cipher::of_text(text)?)),
            },
        };
        let salt = security.get("hash_salt").and_then(Value::as_str).map(str::to_owned).or(salt);
        let (ours, written) = Cipher::fresh()?;
        Ok(Self { theirs, salt, ours, written, now, unreadable: 0 })
    }

    pub(super) const fn knows_salt(&self) -> bool {
        self.salt.is_some()
    }

    pub(super) fn cipher(&self) -> &Cipher {
        &self.ours
    }

    /// A password's or token's hash, with the salt that it needs.
    pub(super) fn hash(&self, hash: &str) -> String {
        match &self.salt {
            Some(salt) if hash.starts_with("$pbkdf2-sha256$") => salted(hash, salt),
            _ => hash.to_owned(),
        }
    }

    /// A text in clear, encrypted.
    pub(super) fn encrypt(&self, text: &str) -> String {
        self.ours.encrypt(text, self.now)
    }

    /// A text as the archive has it, encrypted for the conversion.
    pub(super) fn translate(&mut self, text: &str) -> String {
        let plain = match &self.theirs {
            Theirs::Clear => return self.encrypt(text),
            Theirs::Long(cipher) => cipher.decrypt(text).ok().map(|plain| plain.expose().clone()),
            Theirs::Short(key) => open_short(key, text),
        };
        plain.map_or_else(
            || {
                self.unreadable += 1;
                text.to_owned()
            },
            |plain| self.ours.encrypt(&plain, self.now),
        )
    }
}

/// What Fernet made with a key of 32 bytes.
fn open_short(key: &[u8; 32], token: &str) -> Option<String> {
    let token = URL_SAFE.decode(token).ok()?;
    let (signed, signature) = token.split_at_checked(token.len().checked_sub(SIGNATURE)?)?;
    let (sign, encrypt): (&[u8], &[u8]) = key.split_at(16);
    let mut padded = [0; 32];
    padded[..16].copy_from_slice(sign);
    crate::crypto::signed_by(&padded, signed, signature)?;
    let (header, body) = signed.split_at_checked(HEADER)?;
    let (encrypt, vector): ([u8; 16], [u8; 16]) = (encrypt.try_into().ok()?, header.get(9..)?.try_into().ok()?);
    let plain =
        cbc::Decryptor::<Aes128>::new(&encrypt.into(), &vector.into()).decrypt_padded_vec::<Pkcs7>(body).ok()?;
    String::from_utf8(plain).ok()
}

/// The `rest-security.conf` of an archive.
pub(super) fn security(text: &[u8]) -> Result<Map<String, Value>> {
    serde_json::from_slice(text)
        .map_err(|error| Error::bad_parameters(format!("rest-security.conf cannot be read: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by Python's `cryptography.fernet` with the key of 32 bytes 0 to 31.
    #[test]
    fn tokens_of_short_keys_are_read() {
        let key: [u8; 32] = std::array::from_fn(|place| u8::try_from(place).unwrap());
        let token =
            "gAAAAABrDYzMfOCssPLkVdBMKj18EieiiIdppIEbvDvArrXrml7sI4aYq6BQ36r_hESwICm8sLFjwc1ih1cA0LAuqju6YemY6Q==";
        assert_eq!(open_short(&key, token).as_deref(), Some("hunter2 ü"));
        assert_eq!(open_short(&[1; 32], token), None);
    }
}
