//! `cloudify.nodes.PasswordSecret`: a random password that is kept as a secret.

use nephele_model::python_text::{is_truthy, str as text};
use nephele_model::{Code, Error, Result};
use nephele_store::secrets;
use rand::seq::{IndexedRandom as _, SliceRandom as _};
use serde_json::{Map, Value, json};

use super::operation::{Operation, refuse};
use crate::rows::failed;
use crate::secrets::SecretValues;

/// Properties that say how many characters of a kind there must be, -1 for none, and those characters.
const KINDS: [(&str, &str); 4] = [
    ("uppercase", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
    ("lowercase", "abcdefghijklmnopqrstuvwxyz"),
    ("digits", "0123456789"),
    ("symbols", " !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"),
];
const SHORTEST: i64 = 6;
/// The note of secrets that an operation makes: they were not there before.
const ABSENT: &str = "_absent_secrets";

/// Makes the password, unless one is there that may be used.
pub(super) async fn create(operation: &mut Operation<'_>) -> Result<Value> {
    let name = operation.wanted("secret_name");
    let name = name.as_str().filter(|name| !name.is_empty()).map(str::to_owned);
    let scope = operation.manager.scope(&operation.ctx, false).await?;
    let store = &*operation.manager.store;
    if is_truthy(&operation.wanted("use_secret_if_exists")) {
        let name = name
            .as_deref()
            .ok_or_else(|| refuse("Can't enable `use_secret_if_exists` property without providing a secret_name"))?;
        if secrets::find(store, &scope, name).await.map_err(failed)?.is_some() {
            note(operation, name).await?;
            operation.log(format!("Using existing password from secret `{name}`")).await?;
            return Ok(Value::Bool(true));
        }
    }
    if operation.runtime.contains_key("password") {
        return Ok(Value::Bool(true));
    }
    let name = name.unwrap_or_else(|| format!("ps_{}_{}", operation.deployment.id, operation.instance()));
    let password = random(operation)?;
    set_secrets(operation, &json!({name.clone(): password})).await?;
    note(operation, &name).await?;
    operation.log("Created password secret.".to_owned()).await?;
    Ok(Value::Bool(true))
}

async fn note(operation: &mut Operation<'_>, name: &str) -> Result<()> {
    operation.runtime.insert("password".to_owned(), json!({"get_secret": name}));
    operation.runtime.insert("secret_name".to_owned(), json!(name));
    operation.save().await
}

fn numbers(operation: &Operation<'_>) -> (i64, [i64; 4]) {
    let number = |name: &str| operation.wanted(name).as_i64().unwrap_or_default();
    (number("length"), KINDS.map(|(name, _)| number(name)))
}

fn random(operation: &Operation<'_>) -> Result<String> {
    let (length, least) = numbers(operation);
    let mut chance = rand::rng();
    let mut all = Vec::new();
    let mut password = Vec::new();
    for ((_, characters), least) in KINDS.into_iter().zip(least) {
        let characters: Vec<char> = characters.chars().collect();
        password.extend((0..least).filter_map(|_| characters.choose(&mut chance).copied()));
        if least >= 0 {
            all.extend(characters);
        }
    }
    let length = usize::try_from(length).map_err(|_| refuse("The length of a password cannot be negative"))?;
    let missing = length.saturating_sub(password.len());
    password.extend((0..missing).filter_map(|_| all.choose(&mut chance).copied()));
    password.shuffle(&mut chance);
    Ok(password.into_iter().collect())
}

/// Deletes the secret.
pub(super) async fn delete(operation: &mut Operation<'_>) -> Result<Value> {
    if let Some(name) = operation.runtime.get("secret_name").and_then(Value::as_str).map(str::to_owned) {
        delete_secret(operation, &name).await?;
    }
    operation.runtime.shift_remove("password");
    operation.runtime.shift_remove("secret_name");
    operation.save().await?;
    Ok(Value::Null)
}

/// Refuses what no password can satisfy.
pub(super) fn validate(operation: &Operation<'_>) -> Result<Value> {
    let (length, least) = numbers(operation);
    let problem = if length < SHORTEST {
        "Password length is required to be at least 6 characters"
    } else if least.iter().any(|number| *number < -1) {
        "Illegal character group length provided: expecting an integer greater than 0, or -1 for not using this character \
         group"
    } else if least.iter().all(|number| *number == -1) {
        "Could not satisfy password requirements: at least one character group should be used"
    } else if least.iter().sum::<i64>() > length {
        "Could not satisfy password requirements: lengths of required character groups is larger than the password length"
    } else {
        return Ok(Value::Bool(true));
    };
    Err(refuse(problem))
}

/// Makes secrets. Error: one of them exists, and no earlier start of this operation made it.
pub(super) async fn set_secrets(operation: &mut Operation<'_>, wanted: &Value) -> Result<()> {
    let Some(wanted) = wanted.as_object().filter(|wanted| !wanted.is_empty()) else { return Ok(()) };
    let before = operation.noted(ABSENT).cloned();
    if before.is_none() {
        let scope = operation.manager.scope(&operation.ctx, false).await?;
        let mut absent = Vec::new();
        for key in wanted.keys() {
            if secrets::find(&*operation.manager.store, &scope, key).await.map_err(failed)?.is_none() {
                absent.push(key);
            }
        }
        operation.note(ABSENT, &json!(absent));
        operation.save().await?;
    }
    let was_ours = |key: &str| before.as_ref().and_then(Value::as_array).is_some_and(|keys| keys.contains(&json!(key)));
    for (key, value) in wanted {
        let values = SecretValues { value: Some(text(value).into()), ..SecretValues::default() };
        match operation.manager.put_secret(&operation.ctx, key, values, false).await {
            Err(error) if error.code() == Code::Conflict && was_ours(key) => {}
            Err(error) => {
                let message = format!("secret `{key}`: {}", error.message());
                return Err(Error::new(error.code(), message).with_source(error));
            }
            Ok(_) => operation.log(format!("Created secret '{key}'")).await?,
        }
    }
    Ok(())
}

/// Deletes the secrets that a node was given to set.
pub(super) async fn delete_secrets(operation: &Operation<'_>) -> Result<()> {
    for key in operation.wanted("secrets").as_object().into_iter().flat_map(Map::keys) {
        delete_secret(operation, key).await?;
    }
    Ok(())
}

/// Deletes a secret, unless it is gone.
async fn delete_secret(operation: &Operation<'_>, key: &str) -> Result<()> {
    match operation.manager.delete_secret(&operation.ctx, key).await {
        Err(error) if error.code() == Code::NotFound => Ok(()),
        deleted => deleted,
    }
}
