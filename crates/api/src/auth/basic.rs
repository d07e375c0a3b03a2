//! `Authorization: Basic`.

use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use nephele_model::id::Username;
use nephele_model::{Error, Result, Secret};

/// User and password, when the header is there. Other schemes are left to others; a user whose name
/// does not begin with a letter is no user.
pub(super) fn read(headers: &HeaderMap) -> Result<Option<(Username, Secret)>> {
    let Some(text) = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()) else { return Ok(None) };
    let Some((scheme, encoded)) = text.split_once(' ') else { return Ok(None) };
    if !scheme.eq_ignore_ascii_case("basic") {
        return Ok(None);
    }
    let decoded = STANDARD
        .decode(encoded.trim())
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| Error::unauthorized("The Authorization header is not base64 of user:password"))?;
    let Some((user, password)) = decoded.split_once(':') else { return Ok(None) };
    let named = user.starts_with(|first: char| first.is_ascii_alphabetic());
    Ok(named.then(|| (Username::new(user), Secret::new(password.to_owned()))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::AUTHORIZATION, value.parse().unwrap())])
    }

    #[test]
    fn passwords_may_hold_colons() {
        let (user, password) = read(&header("Basic YTpiOmM=")).unwrap().unwrap();
        assert_eq!((user.as_str(), password.expose().as_str()), ("a", "b:c"));
        assert!(read(&header("Bearer x")).unwrap().is_none());
        assert!(read(&header("Basic ???")).is_err());
    }
}
