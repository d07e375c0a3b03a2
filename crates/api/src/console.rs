//! The console at `/console`: the files that `console/` was built to, or a page that says how to build it.
//!
//! Invariant: a page loads nothing from elsewhere and runs no script but the console's own, which its policy states.
//! Names of assets hold a hash of their content, so they are kept for good; the page itself is asked for each time.

use std::io::Read as _;

use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use flate2::read::GzDecoder;
use uuid::Uuid;

/// A file of the console, packed.
struct Asset {
    name: &'static str,
    brotli: &'static [u8],
    gzip: &'static [u8],
}

include!(concat!(env!("OUT_DIR"), "/console_assets.rs"));

/// What the page without a console may do: nothing.
const MISSING_POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const FOREVER: &str = "public, max-age=31536000, immutable";
/// What stands in `index.html` where the nonce goes.
const NONCE: &str = "{{nonce}}";

/// Answers `GET /` and `GET /console`.
pub(crate) async fn home() -> Redirect {
    Redirect::temporary("/console/")
}

/// Answers `GET /console/`, and every path below it that is a view and not a file.
pub(crate) async fn page() -> Response {
    let Some(index) = INDEX else {
        let page = include_str!("console_missing.html").replace("{{version}}", env!("CARGO_PKG_VERSION"));
        return guarded(MISSING_POLICY, page);
    };
    let nonce = Uuid::new_v4().simple().to_string();
    // The kit's own `<style>` elements carry the nonce; what scripts set on an element needs none.
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data:; font-src 'self'; \
         connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; \
         frame-ancestors 'none'"
    );
    guarded(&policy, index.replace(NONCE, &nonce))
}

/// Answers `GET /console/PATH`.
pub(crate) async fn file(Path(path): Path<String>, headers: HeaderMap) -> Response {
    match ASSETS.binary_search_by(|asset| asset.name.cmp(path.as_str())) {
        Ok(found) => asset(&ASSETS[found], &headers),
        // A file that is gone must not be answered with a page: a script would be read from it.
        Err(_) if path.starts_with("assets/") => StatusCode::NOT_FOUND.into_response(),
        Err(_) => page().await,
    }
}

fn guarded(policy: &str, page: String) -> Response {
    let policy = HeaderValue::from_str(policy).unwrap_or(HeaderValue::from_static(MISSING_POLICY));
    let headers = [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    ];
    (headers, Html(page)).into_response()
}

/// A file, in the form that the client can unpack.
fn asset(asset: &Asset, headers: &HeaderMap) -> Response {
    let (encoding, content) = match packing(headers) {
        Some("br") => (Some("br"), asset.brotli.into()),
        Some(gzip) => (Some(gzip), asset.gzip.into()),
        None => match unpacked(asset.gzip) {
            Ok(content) => (None, content.into()),
            Err(error) => {
                tracing::error!(%error, name = asset.name, "a file of the console cannot be unpacked");
                return StatusCode::NOT_ACCEPTABLE.into_response();
            }
        },
    };
    let content: axum::body::Bytes = content;
    let mut response = content.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind(asset.name)));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(FOREVER));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Some(encoding) = encoding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    response
}

/// The best packing that the client takes.
fn packing(headers: &HeaderMap) -> Option<&'static str> {
    let accepted = headers.get(header::ACCEPT_ENCODING)?.to_str().ok()?;
    let takes = |name: &str| {
        accepted.split(',').any(|one| {
            let (coding, weight) = one.split_once(';').unwrap_or((one, ""));
            coding.trim().eq_ignore_ascii_case(name) && weight.replace(' ', "").trim_end_matches(['.', '0']) != "q="
        })
    };
    ["br", "gzip"].into_iter().find(|name| takes(name))
}

fn unpacked(gzip: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut content = Vec::new();
    GzDecoder::new(gzip).read_to_end(&mut content)?;
    Ok(content)
}

fn kind(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("json" | "webmanifest") => "application/json",
        Some("woff2") => "font/woff2",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_packing_is_chosen_and_refusals_are_heard() {
        let cases = [
            ("gzip, deflate, br, zstd", Some("br")),
            ("gzip", Some("gzip")),
            ("br;q=0, gzip;q=0.5", Some("gzip")),
            ("br; q=0.0", None),
            ("identity", None),
        ];
        for (accepted, wanted) in cases {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(accepted));
            assert_eq!(packing(&headers), wanted, "{accepted}");
        }
        assert_eq!(packing(&HeaderMap::new()), None);
    }

    #[tokio::test]
    async fn a_lost_script_is_no_page_and_a_view_is_one() {
        let gone = file(Path("assets/gone-1.js".to_owned()), HeaderMap::new()).await;
        assert_eq!(gone.status(), StatusCode::NOT_FOUND);
        let view = file(Path("deployments/shop".to_owned()), HeaderMap::new()).await;
        assert_eq!(view.status(), StatusCode::OK);
        assert!(view.headers().contains_key(header::CONTENT_SECURITY_POLICY));
    }
}
