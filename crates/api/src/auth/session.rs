//! The console's session: an API token in a cookie that no script can read.
//!
//! Invariant: the cookie counts only beside a header that pages of other origins cannot send without being asked
//! first, which they are never allowed. A request that has other credentials is judged by those.

use axum::http::{HeaderMap, HeaderValue, header};
use nephele_model::Secret;

const COOKIE: &str = "nephele_session";
/// The header that goes with the cookie.
const BESIDE: &str = "x-nephele-console";

/// Whether a page of the console asks, which has a form of its own for who is not signed in.
pub(crate) fn is_console(headers: &HeaderMap) -> bool {
    headers.contains_key(BESIDE)
}

/// The token of the session that the request belongs to.
pub(crate) fn read(headers: &HeaderMap) -> Option<Secret> {
    if !headers.contains_key(BESIDE) || headers.contains_key(header::AUTHORIZATION) {
        return None;
    }
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let (_, token) = pairs.find(|(name, token)| *name == COOKIE && !token.is_empty())?;
    Some(Secret::new(token.to_owned()))
}

/// The header that begins a session, or ends it where there is no token.
pub(crate) fn cookie(token: Option<&str>, headers: &HeaderMap) -> Option<HeaderValue> {
    let encrypted = headers.get(header::ORIGIN).is_some_and(|origin| origin.as_bytes().starts_with(b"https:"));
    let secure = if encrypted { "; Secure" } else { "" };
    let (token, age) = token.map_or(("", "; Max-Age=0"), |token| (token, ""));
    HeaderValue::from_str(&format!("{COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict{secure}{age}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_counts_only_with_its_header_and_without_other_credentials() {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, HeaderValue::from_static("a=b; nephele_session=ctok-1-2"));
        assert!(read(&headers).is_none());
        headers.insert(BESIDE, HeaderValue::from_static("1"));
        assert_eq!(read(&headers).unwrap().expose(), "ctok-1-2");
        headers.insert(header::AUTHORIZATION, HeaderValue::from_static("Basic eA=="));
        assert!(read(&headers).is_none());
    }

    #[test]
    fn a_cookie_of_an_encrypted_page_stays_encrypted() {
        let mut headers = HeaderMap::new();
        assert!(!cookie(Some("t"), &headers).unwrap().to_str().unwrap().contains("Secure"));
        headers.insert(header::ORIGIN, HeaderValue::from_static("https://manager"));
        let text = cookie(None, &headers).unwrap();
        assert_eq!(text, "nephele_session=; Path=/; HttpOnly; SameSite=Strict; Secure; Max-Age=0");
    }
}
