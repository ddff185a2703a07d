//! Chromium, without a screen, driven by its own protocol (CDP) over two pipes.
//!
//! ```text
//!  Browser::call ─▶ standard input ─▶ descriptor 3 ─▶ Chromium
//!  answers, events ◀─ standard output ◀─ descriptor 4 ◀┘
//! ```

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use crate::sandbox::eventually::{SOON, eventually};
use crate::sandbox::testbed::Testbed;
use crate::setup::unpacked::CHROMIUM;

/// For one answer of the browser's; a page of fifty thousand NICs is laid out in less, on a busy machine too.
const DEADLINE: Duration = Duration::from_mins(1);
/// Mounts are the browser's own, so that nothing is written to what was unpacked.
const SCRIPT: &str = r#"
exec 3<&0 4>&1 </dev/null >&2
root=$1
mount --bind /proc "$root/proc"
mount --bind /dev "$root/dev"
mount -t tmpfs browser "$root/tmp"
exec chroot "$root" /usr/lib/chromium/chromium --headless --no-sandbox --remote-debugging-pipe --user-data-dir=/tmp/profile \
    --disable-gpu --disable-dev-shm-usage --disable-background-networking --disable-component-update --no-first-run about:blank
"#;

/// A running browser. Dropping it ends it.
pub struct Browser {
    child: Child,
    input: ChildStdin,
    messages: Receiver<Value>,
    calls: u64,
    /// What pages complained of.
    complaints: Vec<String>,
}

/// A tab of it.
pub struct Page<'a> {
    browser: &'a mut Browser,
    session: String,
}

/// What a page is looked at on.
#[derive(Debug, Clone, Copy)]
pub struct Screen {
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// Whether its owner likes it dark.
    pub dark: bool,
}

impl Testbed {
    /// A browser in the testbed, which reaches nothing else.
    pub fn browser(&self) -> Result<Browser> {
        let root = CHROMIUM.ensure()?;
        let log = std::fs::File::create(self.logs().join("browser.log"))?;
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-ec", SCRIPT, "browser"]).arg(root);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log);
        let mut child = self.spawner()?.spawn(command).context("cannot start the browser")?;
        let input = child.stdin.take().context("no way into the browser")?;
        let output = child.stdout.take().context("no way out of the browser")?;
        Ok(Browser { child, input, messages: listen(output), calls: 0, complaints: Vec::new() })
    }
}

/// Reads what the browser says: JSON, each ended by a zero byte.
fn listen(output: impl Read + Send + 'static) -> Receiver<Value> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for message in BufReader::new(output).split(0).map_while(Result::ok) {
            let Ok(message) = serde_json::from_slice(&message) else { return };
            if sender.send(message).is_err() {
                return;
            }
        }
    });
    receiver
}

impl Browser {
    /// Opens a page, on a screen of its own size.
    pub fn open(&mut self, address: &str, screen: Screen) -> Result<Page<'_>> {
        let target = self.call(None, "Target.createTarget", &json!({ "url": "about:blank" }))?;
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let session = self.call(None, "Target.attachToTarget", &attach)?["sessionId"].clone();
        let session = session.as_str().context("no session")?.to_owned();
        let mut page = Page { browser: self, session };
        for domain in ["Page.enable", "Runtime.enable", "Log.enable"] {
            page.call(domain, &json!({}))?;
        }
        page.look_at(screen)?;
        page.go(address)?;
        Ok(page)
    }

    fn call(&mut self, session: Option<&str>, method: &str, parameters: &Value) -> Result<Value> {
        self.calls += 1;
        let mut message = json!({ "id": self.calls, "method": method, "params": parameters });
        if let Some(session) = session {
            message["sessionId"] = json!(session);
        }
        self.input.write_all(message.to_string().as_bytes())?;
        self.input.write_all(&[0])?;
        self.input.flush()?;
        let end = Instant::now() + DEADLINE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let mut answer =
                self.messages.recv_timeout(left).with_context(|| format!("no answer to {method}"))?;
            if answer["id"] == self.calls {
                ensure!(answer.get("error").is_none(), "{method}: {}", answer["error"]);
                return Ok(answer["result"].take());
            }
            self.hear(&answer);
        }
    }

    fn hear(&mut self, event: &Value) {
        let details = &event["params"];
        match event["method"].as_str() {
            Some("Runtime.exceptionThrown") => self.complaints.push(details["exceptionDetails"].to_string()),
            // That the operator is away, as stories have it, is no fault of the page.
            Some("Log.entryAdded")
                if details["entry"]["level"] == "error" && details["entry"]["source"] != "network" =>
            {
                self.complaints.push(details["entry"].to_string());
            }
            _ => {}
        }
    }

    /// Fails where a page complained of anything.
    pub fn is_content(&self) -> Result<()> {
        ensure!(self.complaints.is_empty(), "the page complained: {:#?}", self.complaints);
        Ok(())
    }
}

impl Page<'_> {
    fn call(&mut self, method: &str, parameters: &Value) -> Result<Value> {
        let session = self.session.clone();
        self.browser.call(Some(&session), method, parameters)
    }

    /// Goes to an address.
    pub fn go(&mut self, address: &str) -> Result<()> {
        let gone = self.call("Page.navigate", &json!({ "url": address }))?;
        ensure!(gone.get("errorText").is_none(), "cannot go to {address}: {}", gone["errorText"]);
        Ok(())
    }

    /// Has another screen.
    pub fn look_at(&mut self, Screen { width, height, dark }: Screen) -> Result<()> {
        let metrics =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.call("Emulation.setDeviceMetricsOverride", &metrics)?;
        let scheme = if dark { "dark" } else { "light" };
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.call("Emulation.setEmulatedMedia", &media)?;
        Ok(())
    }

    /// What an expression of JavaScript comes to in the page.
    pub fn eval(&mut self, expression: &str) -> Result<Value> {
        let asked = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let mut told = self.call("Runtime.evaluate", &asked)?;
        if let Some(exception) = told.get("exceptionDetails") {
            bail!("{expression}: {exception}");
        }
        Ok(told["result"]["value"].take())
    }

    /// Waits until an expression comes to `wanted`.
    pub async fn shows(&mut self, what: &str, expression: &str, wanted: Value) -> Result<()> {
        let mut last = Value::Null;
        let shown = eventually(what, SOON, async || {
            last = self.eval(expression)?;
            ensure!(last == wanted, "{last} is not {wanted}");
            Ok(())
        });
        shown.await
    }

    /// Types into the field that has the focus.
    pub fn type_text(&mut self, text: &str) -> Result<()> {
        self.call("Input.insertText", &json!({ "text": text })).map(drop)
    }

    /// Presses a key, such as Tab or Enter.
    pub fn press(&mut self, key: &str) -> Result<()> {
        let code = match key {
            "Tab" => 9,
            "Enter" => 13,
            _ => bail!("{key} is not known here"),
        };
        let mut event = json!({ "type": "keyDown", "key": key, "code": key, "windowsVirtualKeyCode": code });
        if key == "Enter" {
            event["text"] = json!("\r");
        }
        self.call("Input.dispatchKeyEvent", &event)?;
        event["type"] = json!("keyUp");
        self.call("Input.dispatchKeyEvent", &event).map(drop)
    }

    /// What is on the screen, as PNG.
    pub fn picture(&mut self) -> Result<Vec<u8>> {
        let taken = self.call("Page.captureScreenshot", &json!({ "format": "png" }))?;
        Ok(BASE64_STANDARD.decode(taken["data"].as_str().context("no picture")?)?)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
