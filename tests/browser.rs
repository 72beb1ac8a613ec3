//! A headless browser that tests can type into: Chromium, driven over a pair of pipes (its DevTools protocol).

use serde_json::{Value, json};
use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Where Chromium is, if it is.
pub(crate) fn chromium() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .flat_map(|dir| ["chromium", "chromium-browser", "google-chrome"].map(|name| dir.join(name)))
        .find(|program| program.is_file())
}

/// What Chromium is started with in tests.
pub(crate) const QUIET: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--hide-scrollbars",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

/// An open page.
pub(crate) struct Tab {
    process: Child,
    to: File,
    from: BufReader<File>,
    session: Option<String>,
    asked: u64,
    _folder: tempfile::TempDir,
}

impl Tab {
    /// Opens a page of this size. Blocks; not for async threads.
    pub(crate) fn open(browser: &Path, url: &str, size: (u32, u32)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (to, from) = (folder.path().join("to"), folder.path().join("from"));
        assert!(Command::new("mkfifo").args([&to, &from]).status().unwrap().success());
        // The protocol is spoken on file descriptors 3 and 4, which a shell can set.
        let script = "exec \"$0\" \"$@\" 3<\"$PIPE_TO\" 4>\"$PIPE_FROM\"";
        let process = Command::new("sh")
            .args(["-c", script])
            .arg(browser)
            .args(QUIET)
            .arg("--remote-debugging-pipe")
            .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
            .arg(format!("--window-size={},{}", size.0, size.1))
            .env("PIPE_TO", &to)
            .env("PIPE_FROM", &from)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let to = OpenOptions::new().write(true).open(to).unwrap();
        let from = BufReader::new(File::open(from).unwrap());
        let mut tab = Self { process, to, from, session: None, asked: 0, _folder: folder };
        let target = tab.ask("Target.createTarget", json!({"url": "about:blank"}));
        let attached = tab.ask("Target.attachToTarget", json!({"targetId": target["targetId"], "flatten": true}));
        tab.session = attached["sessionId"].as_str().map(str::to_owned);
        tab.ask("Page.enable", json!({}));
        tab.ask("Page.navigate", json!({"url": url}));
        for _ in 0..100 {
            if tab.eval("document.readyState") == "complete" && tab.eval("location.href") != "about:blank" {
                return tab;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("the page is not loaded: {url}");
    }

    fn ask(&mut self, method: &str, params: Value) -> Value {
        self.asked += 1;
        let mut message = json!({"id": self.asked, "method": method, "params": params});
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        self.to.write_all(format!("{message}\0").as_bytes()).unwrap();
        loop {
            let mut bytes = Vec::new();
            assert!(self.from.read_until(0, &mut bytes).unwrap() > 0, "the browser ended");
            bytes.pop();
            let answer: Value = serde_json::from_slice(&bytes).unwrap();
            if answer["id"] == self.asked {
                assert!(answer.get("error").is_none(), "{method}: {answer}");
                return answer["result"].clone();
            }
        }
    }

    /// What an expression of the page gives.
    pub(crate) fn eval(&mut self, expression: &str) -> Value {
        let answer = self
            .ask("Runtime.evaluate", json!({"expression": expression, "returnByValue": true, "awaitPromise": true}));
        assert!(answer.get("exceptionDetails").is_none(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    /// Waits for an expression to become true, at most 10 s.
    pub(crate) fn wait_for(&mut self, expression: &str) {
        for _ in 0..200 {
            if self.eval(&format!("Boolean({expression})")) == true {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("waited in vain: {expression}");
    }

    /// Presses a key as a keyboard does; `repeats` more events come while it is held down.
    pub(crate) fn press(&mut self, code: &str, key: &str, repeats: usize) {
        let event = |kind: &str, repeat: bool| {
            let text = if key.chars().count() == 1 && kind == "keyDown" { key } else { "" };
            json!({"type": kind, "code": code, "key": key, "text": text, "autoRepeat": repeat,
                   "windowsVirtualKeyCode": key_code(code)})
        };
        self.ask("Input.dispatchKeyEvent", event("keyDown", false));
        for _ in 0..repeats {
            self.ask("Input.dispatchKeyEvent", event("keyDown", true));
        }
        self.ask("Input.dispatchKeyEvent", event("keyUp", false));
    }

    /// The page as a picture.
    pub(crate) fn picture(&mut self, to: &Path) -> image::RgbImage {
        let shot = self.ask("Page.captureScreenshot", json!({"format": "png"}));
        let bytes = from_base64(shot["data"].as_str().unwrap());
        std::fs::write(to, &bytes).unwrap();
        image::load_from_memory(&bytes).unwrap().into_rgb8()
    }
}

impl Drop for Tab {
    fn drop(&mut self) {
        // A browser that has ended already is no matter.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn key_code(code: &str) -> u32 {
    match code {
        "Space" => 32,
        "Enter" => 13,
        "F13" => 124,
        _ => code.bytes().last().map_or(0, u32::from),
    }
}

fn from_base64(text: &str) -> Vec<u8> {
    let value = |b: u8| match b {
        b'A'..=b'Z' => b - b'A',
        b'a'..=b'z' => b - b'a' + 26,
        b'0'..=b'9' => b - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let digits: Vec<u32> = text.bytes().filter(|b| *b != b'=').map(|b| u32::from(value(b))).collect();
    let mut bytes = Vec::with_capacity(digits.len() * 3 / 4);
    for four in digits.chunks(4) {
        let word = four.iter().enumerate().fold(0, |word, (i, d)| word | d << (18 - 6 * i));
        bytes.extend(&word.to_be_bytes()[1..four.len()]);
    }
    bytes
}

#[test]
fn base64_of_the_standard() {
    for (text, said) in [("Zm9vYmFy", "foobar"), ("Zm9vYg==", "foob"), ("Zm8=", "fo"), ("", "")] {
        assert_eq!(from_base64(text), said.as_bytes());
    }
}
