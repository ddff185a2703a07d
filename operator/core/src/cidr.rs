//! The `cidr` of a subnet.

use ipnet::IpNet;
use multinic_crds::{Explanation, InterfaceAddress, Reason};

/// The network that is written there, with host bits perhaps.
pub(crate) fn network(cidr: &str) -> Result<IpNet, Explanation> {
    let fault = |error| Explanation::new(Reason::InvalidAddress, format!("cidr of the subnet: {error}"));
    // Not `IpNet`'s own parser: this one is as strict about zeros and signs as the API server.
    cidr.parse::<InterfaceAddress>().map(|subnet| subnet.net().trunc()).map_err(fault)
}
