//! A site behind the LAN: a router on it, and a client behind the router, of whom the node knows nothing.
//!
//! ```text
//!  node ── lan0 ── router ── client
//!          10.2N.0.254   10.12N.0.1   10.12N.0.2
//!          2001:db8:2N::fe            2001:db8:12N::2
//! ```

use anyhow::{Result, ensure};

use crate::sandbox::fabric::LAN;
use crate::sandbox::testbed::Testbed;

const SCRIPT: &str = r#"
n=$1 lan=$2
ip netns add router$n
ip netns add client$n
ip link add site$n type veth peer name lan netns router$n
ip link set site$n master "$lan" up
ip -netns router$n link add client type veth peer name router netns client$n
at() { ip -netns "$@"; }
at router$n address add 10.2$n.0.254/24 dev lan
at router$n address add 2001:db8:2$n::fe/64 dev lan nodad
at router$n address add 10.12$n.0.1/24 dev client
at router$n address add 2001:db8:12$n::1/64 dev client nodad
at client$n address add 10.12$n.0.2/24 dev router
at client$n address add 2001:db8:12$n::2/64 dev router nodad
at router$n link set lan up
at router$n link set client up
at client$n link set router up
at client$n route add default via 10.12$n.0.1
at client$n -6 route add default via 2001:db8:12$n::1
ip netns exec router$n sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding'
"#;

/// Connects to `$1` as often as `$3` says, to the port `$2`, and counts the answers.
const CALL: &str = r#"
answered=0
for call in $(seq "$3"); do
    if timeout 3 bash -c 'exec 3<>"/dev/tcp/$0/$1" && read -r line <&3 && [ "$line" = hello ]' "$1" "$2" 2> /dev/null; then
        answered=$((answered + 1))
    fi
done
echo "$answered"
"#;

/// A router and a client behind it.
pub struct Site<'bed> {
    bed: &'bed Testbed,
    number: u8,
}

impl Testbed {
    /// The site with this number, from 0 to 9.
    pub fn site(&self, number: u8) -> Result<Site<'_>> {
        self.spawner()?.run(&["sh", "-ec", SCRIPT, "site", &number.to_string(), LAN])?;
        Ok(Site { bed: self, number })
    }
}

impl Site<'_> {
    /// The subnet that the router is on, by which a node has a NIC there.
    #[must_use]
    pub fn addresses_of_a_nic(&self) -> [String; 2] {
        [format!("10.2{}.0.1/24", self.number), format!("2001:db8:2{}::1/64", self.number)]
    }

    /// The router, as the node sees it.
    #[must_use]
    pub fn gateways(&self) -> [String; 2] {
        [format!("10.2{}.0.254", self.number), format!("2001:db8:2{}::fe", self.number)]
    }

    /// Runs a command on the router, whose link to the node is called `lan`.
    pub fn on_router(&self, argv: &[&str]) -> Result<String> {
        let router = format!("router{}", self.number);
        self.bed.spawner()?.run(&[&["ip", "netns", "exec", &router], argv].concat())
    }

    /// Has the client call `port` of `address` so many `times`; fails where one call is not answered.
    pub fn calls(&self, address: &str, port: u16, times: u32) -> Result<()> {
        let (client, port, times) = (format!("client{}", self.number), port.to_string(), times.to_string());
        let argv = ["ip", "netns", "exec", &client, "bash", "-c", CALL, "call", address, &port, &times];
        let answered = self.bed.spawner()?.run(&argv)?;
        ensure!(
            answered.trim() == times,
            "{client} got {} of {times} answers from {address}",
            answered.trim()
        );
        Ok(())
    }
}
