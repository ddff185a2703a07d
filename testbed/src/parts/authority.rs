//! Who is who: certificates for nodes, for the API server when it talks to them, and for a database.

use std::net::IpAddr;

use anyhow::Result;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, SanType,
};

/// What its users trust.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and the key to it, as PEM.
pub struct Credentials {
    /// The certificate.
    pub certificate: String,
    /// The key to it.
    pub key: String,
}

impl Authority {
    /// A new one.
    pub fn found() -> Result<Self> {
        let mut params = named("testbed", None);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        Ok(Self(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?))
    }

    /// The certificate to trust.
    #[must_use]
    pub fn certificate(&self) -> String {
        self.0.pem()
    }

    /// Credentials of `user`, in `group` where one is given.
    pub fn issue(&self, user: &str, group: Option<&str>) -> Result<Credentials> {
        let mut params = named(user, group);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(&params)
    }

    /// Credentials of the server at `address`.
    pub fn issue_to_server(&self, address: IpAddr) -> Result<Credentials> {
        let mut params = named("server", None);
        params.subject_alt_names = vec![SanType::IpAddress(address)];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.sign(&params)
    }

    fn sign(&self, params: &CertificateParams) -> Result<Credentials> {
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.0)?;
        Ok(Credentials { certificate: certificate.pem(), key: key.serialize_pem() })
    }
}

fn named(user: &str, group: Option<&str>) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, user);
    if let Some(group) = group {
        params.distinguished_name.push(DnType::OrganizationName, group);
    }
    params
}
