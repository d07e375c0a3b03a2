//! Secrets at rest, password hashes and hashes of tokens.
//!
//! Invariant: no function here returns a stored secret in a form with `Debug`. Formats: Fernet
//! tokens with a 64-byte key (32 bytes sign, 32 encrypt; spec rest-api.md section 2.8), and
//! passlib's `$pbkdf2-sha256$rounds$salt$hash` with its own base64 alphabet.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use aes::Aes256;
use base64::Engine;
use base64::alphabet::Alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD, URL_SAFE};
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use hmac::{Hmac, KeyInit, Mac};
use nephele_model::{Code, Error, Result, Secret, Timestamp};
use rand::Rng;
use sha2::{Digest, Sha256, Sha512};

const KEY_LENGTH: usize = 64;
const VERSION: u8 = 0x80;
/// Version byte, seconds since 1970, initialisation vector.
const HEADER: usize = 1 + 8 + 16;
const SIGNATURE: usize = 32;
/// Enough that a guess costs milliseconds; stored in each hash, so it may be raised later.
const ROUNDS: u32 = 29_000;

/// How keys are made of passphrases; both ends must do the same.
const PASSPHRASE_SALT: &[u8] = b"salt_";
const PASSPHRASE_ROUNDS: u32 = 100_000;

/// Encrypts what must be read back, such as values of secrets.
pub(crate) struct Cipher {
    sign: Secret<[u8; 32]>,
    encrypt: Secret<[u8; 32]>,
}

impl Cipher {
    /// Reads the key from `file`, or makes both.
    pub(crate) fn open(file: &Path) -> Result<Self> {
        if !file.exists() {
            write_private(file, Self::fresh()?.1.as_bytes())?;
        }
        let text = fs::read_to_string(file).map_err(Error::internal)?;
        Self::of_text(&text).map_err(|_| Error::internal(format!("{} does not hold a key of 64 bytes", file.display())))
    }

    /// The cipher of a key as it stands in its file.
    pub(crate) fn of_text(text: &str) -> Result<Self> {
        let key = URL_SAFE.decode(text.trim()).ok().and_then(|key| <[u8; KEY_LENGTH]>::try_from(key).ok());
        let key = key.ok_or_else(|| Error::bad_parameters("The key does not have 64 bytes"))?;
        Ok(Self::of_key(&key))
    }

    /// A key that was just made, and how it is written down.
    pub(crate) fn fresh() -> Result<(Self, String)> {
        let mut key = [0; KEY_LENGTH];
        rand::rng().fill(&mut key[..]);
        let text = URL_SAFE.encode(key);
        Ok((Self::of_text(&text)?, text))
    }

    /// The cipher of a passphrase, as secrets travel between managers. Slow on purpose: call it on a
    /// blocking thread.
    pub(crate) fn of_passphrase(passphrase: &str) -> Self {
        let key =
            pbkdf2::pbkdf2_hmac_array::<Sha256, KEY_LENGTH>(passphrase.as_bytes(), PASSPHRASE_SALT, PASSPHRASE_ROUNDS);
        Self::of_key(&key)
    }

    fn of_key(key: &[u8; KEY_LENGTH]) -> Self {
        let (mut sign, mut encrypt) = ([0; 32], [0; 32]);
        sign.copy_from_slice(&key[..32]);
        encrypt.copy_from_slice(&key[32..]);
        Self { sign: Secret::new(sign), encrypt: Secret::new(encrypt) }
    }

    /// Encrypts `value` into printable text.
    pub(crate) fn encrypt(&self, value: &str, now: Timestamp) -> String {
        let mut vector = [0_u8; 16];
        rand::rng().fill(&mut vector[..]);
        self.seal(value, &(now.micros() / 1_000_000).to_be_bytes(), vector)
    }

    /// The same text under another key, with the same instant and vector.
    pub(crate) fn translate(&self, token: &str, to: &Self) -> Option<String> {
        let plain = self.open_token(token)?;
        let bytes = URL_SAFE.decode(token).ok()?;
        let vector: [u8; 16] = bytes.get(9..HEADER)?.try_into().ok()?;
        Some(to.seal(&plain, bytes.get(1..9)?, vector))
    }

    fn seal(&self, value: &str, seconds: &[u8], vector: [u8; 16]) -> String {
        let mut token = vec![VERSION];
        token.extend(seconds);
        token.extend(vector);
        token.extend(
            cbc::Encryptor::<Aes256>::new(self.encrypt.expose().into(), &vector.into())
                .encrypt_padded_vec::<Pkcs7>(value.as_bytes()),
        );
        let signature = self.mac(&token).finalize().into_bytes();
        token.extend(signature);
        URL_SAFE.encode(token)
    }

    /// Decrypts what [`Self::encrypt`] made. Error: `invalid_fernet_token_format_error`.
    pub(crate) fn decrypt(&self, token: &str) -> Result<Secret> {
        self.open_token(token).map(Secret::new).ok_or_else(|| {
            Error::new(Code::InvalidFernetTokenFormat, "The stored value cannot be decrypted with this manager's key")
        })
    }

    /// A key for another purpose.
    pub(crate) fn derive(&self, purpose: &str) -> [u8; 32] {
        self.mac(purpose.as_bytes()).finalize().into_bytes().into()
    }

    fn open_token(&self, token: &str) -> Option<String> {
        let token = URL_SAFE.decode(token).ok()?;
        let (signed, signature) = token.split_at_checked(token.len().checked_sub(SIGNATURE)?)?;
        let (header, body) = signed.split_at_checked(HEADER)?;
        self.mac(signed).verify_slice(signature).ok()?;
        let vector: [u8; 16] = header.get(9..)?.try_into().ok()?;
        let plain = cbc::Decryptor::<Aes256>::new(self.encrypt.expose().into(), &vector.into())
            .decrypt_padded_vec::<Pkcs7>(body)
            .ok()?;
        (header.first() == Some(&VERSION)).then_some(())?;
        String::from_utf8(plain).ok()
    }

    fn mac(&self, data: &[u8]) -> Hmac<Sha256> {
        let mut mac = <Hmac<Sha256> as KeyInit>::new(&padded(self.sign.expose()).into());
        mac.update(data);
        mac
    }
}

/// Writes a file that only the owner may read; refuses to replace one.
pub(crate) fn write_private(file: &Path, content: &[u8]) -> Result<()> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)
        .and_then(|mut file| file.write_all(content))
        .map_err(Error::internal)
}

/// Passlib's base64: `.` in the place of `+`, no padding.
fn adapted() -> Option<GeneralPurpose> {
    let alphabet = Alphabet::new("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789./").ok()?;
    Some(GeneralPurpose::new(
        &alphabet,
        GeneralPurposeConfig::new()
            .with_encode_padding(false)
            .with_decode_padding_mode(base64::engine::DecodePaddingMode::RequireNone),
    ))
}

/// Hashes a password for storage. Slow on purpose: call it on a blocking thread.
pub(crate) fn hash_password(password: &str) -> String {
    let mut salt = [0_u8; 16];
    rand::rng().fill(&mut salt[..]);
    let hash = pbkdf2::pbkdf2_hmac_array::<Sha256, 32>(password.as_bytes(), &salt, ROUNDS);
    adapted().map_or_else(String::new, |base64| {
        format!("$pbkdf2-sha256${ROUNDS}${}${}", base64.encode(salt), base64.encode(hash))
    })
}

/// Stands before hashes that came from another manager, with the salt that it mixed all passwords with.
const SALTED: &str = "$hmac-sha512$";

/// A hash of another manager, which hashed what HMAC made of `salt` and the password.
pub(crate) fn salted(hash: &str, salt: &str) -> String {
    format!("{SALTED}{}{hash}", STANDARD.encode(salt))
}

/// Whether `password` gives this hash. Slow on purpose: call it on a blocking thread.
pub(crate) fn verify_password(password: &str, stored: &str) -> bool {
    let Some((salt, hash)) = stored.strip_prefix(SALTED).and_then(|rest| Some(rest.split_at(rest.find('$')?))) else {
        return verify_hash(password, stored);
    };
    let Some(mut mac) =
        STANDARD.decode(salt).ok().and_then(|salt| <Hmac<Sha512> as KeyInit>::new_from_slice(&salt).ok())
    else {
        return false;
    };
    mac.update(password.as_bytes());
    verify_hash(&STANDARD.encode(mac.finalize().into_bytes()), hash)
}

fn verify_hash(password: &str, stored: &str) -> bool {
    let parts: Vec<&str> = stored.split('$').collect();
    let ["", "pbkdf2-sha256", rounds, salt, hash] = parts.as_slice() else { return false };
    let Some(base64) = adapted() else { return false };
    let (Ok(rounds), Ok(salt), Ok(hash)) = (rounds.parse(), base64.decode(salt), base64.decode(hash)) else {
        return false;
    };
    let found: [u8; 32] = pbkdf2::pbkdf2_hmac_array::<Sha256, 32>(password.as_bytes(), &salt, rounds);
    same(&found, &hash)
}

/// Compares without telling by the time taken where the difference is.
pub(crate) fn same(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len() && left.iter().zip(right).fold(0, |sum, (a, b)| sum | (a ^ b)) == 0
}

/// The hash by which random tokens are stored and found: they need no salt and no slowness.
pub(crate) fn digest(token: &str) -> String {
    hex(&Sha256::digest(token.as_bytes()))
}

/// A hash that only the holder of the key can make, in hexadecimal digits.
pub(crate) fn keyed_hash(key: &[u8; 32], text: &str) -> String {
    let mut mac = <Hmac<Sha256> as KeyInit>::new(&padded(key).into());
    mac.update(text.as_bytes());
    hex(&mac.finalize().into_bytes())
}

/// Says whether `signature` is that of `data` under a key; a shorter key counts as filled up with zeros.
pub(crate) fn signed_by(key: &[u8; 32], data: &[u8], signature: &[u8]) -> Option<()> {
    let mut mac = <Hmac<Sha256> as KeyInit>::new(&padded(key).into());
    mac.update(data);
    mac.verify_slice(signature).ok()
}

/// A key shorter than a block counts as filled up with zeros.
fn padded(key: &[u8; 32]) -> [u8; 64] {
    let mut block = [0; 64];
    block[..32].copy_from_slice(key);
    block
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Random letters and digits.
pub(crate) fn random_text(length: usize) -> String {
    rand::rng().sample_iter(rand::distr::Alphanumeric).take(length).map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_encrypted_comes_back_and_a_changed_token_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        let token = Cipher::open(&file).unwrap().encrypt("hunter2 ü", Timestamp::from_micros(1_700_000_000_000_000));
        let again = Cipher::open(&file).unwrap();
        assert_eq!(again.decrypt(&token).unwrap().expose(), "hunter2 ü");
        assert!(again.decrypt(&token.replacen('A', "B", 2)).is_err());
        assert!(again.decrypt("").is_err());
    }

    /// Made by the original's `encrypt("hunter2 \u00fc", generate_key_using_password("correct horse"))`.
    #[test]
    fn reads_what_the_original_encrypted_with_a_passphrase() {
        let token = TOKEN_OF_THE_ORIGINAL;
        assert_eq!(Cipher::of_passphrase("correct horse").decrypt(token).unwrap().expose(), "hunter2 ü");
        assert!(Cipher::of_passphrase("wrong horse").decrypt(token).is_err());
    }

    #[test]
    fn passwords_match_their_own_hash_only() {
        let hash = hash_password("secret");
        assert!(verify_password("secret", &hash));
        assert!(!verify_password("Secret", &hash));
        assert!(!verify_password("secret", "plain"));
    }

    /// The hash of "password" with 1000 rounds and the salt "saltsaltsaltsalt", computed by Python's hashlib.
    #[test]
    fn reads_hashes_of_passlib() {
        assert!(verify_password("password", PASSLIB));
    }

    /// A hash of a recorded manager, whose salt is in its configuration.
    #[test]
    fn reads_hashes_that_another_manager_salted() {
        let stored = salted(SALTED_BY_THE_ORIGINAL, "abcdefgh-salt-1234");
        assert!(verify_password("snapviewerpw", &stored));
        assert!(!verify_password("snapviewer", &stored));
        assert!(!verify_password("snapviewerpw", &salted(SALTED_BY_THE_ORIGINAL, "another")));
        assert!(!verify_password("snapviewerpw", SALTED_BY_THE_ORIGINAL));
    }

    const SALTED_BY_THE_ORIGINAL: &str =
        "$pbkdf2-sha256$29000$P0fofU/JmZOyltI6JwQg5A$dm6qd/nzg11mT1kMu4XuT7LJGtLq5anqtA19w2EI2Ew";
    const TOKEN_OF_THE_ORIGINAL: &str =
        "gAAAAABrB4Flgsx8_gDKsVVSIt7OuRFODFFvh2SyXs2c116LbppKjfx0smtHkP7J999TciKWiYT_q0LockUaD3EIx2ZIc6o4Pg==";
    const PASSLIB: &str = "$pbkdf2-sha256$1000$c2FsdHNhbHRzYWx0c2FsdA$8nX7hwFEzIB8aPajJTYK8weHQc5Ngz0pFVAKvSu4jQA";
}
