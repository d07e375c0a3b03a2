//! Files from anywhere on the web, outside any manager.

use bytes::Bytes;
use reqwest::{Certificate, StatusCode};

use crate::error::{Error, Result};

/// GET of an `http` or `https` address. `authority` is PEM text of the certificates to believe
/// instead of the system's. Anything but status 200 is [`Error::Refused`].
pub async fn download(url: &str, authority: Option<&str>) -> Result<Bytes> {
    // The provider is a process-wide choice; that it is made already is fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let settings = |error: reqwest::Error| Error::Settings(format!("{url}: {error}"));
    let mut builder = reqwest::Client::builder();
    if let Some(pem) = authority {
        builder = builder.tls_certs_only(Certificate::from_pem_bundle(pem.as_bytes()).map_err(settings)?);
    }
    let client = builder.build().map_err(settings)?;
    let transport = |error: reqwest::Error| Error::from_transport(url, &error);
    let response = client.get(url).send().await.map_err(transport)?;
    let status = response.status();
    let body = response.bytes().await.map_err(transport)?;
    if status == StatusCode::OK { Ok(body) } else { Err(Error::from_answer(status.as_u16(), &body)) }
}
