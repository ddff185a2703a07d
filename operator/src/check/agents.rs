//! The question to each agent: the admin endpoint's own overview.

use std::net::{IpAddr, SocketAddr};

use anyhow::{Context, anyhow, ensure};
use http::{StatusCode, Uri};
use http_body_util::{BodyExt, Limited};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::time::timeout;

use super::facts::{Agent, DEADLINE};

/// An overview is far shorter; something else may listen there, and never end.
const MAX_BYTES: usize = 64 * 1024;

/// Asks agents, each at its Node's address.
pub(super) struct Agents {
    client: Client<HttpConnector, String>,
    port: u16,
}

impl Agents {
    pub(super) fn new(port: u16) -> Self {
        let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build_http();
        Self { client, port }
    }

    /// What the agent at `address` says, or where it was looked for and why that failed.
    pub(super) async fn ask(&self, address: IpAddr) -> Result<Agent, String> {
        let address = SocketAddr::new(address, self.port);
        let answer = match timeout(DEADLINE, self.get(address)).await {
            Ok(answer) => answer.map_err(|error| error.root_cause().to_string()),
            Err(_) => Err(format!("no answer within {} s", DEADLINE.as_secs())),
        };
        answer.map_err(|why| format!("{address}: {why}"))
    }

    async fn get(&self, address: SocketAddr) -> anyhow::Result<Agent> {
        let answer = self.client.get(Uri::try_from(format!("http://{address}/"))?).await?;
        let status = answer.status();
        ensure!(status == StatusCode::OK, "it answers {status}");
        // Boxed, and no error of a type that `?` takes.
        let body =
            Limited::new(answer.into_body(), MAX_BYTES).collect().await.map_err(|error| anyhow!(error))?;
        serde_json::from_slice(&body.to_bytes()).ok().context("what answers is no agent of multinic")
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    const OVERVIEW: &str = r#"{"node": "a", "status": "healthy", "version": "1 (c)", "uptime": "1s"}"#;

    /// What is understood of the answer of somebody at `address`.
    async fn ask(address: &str, answer: String) -> Result<Agent, String> {
        let listener = TcpListener::bind((address, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let served = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 1024];
            let length = stream.read(&mut request).await.unwrap();
            // Who asked may hang up in the middle.
            let _ = stream.write_all(answer.as_bytes()).await;
            String::from_utf8(request[..length].to_vec()).unwrap()
        });
        let agent = Agents::new(address.port()).ask(address.ip()).await;
        let request = served.await.unwrap().to_ascii_lowercase();
        assert!(request.starts_with("get / http/1.1\r\n"), "{request}");
        assert!(request.contains(&format!("host: {address}\r\n")), "{request}");
        agent
    }

    fn ok(body: &str) -> String {
        format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())
    }

    #[tokio::test]
    async fn an_agent_is_understood_at_addresses_of_both_families() {
        for address in ["127.0.0.1", "::1"] {
            let agent = ask(address, ok(OVERVIEW)).await.unwrap();
            assert_eq!((&*agent.node, &*agent.status, &*agent.version), ("a", "healthy", "1 (c)"));
        }
    }

    #[tokio::test]
    async fn what_is_no_agent_is_not_taken_for_one() {
        let endless = ok(&format!("{OVERVIEW}{}", " ".repeat(MAX_BYTES)));
        for (answer, why) in [
            ("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n".to_owned(), "503"),
            (ok("hello"), "no agent of multinic"),
            (endless, "limit"),
        ] {
            let error = ask("127.0.0.1", answer).await.unwrap_err();
            assert!(error.starts_with("127.0.0.1:") && error.contains(why), "{error}");
        }
    }

    #[tokio::test]
    async fn where_nobody_listens_the_address_is_named() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let error = Agents::new(address.port()).ask(address.ip()).await.unwrap_err();
        assert!(error.starts_with(&format!("{address}: ")) && error.contains("refused"), "{error}");
    }
}
