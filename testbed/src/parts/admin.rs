//! What a part's admin endpoint answers.

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An HTTP response, as far as stories ask about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Everything after the headers.
    pub body: String,
}

/// Asks the endpoint at `address`, such as [`crate::OPERATOR_HEALTH`], for `path`.
pub async fn get(address: &str, path: &str) -> Result<Answer> {
    let mut stream = TcpStream::connect(address).await.with_context(|| format!("nobody is at {address}"))?;
    // With HTTP/1.0 the end of the answer is the end of the connection.
    stream.write_all(format!("GET {path} HTTP/1.0\r\nhost: {address}\r\n\r\n").as_bytes()).await?;
    let mut text = String::new();
    stream.read_to_string(&mut text).await?;
    let (head, body) = text.split_once("\r\n\r\n").context("the answer has no end of headers")?;
    let status = head.split(' ').nth(1).context("the answer has no status")?.parse()?;
    Ok(Answer { status, body: body.to_owned() })
}
