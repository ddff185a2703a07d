//! Talking in lines of JSON, as QEMU and its agent in a guest do.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

/// Nobody answers who has not answered by then. Emulated machines are slow.
const PATIENCE: Duration = Duration::from_secs(20);

/// A connection, for a few questions.
pub(crate) struct Line {
    stream: UnixStream,
    lines: BufReader<UnixStream>,
}

impl Line {
    pub(crate) fn open(socket: &Path) -> Result<Self> {
        let stream =
            UnixStream::connect(socket).with_context(|| format!("cannot connect to {}", socket.display()))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { lines: BufReader::new(stream.try_clone()?), stream })
    }

    /// Has `command` executed and returns what comes of it.
    pub(crate) fn ask(&mut self, command: &str, arguments: &Value) -> Result<Value> {
        let question = json!({ "execute": command, "arguments": arguments });
        self.stream.write_all(format!("{question}\n").as_bytes())?;
        self.answer().with_context(|| format!("{command} {arguments}"))
    }

    /// The next answer. What is told unasked, such as events, is passed over.
    pub(crate) fn answer(&mut self) -> Result<Value> {
        loop {
            let mut line = String::new();
            if self.lines.read_line(&mut line).context("no answer")? == 0 {
                bail!("the other end has hung up");
            }
            let mut said: Value = serde_json::from_str(&line).with_context(|| format!("not JSON: {line}"))?;
            if let Some(error) = said.get("error") {
                bail!("{error}");
            }
            if let Some(answer) = said.get_mut("return") {
                return Ok(answer.take());
            }
        }
    }
}
