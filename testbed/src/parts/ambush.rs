//! A signal to a process at one exact step of its work on the node.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use nix::libc;
use nix::sys::ptrace;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

/// Short, since the process waits for it at each of its system calls.
const PAUSE: Duration = Duration::from_micros(50);

/// Netlink messages that change something: links and addresses made, set and deleted.
const CHANGES: [u16; 5] = [16, 17, 19, 20, 21];

/// What happens to a process in the middle of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blow {
    /// It is asked to stop, as a kubelet does.
    Terminate,
    /// It alone is killed.
    Kill,
    /// It is killed with its children, as a container is.
    KillAll,
    /// It does not run any more, and is not told so.
    Freeze,
}

impl Blow {
    fn strike(self, pid: Pid) -> Result<()> {
        if self == Self::KillAll {
            let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))?;
            for child in children.split_whitespace() {
                kill(Pid::from_raw(child.parse()?), Signal::SIGKILL)?;
            }
        }
        let signal = match self {
            Self::Terminate => Signal::SIGTERM,
            Self::Kill | Self::KillAll => Signal::SIGKILL,
            Self::Freeze => Signal::SIGSTOP,
        };
        Ok(kill(pid, signal)?)
    }
}

/// Watches a process by `ptrace`, and strikes it in the middle of a change.
///
/// Until it is over, nothing else may wait for the process.
pub struct Ambush {
    thread: JoinHandle<Result<bool>>,
    over: Arc<AtomicBool>,
}

impl Ambush {
    /// Strikes the process as it makes the change number `step`, counted from zero over changes of the kernel and of
    /// files alike. One that is killed has not made it.
    pub fn lay(process: u32, step: usize, blow: Blow) -> Result<Self> {
        let pid = Pid::from_raw(i32::try_from(process)?);
        let over = Arc::new(AtomicBool::new(false));
        let (laid, is_laid) = mpsc::channel();
        let ended = Arc::clone(&over);
        // All of it by one thread, as the kernel demands.
        let thread = thread::Builder::new().name("ambush".to_owned()).spawn(move || {
            ptrace::seize(pid, ptrace::Options::PTRACE_O_TRACESYSGOOD)?;
            ptrace::interrupt(pid)?;
            let _ = laid.send(());
            watch(pid, step, blow, &ended)
        })?;
        let _ = is_laid.recv();
        Ok(Self { thread, over })
    }

    /// Whether it has come to an end by itself.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.thread.is_finished()
    }

    /// Ends it. Whether the process came by.
    pub fn end(self) -> Result<bool> {
        self.over.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| anyhow!("the ambush panicked"))?
    }
}

fn watch(pid: Pid, step: usize, blow: Blow, over: &AtomicBool) -> Result<bool> {
    let (mut seen, mut entered) = (0, None);
    loop {
        match waitpid(pid, Some(WaitPidFlag::WNOHANG | WaitPidFlag::__WALL))? {
            WaitStatus::StillAlive if over.load(Ordering::Relaxed) => {
                ptrace::interrupt(pid)?;
                let signal = match waitpid(pid, Some(WaitPidFlag::__WALL))? {
                    WaitStatus::Stopped(_, signal) => Some(signal),
                    _ => None,
                };
                ptrace::detach(pid, signal)?;
                return Ok(false);
            }
            WaitStatus::StillAlive => thread::sleep(PAUSE),
            WaitStatus::PtraceSyscall(_) => {
                // It stops where it enters the call, and where it leaves it.
                let call = fs::read_to_string(format!("/proc/{pid}/syscall"))?;
                if entered.as_ref() == Some(&call) {
                    entered = None;
                } else {
                    if is_change(pid, &call)? {
                        if seen == step {
                            blow.strike(pid)?;
                            let released = ptrace::detach(pid, None);
                            // What was killed may be gone before it can be released.
                            let is_killed = matches!(blow, Blow::Kill | Blow::KillAll);
                            return if is_killed { Ok(true) } else { Ok(released.map(|()| true)?) };
                        }
                        seen += 1;
                    }
                    entered = Some(call);
                }
                ptrace::syscall(pid, None)?;
            }
            WaitStatus::Stopped(_, signal) => ptrace::syscall(pid, signal)?,
            WaitStatus::PtraceEvent(..) => ptrace::syscall(pid, None)?,
            ended => bail!("the process has ended: {ended:?}"),
        }
    }
}

/// Whether this system call, as `/proc/PID/syscall` tells it, changes a link, a setting of one, or a file.
fn is_change(pid: Pid, call: &str) -> Result<bool> {
    let mut words = call.split_whitespace();
    let Some(Ok(number)) = words.next().map(str::parse::<i64>) else { return Ok(false) };
    let arguments: Vec<_> =
        words.filter_map(|word| u64::from_str_radix(word.trim_start_matches("0x"), 16).ok()).collect();
    let [first, second, third, ..] = arguments[..] else { return Ok(false) };
    Ok(match number {
        libc::SYS_sendto => {
            let mut header = [0; 6];
            File::open(format!("/proc/{pid}/mem"))?.read_exact_at(&mut header, second)?;
            let [a, b, c, d, kind @ ..] = header;
            u64::from(u32::from_ne_bytes([a, b, c, d])) == third
                && CHANGES.contains(&u16::from_ne_bytes(kind))
        }
        libc::SYS_write => open_file(pid, first).is_ok_and(|path| path.contains("/sys/net/")),
        libc::SYS_renameat | libc::SYS_renameat2 => true,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_rename | libc::SYS_unlink => true,
        // Of the copies that netplan is asked about nothing is left anyway.
        libc::SYS_unlinkat => open_file(pid, first).is_ok_and(|path| !path.contains("/stage")),
        _ => false,
    })
}

fn open_file(pid: Pid, descriptor: u64) -> Result<String> {
    let link = format!("/proc/{pid}/fd/{descriptor}");
    let path = fs::read_link(&link).with_context(|| format!("cannot read {link}"))?;
    Ok(path.to_string_lossy().into_owned())
}
