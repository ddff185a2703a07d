//! What every request passes: whom it is addressed to, and what the browser may make of the answer.

use std::net::{IpAddr, SocketAddr};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header, uri::Authority},
    middleware::Next,
    response::{IntoResponse, Response},
};

/// By what names the page may be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hosts {
    /// Only by those of this host, the address of the listener among them: a foreign name that leads here is one that a foreign page was loaded from.
    Loopback(IpAddr),
    /// By whatever the administrator made lead here.
    Any,
}

/// Nothing but what comes from here, and in no frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HEADERS: [(header::HeaderName, &str); 5] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
];

impl Hosts {
    /// Those of a listener.
    pub(super) fn at(address: SocketAddr) -> Self {
        let ip = address.ip().to_canonical();
        if ip.is_loopback() { Self::Loopback(ip) } else { Self::Any }
    }

    fn allow(self, headers: &HeaderMap) -> bool {
        match self {
            Self::Any => true,
            Self::Loopback(own) => headers.get(header::HOST).is_some_and(|host| is_local(host, own)),
        }
    }
}

/// Whether it is a name of this host, or its address `own`.
fn is_local(host: &HeaderValue, own: IpAddr) -> bool {
    let uri = host.to_str().ok().and_then(|host| host.parse::<Uri>().ok());
    let host = uri.as_ref().and_then(Uri::authority).map(Authority::host);
    host.is_some_and(|host| {
        let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        let is_own = bare.parse().is_ok_and(|ip: IpAddr| ip.to_canonical() == own);
        is_own || ["127.0.0.1", "[::1]"].contains(&host) || host.eq_ignore_ascii_case("localhost")
    })
}

pub(super) async fn guard(State(hosts): State<Hosts>, request: Request, next: Next) -> Response {
    let mut response = if hosts.allow(request.headers()) {
        next.run(request).await
    } else {
        let why =
            "this page is only reached as localhost, 127.0.0.1, [::1] or the address that it listens on\n";
        (StatusCode::MISDIRECTED_REQUEST, why).into_response()
    };
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_this_host_only_its_own_names_lead_to_the_page() {
        let hosts = Hosts::at("127.0.0.1:8081".parse().unwrap());
        let asked = |host: &str| HeaderMap::from_iter([(header::HOST, HeaderValue::from_str(host).unwrap())]);
        for own in ["localhost:8081", "LocalHost", "127.0.0.1:9000", "[::1]:8081", "[::1]"] {
            assert!(hosts.allow(&asked(own)), "{own}");
        }
        for foreign in
            ["evil.example:8081", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1", "", "@"]
        {
            assert!(!hosts.allow(&asked(foreign)), "{foreign}");
        }
        assert!(!hosts.allow(&HeaderMap::new()));
    }

    #[test]
    fn every_loopback_address_is_of_this_host_and_leads_to_what_listens_on_it_alone() {
        let asked =
            |host: &'static str| HeaderMap::from_iter([(header::HOST, HeaderValue::from_static(host))]);
        for (listener, own) in
            [("127.0.0.2:8081", "127.0.0.2:8081"), ("[::ffff:127.0.0.1]:8081", "[::ffff:127.0.0.1]:8081")]
        {
            let hosts = Hosts::at(listener.parse().unwrap());
            for host in [own, "localhost:8081"] {
                assert!(hosts.allow(&asked(host)), "{host} at {listener}");
            }
            for foreign in ["evil.example", "127.0.0.3"] {
                assert!(!hosts.allow(&asked(foreign)), "{foreign} at {listener}");
            }
        }
    }

    #[test]
    fn elsewhere_the_administrator_knows_the_names() {
        for address in ["[::]:8081", "10.0.0.5:8081"] {
            let hosts = Hosts::at(address.parse().unwrap());
            assert!(
                hosts.allow(&HeaderMap::from_iter([(
                    header::HOST,
                    HeaderValue::from_static("multinic.site")
                )]))
            );
        }
        let own = "[::1]:8081".parse::<SocketAddr>().unwrap();
        assert_eq!(Hosts::at(own), Hosts::Loopback(own.ip()));
    }
}
