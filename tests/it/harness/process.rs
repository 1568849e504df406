//! A process that ends with the tests, however those end, and can be ended in every way.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::sync::watch;

/// Runs a program and tells its number and how it ended. Its input is a pipe that the tests hold
/// open: when that ends, so does the program.
const KEEPER: &str = r#"
trap '' HUP INT TERM PIPE
log=$1
shift
exec 3<&0
"$@" >>"$log.out" 2>>"$log" </dev/null 3<&- &
pid=$!
echo "$pid"
( read -r _ <&3; kill -9 "$pid" 2>/dev/null ) >/dev/null &
keeper=$!
wait "$pid"
echo "$?"
kill -9 "$keeper" 2>/dev/null
"#;

/// A running program.
#[derive(Debug)]
pub(crate) struct Process {
    keeper: Child,
    id: u32,
    ended: watch::Receiver<Option<i32>>,
}

impl Process {
    /// Starts a program; what it says goes to `log`, and what it prints to `log.out`.
    pub(crate) fn start<Argument: AsRef<OsStr>>(
        program: &Path,
        arguments: &[Argument],
        log: &Path,
    ) -> Self {
        let mut keeper = Command::new("sh");
        keeper.args(["-c", KEEPER, "order-test-keeper"]).arg(log).arg(program).args(arguments);
        keeper.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("ORDER_") {
                keeper.env_remove(name);
            }
        }
        let mut keeper = keeper.spawn().unwrap();
        let mut told = BufReader::new(keeper.stdout.take().unwrap()).lines();
        let id = told.next().unwrap().unwrap().parse().unwrap();
        let (end, ended) = watch::channel(None);
        std::thread::spawn(move || {
            let code = told.next().and_then(Result::ok).and_then(|code| code.parse().ok());
            end.send_replace(Some(code.unwrap_or(-1)));
        });
        Self { keeper, id, ended }
    }

    /// Sends a signal by name, e.g. `KILL`.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name]).arg(self.id.to_string()).status();
        assert!(sent.unwrap().success(), "no process {} to send {name} to", self.id);
    }

    /// How it ended, if it has: its exit code, or 128 and the signal's number.
    pub(crate) fn exit_code(&self) -> Option<i32> {
        *self.ended.borrow()
    }

    /// Waits for its end.
    pub(crate) async fn ended(&self, patience: Duration) -> i32 {
        let mut ended = self.ended.clone();
        let waiting = ended.wait_for(Option::is_some);
        match tokio::time::timeout(patience, waiting).await {
            Ok(code) => code.unwrap().unwrap(),
            Err(_elapsed) => panic!("process {} does not end", self.id),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        self.keeper.wait().unwrap();
    }
}
