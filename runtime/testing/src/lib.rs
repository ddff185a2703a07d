//! An API server of given answers, for tests of how trouble with the real one is told.

use std::io;

use kube::Config;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// What one connection is answered, status line and body; None for a server that takes it and says nothing.
pub type Answer = Option<(&'static str, &'static str)>;

/// A server that gives one of these answers to each of its connections, and then the last one for ever.
pub async fn server(answers: Vec<Answer>) -> io::Result<Config> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let url = url.parse().map_err(io::Error::other)?;
    tokio::spawn(async move {
        let last = answers.last().copied().into_iter().cycle();
        let mut open = Vec::new();
        for answer in answers.iter().copied().chain(last) {
            let (connection, _) = listener.accept().await?;
            open.extend(give(answer, connection).await?);
        }
        Ok::<_, io::Error>(())
    });
    Ok(Config::new(url))
}

/// Answers a connection; one that is not answered stays open.
async fn give(answer: Answer, mut connection: TcpStream) -> io::Result<Option<TcpStream>> {
    // Whatever is asked.
    let _ = connection.read(&mut [0; 4096]).await?;
    let Some((status, body)) = answer else { return Ok(Some(connection)) };
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n", body.len());
    let text = format!("{head}Connection: close\r\n\r\n{body}");
    connection.write_all(text.as_bytes()).await?;
    Ok(None)
}
