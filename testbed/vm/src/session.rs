//! Commands in the guest, over a serial port.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use base64::Engine;
use base64::prelude::BASE64_STANDARD as BASE64;
use serde::Deserialize;
use serde_json::json;

use crate::line::Line;

const PAUSE: Duration = Duration::from_millis(50);
/// A command that takes longer hangs.
const LIMIT: Duration = Duration::from_mins(5);

/// QEMU's agent in the guest, asked anew each time: a guest that boots again has another one.
pub(crate) struct Session {
    socket: PathBuf,
    /// The last question's number.
    asked: AtomicU64,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Status {
    exited: bool,
    exitcode: Option<i64>,
    #[serde(default)]
    out_data: String,
    #[serde(default)]
    err_data: String,
}

impl Session {
    pub(crate) fn at(socket: PathBuf) -> Self {
        Self { socket, asked: AtomicU64::new(0) }
    }

    /// Runs a command to its end and returns what it printed.
    pub(crate) fn run(&self, argv: &[&str], input: &str) -> Result<String> {
        let [program, arguments @ ..] = argv else { bail!("no program to run") };
        let mut line = self.line()?;
        let started = line.ask(
            "guest-exec",
            &json!({
                "path": program, "arg": arguments, "input-data": BASE64.encode(input), "capture-output": true,
            }),
        )?;
        let deadline = Instant::now() + LIMIT;
        loop {
            let status = line.ask("guest-exec-status", &json!({ "pid": started["pid"] }))?;
            let status: Status = serde_json::from_value(status)?;
            if !status.exited {
                ensure!(Instant::now() < deadline, "`{}` still runs after {LIMIT:?}", argv.join(" "));
                sleep(PAUSE);
                continue;
            }
            ensure!(
                status.exitcode == Some(0),
                "`{}` failed, {:?}: {}",
                argv.join(" "),
                status.exitcode,
                text(&status.err_data)?.trim()
            );
            return text(&status.out_data);
        }
    }

    /// A connection on which nothing is left of earlier ones, not even answers that came late.
    fn line(&self) -> Result<Line> {
        let mut line = Line::open(&self.socket)?;
        let number = self.asked.fetch_add(1, Ordering::Relaxed);
        let mut answer =
            line.ask("guest-sync", &json!({ "id": number })).context("the guest does not answer")?;
        while answer != json!(number) {
            answer = line.answer()?;
        }
        Ok(line)
    }
}

fn text(encoded: &str) -> Result<String> {
    Ok(String::from_utf8(BASE64.decode(encoded)?)?)
}
