//! Whom a certificate names, as SIP has it (RFC 5922 §7): the domains of its `sip` URIs, or where it has none, its DNS names;
//! a wildcard names nobody unless that is switched on. The authorities' word is asked first.

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use sip::message::Uri;
use sip::message::uri::Scheme;
use std::sync::Arc;

/// Believes a server whose certificate is vouched for and names it.
#[derive(Debug)]
pub(super) struct PeerNames {
    roots: Arc<RootCertStore>,
    provider: Arc<CryptoProvider>,
    signatures: Arc<WebPkiServerVerifier>,
    wildcards: bool,
}

impl PeerNames {
    /// Of servers that these authorities vouch for, of which there is at least one.
    pub(super) fn new(
        roots: RootCertStore,
        provider: &Arc<CryptoProvider>,
        wildcards: bool,
    ) -> Result<Self, rustls::client::VerifierBuilderError> {
        let (roots, provider) = (Arc::new(roots), Arc::clone(provider));
        let signatures =
            WebPkiServerVerifier::builder_with_provider(Arc::clone(&roots), Arc::clone(&provider)).build()?;
        Ok(Self { roots, provider, signatures, wildcards })
    }
}

impl ServerCertVerifier for PeerNames {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let certificate = ParsedCertificate::try_from(end_entity)?;
        let algorithms = self.provider.signature_verification_algorithms.all;
        verify_server_cert_signed_by_trust_anchor(&certificate, &self.roots, intermediates, now, algorithms)?;
        match server_name {
            ServerName::DnsName(host) => {
                let certificate = webpki::EndEntityCert::try_from(end_entity)
                    .map_err(|_| Error::InvalidCertificate(CertificateError::BadEncoding))?;
                let (uris, names) = (certificate.valid_uri_names(), certificate.valid_dns_names());
                if !names_host(host.as_ref(), uris, names, self.wildcards) {
                    return Err(Error::InvalidCertificate(CertificateError::NotValidForName));
                }
            }
            address => verify_server_name(&certificate, address)?,
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signatures.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signatures.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.signatures.supported_verify_schemes()
    }
}

/// Whether a certificate with these URIs and DNS names is this host's.
fn names_host<'a>(
    host: &str,
    uris: impl Iterator<Item = &'a str>,
    names: impl Iterator<Item = &'a str>,
    wildcards: bool,
) -> bool {
    let mut domains = uris.filter_map(domain).peekable();
    if domains.peek().is_some() {
        return domains.any(|domain| domain.eq_ignore_ascii_case(host));
    }
    let mut names = names;
    names.any(|name| name.eq_ignore_ascii_case(host) || (wildcards && covers(name, host)))
}

/// The domain that a URI stands for: `sip` alone, and nobody in particular there.
fn domain(uri: &str) -> Option<String> {
    let parsed = Uri::parse(uri).ok()?;
    let is_domain = parsed.scheme == Scheme::Sip && !uri.contains('@');
    is_domain.then(|| parsed.host.to_owned())
}

/// Whether `*.example.com` covers the host: one label, the first.
fn covers(name: &str, host: &str) -> bool {
    let rest = name.strip_prefix("*.");
    let host = host.split_once('.').map(|(_, rest)| rest);
    matches!((rest, host), (Some(rest), Some(host)) if rest.contains('.') && rest.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_names_the_domains_of_its_sip_uris_else_its_dns_names() {
        let check = |host: &str, uris: &[&str], names: &[&str], wildcards, expected| {
            let named = names_host(host, uris.iter().copied(), names.iter().copied(), wildcards);
            assert_eq!(named, expected, "{host} {uris:?} {names:?} {wildcards}");
        };
        check("carrier.example", &[], &["carrier.example"], false, true);
        check("CARRIER.example", &[], &["other.example", "carrier.EXAMPLE"], false, true);
        check("sip.carrier.example", &[], &["carrier.example"], false, false);
        check("carrier.example", &["sip:carrier.example"], &[], false, true);
        check("carrier.example", &["sip:other.example"], &["carrier.example"], false, false);
        check("carrier.example", &["sips:other.example"], &["carrier.example"], false, true);
        check("carrier.example", &["sip:al@carrier.example"], &[], false, false);
        check("carrier.example", &["sip:al@carrier.example"], &["carrier.example"], false, true);
        check("carrier.example", &["https://other.example/"], &["carrier.example"], false, true);
        check("a.carrier.example", &[], &["*.carrier.example"], false, false);
        check("a.carrier.example", &[], &["*.carrier.example"], true, true);
        check("a.b.carrier.example", &[], &["*.carrier.example"], true, false);
        check("carrier.example", &[], &["*.example", "*"], true, false);
        check("a.carrier.example", &["sip:*.carrier.example"], &[], true, false);
        check("carrier.example", &[], &[], true, false);
    }
}
