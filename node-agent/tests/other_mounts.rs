//! Roots and directories in mount namespaces, as `/proc/PID/root` and a pod's mounts are. Each test runs in a user namespace
//! of its own, in which it may mount.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use multinic_agent::host::{
    error::HostError,
    files,
    lock::{LockError, NodeLock},
    mounts::Mounts,
    reading::FileError,
    root::HostRoot,
};
use multinic_agent_core::{observed::files::FileChange, parse::bootfile::seal};

const AGENT: &str = env!("CARGO_BIN_EXE_multinic-agent");
const INSIDE: &str = "MULTINIC_TEST_INSIDE";
const OURS: &str = "/etc/netplan/60-multinic-multinic0.yaml";

/// Runs `body` in user, mount and network namespaces of its own, by running this very test once more.
fn inside(test: &str, body: impl FnOnce()) {
    if std::env::var_os(INSIDE).is_some() {
        return body();
    }
    let run = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "--net", "--"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let output = String::from_utf8_lossy(&run.stdout) + String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success() && output.contains("1 passed"), "{output}");
}

fn sh(script: &str) {
    let run = Command::new("sh").args(["-ec", script]).output().unwrap();
    assert!(run.status.success(), "{script}: {}", String::from_utf8_lossy(&run.stderr));
}

/// A machine whose root is in a mount namespace of its own.
struct Machine {
    child: Child,
    root: PathBuf,
}

impl Machine {
    /// With `/etc`, `/run`, `/opt` and `/var/lib` of its own, empty but for what `script` does.
    fn start(script: &str) -> Self {
        let own = "for own in etc run opt var/lib; do mount -t tmpfs own /$own; done; mkdir -p /etc/netplan";
        let mut child = Command::new("unshare")
            .args(["--mount", "sh", "-ec", &format!("{own}\n{script}\necho started\nexec cat")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "started\n");
        let root = PathBuf::from(format!("/proc/{}/root", child.id()));
        Self { child, root }
    }

    /// What the kernel finds at `path` in there.
    fn text(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.root.join(path.trim_start_matches('/'))).ok()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// This namespace's own `/etc`, with a boot file that is none of the other machine's.
fn decoy() {
    sh("mount -t tmpfs own /etc; mkdir -p /etc/netplan; mount -t tmpfs own /run; mount -t tmpfs own /opt");
    fs::write(OURS, "the wrong machine").unwrap();
    fs::write("/opt/site.yaml", "the wrong machine").unwrap();
}

fn untouched_decoy() {
    assert_eq!(fs::read_to_string(OURS).unwrap(), "the wrong machine");
    assert_eq!(fs::read_dir("/etc/netplan").unwrap().count(), 1);
    assert!(!Path::new("/run/multinic").exists());
}

#[test]
fn the_root_of_another_mount_namespace_is_read_and_written_and_never_our_own() {
    inside("the_root_of_another_mount_namespace_is_read_and_written_and_never_our_own", || {
        decoy();
        let machine = Machine::start(
            "echo theirs > /etc/netplan/50-cloud-init.yaml; echo site > /opt/site.yaml
            ln -s /opt/site.yaml /etc/netplan/10-absolute.yaml
            ln -s ../../opt/site.yaml /etc/netplan/20-relative.yaml
            ln -s ../../../../../../opt/site.yaml /etc/netplan/30-escaping.yaml
            ln -s /etc/netplan /etc/linked; mkdir -p /run/systemd/netif",
        );
        let root = HostRoot::new(machine.root.clone());
        let listed = root.list("/etc/linked", ".yaml").unwrap();
        let texts: Vec<_> = listed.values().map(|content| content.clone().unwrap()).collect();
        assert_eq!(texts, [&b"site\n"[..], b"site\n", b"site\n", b"theirs\n"].map(<[u8]>::to_vec));
        assert_eq!(root.names("/etc/netplan").unwrap(), listed.keys().cloned().collect::<BTreeSet<_>>());

        let change = FileChange { path: OURS.to_owned(), from: None, to: Some("ours".to_owned()) };
        root.may_write(OURS).unwrap();
        files::write(&root, &change).unwrap();
        assert_eq!(machine.text(OURS).as_deref(), Some("ours"));
        files::write(&root, &change.inverse()).unwrap();
        assert_eq!(machine.text(OURS), None);

        let lock = NodeLock::take(&root).unwrap();
        assert!(matches!(NodeLock::take(&HostRoot::new(machine.root.clone())), Err(LockError::Held)));
        assert_eq!(machine.text("/run/multinic/agent.lock").as_deref(), Some(""));
        drop(lock);

        let stage = "/run/multinic/stage/planned";
        root.make_directory(&format!("{stage}/etc/netplan")).unwrap();
        root.put(&format!("{stage}/etc/netplan/60.yaml"), b"staged", 0o600).unwrap();
        symlink("/etc/netplan/50-cloud-init.yaml", machine.root.join(&stage[1..]).join("link")).unwrap();
        let tree = [("etc/netplan/60.yaml", "staged"), ("link", "-> /etc/netplan/50-cloud-init.yaml")];
        let tree = tree.map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec()));
        assert_eq!(root.tree(stage).unwrap(), tree.into());
        root.remove_all("/run/multinic/stage").unwrap();
        assert!(machine.text("/run/multinic/stage/planned/etc/netplan/60.yaml").is_none());
        assert_eq!(machine.text("/etc/netplan/50-cloud-init.yaml").as_deref(), Some("theirs\n"));
        untouched_decoy();
    });
}

#[test]
fn a_root_is_the_one_that_was_opened_first_whatever_its_path_means_later() {
    inside("a_root_is_the_one_that_was_opened_first_whatever_its_path_means_later", || {
        let directory = tempfile::tempdir().unwrap();
        let link = directory.path().join("root");
        for name in ["first", "second"] {
            fs::create_dir(directory.path().join(name)).unwrap();
            fs::write(directory.path().join(name).join("name"), name).unwrap();
        }
        symlink("first", &link).unwrap();
        let root = HostRoot::new(link.clone());
        assert_eq!(root.text("/name").unwrap().as_deref(), Some("first"));
        fs::remove_file(&link).unwrap();
        symlink("second", &link).unwrap();
        assert_eq!(root.text("/name").unwrap().as_deref(), Some("first"));
    });
}

#[test]
fn a_host_program_runs_in_the_other_root_with_nothing_of_ours_to_read() {
    inside("a_host_program_runs_in_the_other_root_with_nothing_of_ours_to_read", || {
        decoy();
        let machine = Machine::start("echo theirs > /etc/who");
        let script = "cat /etc/who; readlink /proc/self/fd/0; pwd; ls /etc/netplan";
        let run = Command::new(AGENT)
            .args(["chroot-exec", "/bin/sh", "-c", script])
            .stdin(fs::File::open(&machine.root).unwrap())
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&run.stdout), "theirs\n/dev/null\n/\n", "{run:?}");
        let run =
            Command::new(AGENT).args(["chroot-exec", "/nowhere"]).stdin(Stdio::null()).output().unwrap();
        assert_eq!(run.status.code(), Some(127), "{run:?}");
    });
}

#[test]
fn an_agent_gives_back_the_nics_of_the_machine_whose_root_it_is_told() {
    inside("an_agent_gives_back_the_nics_of_the_machine_whose_root_it_is_told", || {
        decoy();
        sh("ip link add multinic0 address fa:16:3e:00:00:01 type veth peer name peer0");
        let machine = Machine::start(
            "mkdir -p /run/systemd/netif /var/lib/multinic; : > /run/systemd/netif/state
            mount -t tmpfs own /usr/libexec; mkdir /usr/libexec/netplan; cd /usr/libexec/netplan; printf '#!/bin/sh\\n' > generate; chmod +x generate
            echo '{\"fa:16:3e:00:00:01\":{\"name\":\"multinic0\",\"originalName\":\"eth7\"}}' > /var/lib/multinic/ledger.json",
        );
        let written = machine.root.join(&OURS[1..]);
        fs::write(written, seal("fa:16:3e:00:00:01".parse().unwrap(), "network: {version: 2}\n")).unwrap();
        let run = Command::new(AGENT).arg("cleanup").arg("--host-root").arg(&machine.root).output().unwrap();
        assert!(Path::new("/proc/sys/net/ipv6/conf/eth7").exists(), "{run:?}");
        assert_eq!(
            (machine.text(OURS), machine.text("/var/lib/multinic/ledger.json")),
            (None, None),
            "{run:?}"
        );
        untouched_decoy();
    });
}

/// A root as a pod has it: an empty directory into which the host's `/etc/netplan` is mounted.
fn pod() -> (tempfile::TempDir, PathBuf, HostRoot) {
    let directory = tempfile::tempdir().unwrap();
    let (host, pod) = (directory.path().join("host/netplan"), directory.path().join("pod"));
    fs::create_dir_all(&host).unwrap();
    fs::create_dir_all(pod.join("etc/netplan")).unwrap();
    sh(&format!("mount --bind {} {}", host.display(), pod.join("etc/netplan").display()));
    (directory, host, HostRoot::new(pod))
}

#[test]
fn a_directory_that_was_moved_away_on_the_host_is_not_taken_for_the_one_in_its_place() {
    inside("a_directory_that_was_moved_away_on_the_host_is_not_taken_for_the_one_in_its_place", || {
        let (_directory, host, root) = pod();
        let mut mounts = Mounts::default();
        mounts.check(&root).unwrap();
        fs::write(host.join("50-cloud-init.yaml"), "").unwrap();
        mounts.check(&root).unwrap();
        fs::rename(&host, host.with_extension("old")).unwrap();
        fs::create_dir(&host).unwrap();
        for _ in 0..2 {
            let error = mounts.check(&root).unwrap_err();
            assert!(matches!(&error, FileError::Replaced { path } if path == "/etc/netplan"), "{error}");
        }
        Mounts::default().check(&root).unwrap();
    });
}

#[test]
fn a_directory_that_was_removed_on_the_host_is_not_an_empty_one() {
    inside("a_directory_that_was_removed_on_the_host_is_not_an_empty_one", || {
        let (_directory, host, root) = pod();
        assert_eq!(files::survey(&root).unwrap().0, []);
        fs::remove_dir(&host).unwrap();
        let error = files::survey(&root).unwrap_err();
        assert!(matches!(&error, FileError::Replaced { path } if path == "/etc/netplan"), "{error}");
        assert!(HostError::from(error).explain().contains("restart the agent's pod"));
        for written in [root.may_write(OURS), root.replace(OURS, "ours", 0o600)] {
            assert_eq!(written.unwrap_err().kind(), std::io::ErrorKind::StaleNetworkFileHandle);
        }
        assert!(matches!(Mounts::default().check(&root), Err(FileError::Replaced { .. })));
    });
}
