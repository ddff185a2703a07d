//! Measuring harm: what happened to the NICs that nobody may touch.
//!
//! While a [`Monitor`] runs, the kernel's own notifications are recorded and the uplink is pinged ten times a second.
//! The uplink also carries what a CNI would leave there: an address, routes and rules that no file mentions.

use std::cell::Cell;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use nix::sys::signal::Signal;

use crate::parts::node::{Node, UPLINK};
use crate::sandbox::eventually::{SOON, eventually};
use crate::sandbox::fabric::GATEWAY;
use crate::sandbox::process::Process;

const FOREIGN_ADDRESS: &str = "198.51.100.7/32";
const FOREIGN_ROUTE: &str = "203.0.113.0/24";
const FOREIGN_TABLE: &str = "100";
const FOREIGN_RULES: [&str; 3] = ["11000", "11001", "11002"];

/// Records from its start to [`Monitor::finish`].
pub struct Monitor<'node> {
    node: &'node Node<'node>,
    notifications: Process,
    ping: Process,
    marks: Cell<u16>,
}

/// What was recorded about the uplink.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Harm {
    /// Notifications about the uplink's link, addresses and routes, and about any rule.
    pub notifications: Vec<String>,
    /// Pings without an answer.
    pub lost_pings: u32,
    /// Foreign addresses, routes and rules that are gone.
    pub lost_state: Vec<String>,
}

impl Harm {
    /// How many foreign addresses, routes and rules there are.
    pub const MARKS: usize = 3 + FOREIGN_RULES.len();
}

impl Node<'_> {
    /// Leaves on the uplink what a CNI would, and records everything from here on.
    ///
    /// What the kernel announces at the end of something earlier, as of an address that it has probed, is let pass.
    pub async fn monitor(&self) -> Result<Monitor<'_>> {
        self.leave_foreign_state()?;
        eventually("the kernel to have probed every address", SOON, async || {
            let links = self.links()?;
            let probing: Vec<_> = links.iter().filter(|link| link.probing).collect();
            ensure!(probing.is_empty(), "{probing:?}");
            Ok(())
        })
        .await?;
        let mut ip = Command::new("ip");
        ip.args(["-oneline", "-tshort", "monitor", "link", "address", "route", "rule"]);
        let mut ping = Command::new("ping");
        ping.args(["-n", "-i", "0.1", &GATEWAY.to_string()]);
        let number = self.next_monitor();
        let monitor = Monitor {
            node: self,
            notifications: self.start_process(&format!("monitor-{number}"), ip)?,
            ping: self.start_process(&format!("ping-{number}"), ping)?,
            marks: Cell::new(0),
        };
        monitor.catch_up().await?;
        eventually("the first ping to be answered", SOON, async || {
            ensure!(monitor.ping.log()?.contains("bytes from"), "no answer");
            Ok(())
        })
        .await?;
        Ok(monitor)
    }

    /// What is left of it from before stays as it is.
    fn leave_foreign_state(&self) -> Result<()> {
        let gateway = GATEWAY.to_string();
        let via = ["via", &gateway, "dev", UPLINK];
        self.exec(&["ip", "address", "replace", FOREIGN_ADDRESS, "dev", UPLINK])?;
        self.exec(&[&["ip", "route", "replace", FOREIGN_ROUTE], &via[..]].concat())?;
        self.exec(&[&["ip", "route", "replace", "default"], &via[..], &["table", FOREIGN_TABLE]].concat())?;
        let lost = self.lost_state()?;
        for priority in FOREIGN_RULES {
            if lost.contains(&format!("rule {priority}")) {
                let leads = ["from", FOREIGN_ADDRESS, "table", FOREIGN_TABLE];
                self.exec(&[&["ip", "rule", "add", "priority", priority], &leads[..]].concat())?;
            }
        }
        Ok(())
    }

    /// The foreign state that is not there.
    fn lost_state(&self) -> Result<Vec<String>> {
        let rules = self.exec(&["ip", "rule", "show"])?;
        let foreign_table = self.exec(&["ip", "route", "show", "table", "all"])?;
        let mut lost = Vec::new();
        if !self.links()?.iter().any(|link| link.addresses.iter().any(|address| address == FOREIGN_ADDRESS)) {
            lost.push(format!("address {FOREIGN_ADDRESS}"));
        }
        for route in [FOREIGN_ROUTE.to_owned(), format!("table {FOREIGN_TABLE} ")] {
            if !foreign_table.contains(&route) {
                lost.push(format!("route {route}"));
            }
        }
        for priority in FOREIGN_RULES {
            if !rules.contains(&format!("{priority}:")) {
                lost.push(format!("rule {priority}"));
            }
        }
        Ok(lost)
    }
}

impl Monitor<'_> {
    /// All that is recorded by now, which may not be all that has happened: to look without disturbing anything.
    pub fn record(&self) -> Result<String> {
        self.notifications.log()
    }

    /// Everything recorded about the link that has, or had, this name. What happened before the call is in it.
    pub async fn about(&self, name: &str) -> Result<Vec<String>> {
        self.catch_up().await?;
        Ok(self.notifications.log()?.lines().filter(|line| mentions(line, name)).map(str::to_owned).collect())
    }

    /// Ends the recording and says what happened to the uplink.
    pub async fn finish(mut self) -> Result<Harm> {
        self.catch_up().await?;
        // On an interrupt, ping counts up.
        self.ping.signal(Signal::SIGINT)?;
        self.ping.ended().await?;
        Ok(Harm {
            notifications: uplink_lines(&self.notifications.log()?),
            lost_pings: lost_pings(&self.ping.log()?)?,
            lost_state: self.node.lost_state()?,
        })
    }

    /// Waits until all that has happened so far is recorded: notifications come in order, so a last one is made.
    async fn catch_up(&self) -> Result<()> {
        self.marks.set(self.marks.get() + 1);
        let [high, low] = self.marks.get().to_be_bytes();
        let mark = format!("127.1.{high}.{low}/32");
        eventually("the monitor to catch up", SOON, async || {
            // Again and again: the first may come before the monitor listens.
            self.node.exec(&["ip", "address", "add", &mark, "dev", "lo"])?;
            self.node.exec(&["ip", "address", "delete", &mark, "dev", "lo"])?;
            ensure!(self.notifications.log()?.contains(&mark), "{mark} is not recorded");
            Ok(())
        })
        .await
    }
}

/// Lines about the uplink, and about rules, which belong to no link.
fn uplink_lines(log: &str) -> Vec<String> {
    log.lines()
        .filter(|line| mentions(line, UPLINK) || line.contains(":\tfrom "))
        .map(str::to_owned)
        .collect()
}

/// Whether a notification is about the link `name`; `eth1` is not about `eth10`.
fn mentions(line: &str, name: &str) -> bool {
    line.split([' ', '\t', '\\']).any(|word| word.split(['@', ':']).next() == Some(name))
}

fn lost_pings(log: &str) -> Result<u32> {
    let counts =
        log.lines().find(|line| line.contains("packets transmitted")).context("ping did not count up")?;
    let mut numbers = counts.split(|c: char| !c.is_ascii_digit()).filter_map(|word| word.parse::<u32>().ok());
    let (sent, received) =
        numbers.next().zip(numbers.next()).with_context(|| format!("cannot read {counts:?}"))?;
    // One may be under way.
    Ok((sent - received).saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::{lost_pings, mentions};

    #[test]
    fn a_name_is_not_mentioned_by_a_longer_one() {
        let line = "[2026-11-23T14:00:00.000000] 4: eth10@if9: <BROADCAST,MULTICAST> mtu 1500";
        assert!(mentions(line, "eth10"));
        assert!(!mentions(line, "eth1"));
        assert!(mentions("[2026] Deleted 10.0.0.0/24 dev eth1 proto kernel", "eth1"));
    }

    #[test]
    fn only_the_last_ping_may_be_unanswered() {
        let count = |text| lost_pings(text).unwrap();
        assert_eq!(count("11 packets transmitted, 10 received, 9.1% packet loss, time 1000ms"), 0);
        assert_eq!(count("11 packets transmitted, 8 received, +1 errors, 27% packet loss, time 1000ms"), 2);
    }
}
