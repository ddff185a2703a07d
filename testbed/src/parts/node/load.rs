//! What a machine costs the host that it runs on.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};

use super::Node;

/// In the machine's control group: what was put on the node from outside and counts as its own.
const GUESTS: &str = "guests";

impl Node<'_> {
    /// The processor time that everything on the machine has taken since it was started, and its agent since it is
    /// [counted](Self::count_agent). What this process runs there is not in it.
    pub fn cpu_time(&self) -> Result<Duration> {
        let file = self.group()?.join("cpu.stat");
        let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        Ok(Duration::from_micros(usage(&text).context("cpu.stat has no usage_usec")?))
    }

    /// From now on the running agent, and what it starts, is counted with the machine.
    pub fn count_agent(&self) -> Result<()> {
        let guests = self.group()?.join(GUESTS);
        fs::create_dir_all(&guests)?;
        fs::write(guests.join("cgroup.procs"), self.agent()?.id().to_string())?;
        Ok(())
    }

    /// The machine's group in the hierarchy of version 2, where processor time is counted without any controller.
    fn group(&self) -> Result<PathBuf> {
        let machine = self.machine()?;
        let power = machine.power.as_ref().context("a light node has no control group")?;
        let counted = |group: &&PathBuf| {
            fs::read_to_string(group.join("cpu.stat")).is_ok_and(|text| usage(&text).is_some())
        };
        power.groups.iter().find(counted).cloned().context("no control group of version 2")
    }
}

fn usage(cpu_stat: &str) -> Option<u64> {
    cpu_stat.lines().find_map(|line| line.strip_prefix("usage_usec "))?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::usage;

    #[test]
    fn only_version_2_says_how_much_was_used() {
        assert_eq!(usage("usage_usec 1234\nuser_usec 1000\n"), Some(1234));
        assert_eq!(usage("nr_periods 0\nnr_throttled 0\n"), None);
    }
}
