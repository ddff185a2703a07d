use std::{fs, os::unix::fs::symlink};

use super::*;

fn root() -> (tempfile::TempDir, HostRoot) {
    let directory = tempfile::tempdir().unwrap();
    let root = HostRoot::new(directory.path().to_owned());
    fs::create_dir_all(root.at("/etc/netplan")).unwrap();
    (directory, root)
}

#[test]
fn a_file_is_replaced_whole_and_private_and_leaves_nothing_beside_it() {
    let (_directory, root) = root();
    let path = "/etc/netplan/60-multinic-multinic0.yaml";
    for text in ["first", "second, longer", "3"] {
        root.replace(path, text, 0o600).unwrap();
        assert_eq!(root.text(path).unwrap().unwrap(), text);
    }
    assert_eq!(fs::metadata(root.at(path)).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(root.at("/etc/netplan")).unwrap().count(), 1);

    root.remove(path).unwrap();
    root.remove(path).unwrap();
    assert_eq!(root.text(path).unwrap(), None);
}

#[test]
fn links_are_followed_within_the_hosts_root() {
    let (_directory, root) = root();
    fs::create_dir_all(root.at("/opt/site")).unwrap();
    fs::write(root.at("/opt/site/n.yaml"), "theirs").unwrap();
    symlink("/opt/site/n.yaml", root.at("/etc/netplan/40-site.yaml")).unwrap();
    symlink("/nowhere", root.at("/etc/netplan/50-gone.yaml")).unwrap();
    symlink("/dev/null", root.at("/etc/netplan/51-masked.yaml")).unwrap();
    symlink("/etc/netplan", root.at("/etc/linked")).unwrap();

    let listed = root.list("/etc/linked", ".yaml").unwrap();
    let expected = [
        ("40-site.yaml", Ok(b"theirs".to_vec())),
        ("50-gone.yaml", Err(Unread::OutOfSight)),
        ("51-masked.yaml", Ok(Vec::new())),
    ];
    assert_eq!(listed, expected.map(|(name, content)| (name.to_owned(), content)).into());
    root.replace("/etc/linked/60.yaml", "ours", 0o600).unwrap();
    assert_eq!(root.text("/etc/netplan/60.yaml").unwrap().as_deref(), Some("ours"));
}

#[test]
fn the_root_may_be_a_link_and_without_one_nothing_is_called_absent() {
    let (directory, root) = root();
    root.replace("/etc/netplan/60.yaml", "ours", 0o600).unwrap();
    let (link, gone) = (directory.path().join("link"), directory.path().join("gone"));
    symlink(directory.path(), &link).unwrap();
    assert_eq!(HostRoot::new(link).text("/etc/netplan/60.yaml").unwrap().as_deref(), Some("ours"));
    HostRoot::new(gone).read("/etc/netplan/60.yaml").unwrap_err();
}

#[test]
fn only_a_link_to_what_is_not_here_leads_out() {
    let (_directory, root) = root();
    fs::write(root.at("/etc/file"), "").unwrap();
    for (name, to) in [("out", "/opt/site"), ("masked", "/dev/null"), ("within", "/etc/file")] {
        symlink(to, root.at(&format!("/etc/{name}"))).unwrap();
    }
    let found =
        ["out", "masked", "within", "file", "absent"].map(|name| root.leads_out(&format!("/etc/{name}")));
    assert_eq!(found, [true, false, false, false, false]);
}

fn contents(root: &HostRoot, directory: &str) -> BTreeMap<String, Content> {
    root.list(directory, ".yaml").unwrap()
}

#[test]
fn whatever_is_no_file_is_named_and_neither_waited_for_nor_opened() {
    let (_directory, root) = root();
    let at = |name: &str| root.at("/etc/netplan").join(name);
    rustix::fs::mknodat(rustix::fs::CWD, at("10-fifo.yaml"), FileType::Fifo, Mode::RWXU, 0).unwrap();
    let _listening = std::os::unix::net::UnixListener::bind(at("20-socket.yaml")).unwrap();
    fs::create_dir(at("30-directory.yaml")).unwrap();
    symlink("/etc/netplan/10-fifo.yaml", at("40-link-to-fifo.yaml")).unwrap();
    symlink("50-link-to-itself.yaml", at("50-link-to-itself.yaml")).unwrap();
    symlink("/etc", at("60-link-to-directory.yaml")).unwrap();
    fs::write(at("70-large.yaml"), vec![b'#'; 2 << 20]).unwrap();
    fs::write(at("80-largest.yaml"), vec![b'#'; MOST]).unwrap();
    fs::write(at("90-latin1.yaml"), b"# f\xfcr\n").unwrap();

    let found: Vec<_> = contents(&root, "/etc/netplan")
        .into_values()
        .map(|content| content.map(|bytes| bytes.len()))
        .collect();
    let not_a_file = || Err(Unread::NotAFile);
    let expected = [
        not_a_file(),
        not_a_file(),
        Err(Unread::Directory),
        not_a_file(),
        Err(Unread::OutOfSight),
        Err(Unread::Directory),
        Err(Unread::TooLarge),
        Ok(MOST),
        Ok(6),
    ];
    assert_eq!(found, expected);
    assert!(root.text("/etc/netplan/90-latin1.yaml").is_err());
}

#[test]
fn devices_are_not_opened_and_a_file_without_permission_says_so() {
    let root = HostRoot::new(PathBuf::from("/"));
    assert_eq!(root.read("/dev/null").unwrap(), Some(Ok(Vec::new())), "it masks a file");
    assert_eq!(root.read("/dev/zero").unwrap(), Some(Err(Unread::NotAFile)));
    // Not even root may read it.
    assert_eq!(root.read("/proc/sys/net/ipv4/route/flush").unwrap(), Some(Err(Unread::Denied)));
}

#[test]
fn a_directory_of_many_files_is_not_read_without_bounds() {
    let (_directory, root) = root();
    for number in 0..6 {
        fs::write(root.at(&format!("/etc/netplan/{number}.yaml")), vec![b'#'; MOST]).unwrap();
    }
    let read: Vec<_> = contents(&root, "/etc/netplan").into_values().map(|content| content.is_ok()).collect();
    assert_eq!(read, [true, true, true, true, false, false]);
}

#[test]
fn a_directory_that_becomes_a_link_while_it_is_read_is_still_the_one_that_was_listed() {
    let (_directory, root) = root();
    fs::write(root.at("/etc/netplan/50.yaml"), "listed").unwrap();
    fs::create_dir(root.at("/other")).unwrap();
    fs::write(root.at("/other/50.yaml"), "other").unwrap();
    let opened = root.directory_if_any("/etc/netplan").unwrap().unwrap();
    let names = entries(&opened).unwrap();
    fs::rename(root.at("/etc/netplan"), root.at("/etc/old")).unwrap();
    symlink("/other", root.at("/etc/netplan")).unwrap();
    let read: Vec<_> = names
        .iter()
        .map(|name| root.entry(&opened, "/etc/netplan", OsStr::from_bytes(name.to_bytes())))
        .collect();
    assert_eq!(read, [Some(Ok(b"listed".to_vec()))]);
    fs::remove_file(root.at("/etc/old/50.yaml")).unwrap();
    assert_eq!(root.entry(&opened, "/etc/netplan", OsStr::new("50.yaml")), None);
}

#[test]
fn names_that_are_no_text_are_listed_each_by_itself() {
    let (_directory, root) = root();
    for name in [&b"a\xfe.yaml"[..], b"a\xff.yaml"] {
        fs::write(root.at("/etc/netplan").join(OsStr::from_bytes(name)), name).unwrap();
    }
    let expected = [("a\\xfe.yaml", b"a\xfe.yaml"), ("a\\xff.yaml", b"a\xff.yaml")];
    assert_eq!(
        contents(&root, "/etc/netplan"),
        expected.map(|(name, text)| (name.to_owned(), Ok(text.to_vec()))).into()
    );
}

#[test]
fn what_lies_where_a_file_is_made_is_not_written_through() {
    let (_directory, root) = root();
    fs::write(root.at("/victim"), "theirs").unwrap();
    let temporary = root.at("/etc/netplan/.60.yaml.multinic-tmp");
    symlink("/victim", &temporary).unwrap();
    symlink(root.at("/victim"), root.at("/etc/netplan/60.yaml")).unwrap();
    root.replace("/etc/netplan/60.yaml", "ours", 0o600).unwrap();
    assert_eq!(fs::read_to_string(root.at("/etc/netplan/60.yaml")).unwrap(), "ours");
    assert_eq!(fs::read_to_string(root.at("/victim")).unwrap(), "theirs");
    assert!(!temporary.exists() && !root.at("/etc/netplan/60.yaml").is_symlink());

    symlink(root.at("/victim"), root.at("/etc/lock")).unwrap();
    assert!(root.open_or_create("/etc/lock").is_err());
    assert!(root.put("/etc/netplan/60.yaml", b"again", 0o600).is_err());
}

#[test]
fn what_is_left_of_a_file_that_was_not_written_to_its_end_goes_with_the_file() {
    let (_directory, root) = root();
    let half = root.at("/etc/netplan/.60.yaml.multinic-tmp");
    for whole in [true, false] {
        if whole {
            root.replace("/etc/netplan/60.yaml", "whole", 0o600).unwrap();
        }
        fs::write(&half, "hal").unwrap();
        root.remove("/etc/netplan/60.yaml").unwrap();
        assert!(!half.exists() && !root.at("/etc/netplan/60.yaml").exists());
    }
}
