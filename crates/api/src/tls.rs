//! The manager's own certificate authority and server certificate.
//!
//! Invariant: both are made once, into `tls/` of the data folder, and kept; private keys are files
//! that only the owner may read. Replace `server.pem` and `server.key` to bring a certificate of
//! your own; clients trust `ca.pem`.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

use nephele_model::{Error, Result};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Opens the certificate in `folder`, making it when it is not there, and gives the settings of an
/// HTTPS listener. `hostname` goes into the certificate beside `localhost` and the loopback addresses.
pub fn server_config(folder: &Path, hostname: &str) -> Result<Arc<rustls::ServerConfig>> {
    let (certificate, key) = (folder.join("server.pem"), folder.join("server.key"));
    if !certificate.is_file() || !key.is_file() {
        make(folder, hostname)?;
    }
    let chain = CertificateDer::pem_file_iter(&certificate)
        .and_then(Iterator::collect::<std::result::Result<Vec<_>, _>>)
        .map_err(|error| unusable(&certificate, &error))?;
    let key = PrivateKeyDer::from_pem_file(&key).map_err(|error| unusable(&key, &error))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|error| unusable(&certificate, &error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn unusable(file: &Path, error: &dyn std::fmt::Display) -> Error {
    Error::internal(format!("{} cannot be used as a certificate: {error}", file.display()))
}

fn make(folder: &Path, hostname: &str) -> Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(Error::internal)?;
    let authority_key = KeyPair::generate().map_err(Error::internal)?;
    let mut authority = CertificateParams::default();
    authority.distinguished_name.push(DnType::CommonName, "Nephele manager CA");
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let authority_certificate = authority.self_signed(&authority_key).map_err(Error::internal)?;
    let mut names: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
    if !hostname.is_empty() && !names.iter().any(|name| name == hostname) {
        names.push(hostname.to_owned());
    }
    let mut server = CertificateParams::new(names).map_err(Error::internal)?;
    server.distinguished_name.push(DnType::CommonName, hostname);
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    server.use_authority_key_identifier_extension = true;
    let server_key = KeyPair::generate().map_err(Error::internal)?;
    let issuer = Issuer::new(authority, &authority_key);
    let server_certificate = server.signed_by(&server_key, &issuer).map_err(Error::internal)?;
    write(&folder.join("ca.pem"), &authority_certificate.pem(), 0o644)?;
    write(&folder.join("ca.key"), &authority_key.serialize_pem(), 0o600)?;
    write(&folder.join("server.key"), &server_key.serialize_pem(), 0o600)?;
    write(&folder.join("server.pem"), &(server_certificate.pem() + &authority_certificate.pem()), 0o644)
}

fn write(file: &Path, text: &str, mode: u32) -> Result<()> {
    fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(file)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(Error::internal)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_certificate_is_made_once_and_its_key_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let tls = folder.path().join("tls");
        server_config(&tls, "manager.example").unwrap();
        let first = fs::read(tls.join("server.pem")).unwrap();
        server_config(&tls, "manager.example").unwrap();
        assert_eq!(fs::read(tls.join("server.pem")).unwrap(), first);
        for key in ["server.key", "ca.key"] {
            assert_eq!(fs::metadata(tls.join(key)).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
}
