//! What SIP over TLS needs: our certificate, and whose certificates we trust (RFC 3261 §26.3, RFC 5922). Read from
//! files, and read again on demand. Knows no connection.

use super::peer_names::PeerNames;
use crate::StartError;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

/// A certificate chain and its private key, both PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsIdentity {
    /// The certificate, then those that lead to its authority.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// The files of TLS.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TlsFiles {
    /// What peers that connect to us are shown; without it nobody can.
    pub server: Option<TlsIdentity>,
    /// What peers that we connect to are shown when they ask.
    pub client: Option<TlsIdentity>,
    /// The authorities that vouch for peers we connect to; none: those of the system.
    pub authorities: Option<PathBuf>,
    /// Peers that connect to us must show a certificate of these authorities; none: they need none.
    pub client_authorities: Option<PathBuf>,
    /// Whether `*.example.com` in a certificate names `sip.example.com`, which RFC 5922 §7.2 forbids.
    pub wildcards: bool,
}

/// TLS as it is now.
pub(crate) struct Tls {
    files: TlsFiles,
    now: RwLock<Settings>,
}

#[derive(Clone)]
struct Settings {
    server: Option<Arc<ServerConfig>>,
    client: Arc<ClientConfig>,
}

impl Tls {
    /// Reads the files.
    pub(crate) fn load(files: TlsFiles) -> Result<Self, StartError> {
        let now = RwLock::new(settings(&files)?);
        Ok(Self { files, now })
    }

    /// Reads the files again; connections made from now on use what stands there. What was read before stays in use
    /// if that fails.
    pub(crate) fn reload(&self) -> Result<(), StartError> {
        let fresh = settings(&self.files)?;
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    /// For peers that connect to us.
    pub(crate) fn server(&self) -> Option<Arc<ServerConfig>> {
        self.now.read().unwrap_or_else(PoisonError::into_inner).server.clone()
    }

    /// For peers that we connect to.
    pub(crate) fn client(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.now.read().unwrap_or_else(PoisonError::into_inner).client)
    }
}

fn settings(files: &TlsFiles) -> Result<Settings, StartError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let server = files.server.as_ref().map(|identity| server(identity, files, &provider)).transpose()?;
    Ok(Settings { server: server.map(Arc::new), client: Arc::new(client(files, &provider)?) })
}

fn server(
    identity: &TlsIdentity,
    files: &TlsFiles,
    provider: &Arc<CryptoProvider>,
) -> Result<ServerConfig, StartError> {
    let builder = ServerConfig::builder_with_provider(Arc::clone(provider))
        .with_safe_default_protocol_versions()
        .map_err(wrong(&identity.certificate))?;
    let builder = match &files.client_authorities {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let roots = Arc::new(authorities(path)?);
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(provider));
            builder.with_client_cert_verifier(verifier.build().map_err(wrong(path))?)
        }
    };
    let (chain, key) = read(identity)?;
    builder.with_single_cert(chain, key).map_err(wrong(&identity.certificate))
}

fn client(files: &TlsFiles, provider: &Arc<CryptoProvider>) -> Result<ClientConfig, StartError> {
    let path = files.authorities.as_deref().unwrap_or(Path::new("the system's authorities"));
    let roots = match &files.authorities {
        Some(path) => authorities(path)?,
        None => system_authorities(),
    };
    let builder = ClientConfig::builder_with_provider(Arc::clone(provider))
        .with_safe_default_protocol_versions()
        .map_err(wrong(path))?;
    // A machine without any authority trusts nobody, and starts all the same: it may never speak TLS.
    let builder = if roots.is_empty() {
        builder.with_root_certificates(roots)
    } else {
        let verifier = PeerNames::new(roots, provider, files.wildcards).map_err(wrong(path))?;
        builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier))
    };
    match &files.client {
        None => Ok(builder.with_no_client_auth()),
        Some(identity) => {
            let (chain, key) = read(identity)?;
            builder.with_client_auth_cert(chain, key).map_err(wrong(&identity.certificate))
        }
    }
}

fn read(
    identity: &TlsIdentity,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), StartError> {
    let chain = certificates(&identity.certificate)?;
    let key = PrivateKeyDer::from_pem_file(&identity.key).map_err(wrong(&identity.key))?;
    Ok((chain, key))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, StartError> {
    let all = CertificateDer::pem_file_iter(path).map_err(wrong(path))?;
    let all = all.collect::<Result<Vec<_>, _>>().map_err(wrong(path))?;
    if all.is_empty() { Err(wrong(path)("no certificate stands there")) } else { Ok(all) }
}

fn authorities(path: &Path) -> Result<RootCertStore, StartError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(wrong(path))?;
    }
    Ok(roots)
}

/// What of the system's authorities can be read; the rest is as if it were not there.
fn system_authorities() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

fn wrong<E: std::fmt::Display>(path: &Path) -> impl FnOnce(E) -> StartError {
    move |error| StartError::Tls { file: path.to_owned(), reason: error.to_string() }
}
