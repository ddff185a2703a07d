//! Every CamelCase word that says why, defined once: conditions, NICs and the metric of
//! rejected rows use no other, and the documentation prints this list.

use std::fmt;

/// Where a reason shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// `reason` of one NIC in `.status.interfaces` (agent).
    Nic,
    /// The conditions `Ready` and `Degraded`, which always give the same reason (agent).
    Ready,
    /// The condition `Progressing` (agent).
    Progressing,
    /// The condition `NodeAddressLeaked` (agent).
    NodeAddressLeaked,
    /// The condition `Synced` (operator).
    Synced,
    /// A rejected row: the operator's log and the metric `multinic_rejected_rows` (operator).
    Row,
    /// What nobody who writes an object can say in it: `multinic-operator explain`, which sees Nodes and objects side by side.
    Explain,
}

impl Scope {
    /// The place, in the words of the object.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nic => "NIC",
            Self::Ready => "Ready, Degraded",
            Self::Progressing => "Progressing",
            Self::NodeAddressLeaked => "NodeAddressLeaked",
            Self::Synced => "Synced",
            Self::Row => "rejected row",
            Self::Explain => "explain",
        }
    }

    /// Who writes there.
    #[must_use]
    pub const fn writer(self) -> &'static str {
        match self {
            Self::Nic | Self::Ready | Self::Progressing | Self::NodeAddressLeaked => "agent",
            Self::Synced | Self::Row | Self::Explain => "operator",
        }
    }
}

/// One entry for each word, so that no part of it can be forgotten or drift from the others.
macro_rules! reasons {
    ($($word:ident [$($scope:ident)+] $meaning:literal $remedy:literal)+) => {
        /// Why something is as it is: one word, the same in conditions, NICs, logs and metrics.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason {
            $(#[doc = $meaning] $word,)+
        }

        impl Reason {
            /// Every reason, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$word,)+];

            /// The word.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$word => stringify!($word),)+ }
            }

            /// What it says, to the person who sees it.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$word => $meaning,)+ }
            }

            /// What that person can do about it; `nothing: …` where there is nothing to do.
            #[must_use]
            pub const fn remedy(self) -> &'static str {
                match self { $(Self::$word => $remedy,)+ }
            }

            /// Where it shows.
            #[must_use]
            pub const fn scopes(self) -> &'static [Scope] {
                match self { $(Self::$word => &[$(Scope::$scope),+],)+ }
            }
        }
    };
}

reasons! {
    Configured [Nic Ready]
        "Everything is as wanted, read back from the kernel."
        "nothing: all is well"
    NoCarrier [Nic]
        "The NIC is configured, and nothing answers at the other end of its cable."
        "look at the Neutron port: is it bound, and its admin state up?"
    GatewaySilent [Nic Ready]
        "The NIC is configured, and a router that it needs does not answer on its network."
        "look at the router, and at the network and the security groups of the Neutron port"
    MtuTooLarge [Nic Ready]
        "The NIC is configured, and packets as large as its MTU do not pass to its router and back."
        "give `mtu` in the row the size that passes, or have the network carry more"
    WireUnavailable [Nic Ready]
        "The NIC is configured, and the agent cannot ask the NIC's network whether it works."
        "give the agent's container NET_RAW, or take `verify: wire` off the NIC"
    Applying [Nic Ready Progressing]
        "The agent is at work on it."
        "nothing: it takes seconds"
    Settled [Progressing]
        "The agent has done what could be done."
        "nothing: `Ready` says how it went"
    DryRun [Nic Ready]
        "`spec.mode` is `DryRun`, so the message only says what would be done."
        "set `spec.mode` to `Enforce` to have it done"
    Paused [Nic Ready]
        "`spec.mode` is `Paused`, so nothing is touched."
        "set `spec.mode` to `Enforce` to go on"
    UnsupportedHost [Nic Ready]
        "Nothing that multinic knows configures the node's network, or several things do, so nothing is touched."
        "see the message for what was found; run these NICs on a node that is supported; it is noticed when that changes"
    DeviceMissing [Nic Ready]
        "The node has no NIC with this MAC address."
        "attach the port to this VM, or delete its row; it is configured the moment it appears"
    Unlisted [Nic]
        "The object is new and does not list this NIC, which an earlier one asked for, so it is kept for now."
        "insert its row again to keep it; otherwise nothing, or what the condition `Synced` says"
    Removing [Ready]
        "A NIC that is no longer wanted cannot be given back yet; its own reason says why."
        "do what the NIC's own message says"

    InterfaceRefused [Ready]
        "At least one NIC is not ours to touch; its own reason says why."
        "do what the NIC's own message says"
    ProtectedInterface [Nic]
        "The node lives by this link, or it is part of another one, so it is never touched."
        "delete its row, or correct the MAC address in it"
    ForeignConfiguration [Nic]
        "A file that multinic did not write configures this NIC, or claims its name."
        "exclude it in that file without removing what the uplink lives by, or delete its row"
    EditedByHand [Nic]
        "Somebody edited the boot file that multinic wrote for this NIC."
        "delete the file to have it written again, or to let the NIC go"
    InUse [Nic]
        "The NIC has addresses or routes that multinic did not give it, so somebody uses it."
        "take them off the NIC, or delete its row"
    NameInUse [Nic]
        "Another link has the name that this NIC should get, and keeps it."
        "rename the other link, or do what its own message says"
    AmbiguousMac [Nic]
        "More than one link has this MAC address, so none is chosen."
        "see to it that one link alone has it, or delete its row"
    SubnetConflict [Nic]
        "Another link of the node is in the same subnet, or has the same address."
        "give the port an address in a subnet that the node does not use elsewhere"
    ReservedAddress [Nic]
        "The NIC's address, its subnet, or a route over it would take over what the node itself needs."
        "give the port another address, correct the prefix of its subnet, or leave the route out"
    RoutingConflict [Nic]
        "Somebody else uses the routing table, or the priority of rules, from which this NIC is to answer."
        "give the other route or rule another table or priority, or take sourceRouting off the NIC"
    InvalidMtu [Nic Row]
        "The MTU is no MTU, or one that the device or its IPv6 address cannot have."
        "correct `mtu` in the row, or set it to 0 for the device's own"
    Ipv6Disabled [Nic]
        "The NIC is to have an IPv6 address, and IPv6 is off on it, so nothing is touched."
        "turn IPv6 on as the message says, or take the IPv6 address out of the row"
    InvalidSpec [Nic Ready]
        "An entry of the object cannot be read, or contradicts another one, so it is left as it is."
        "correct the object where the message points"

    InterfaceFailed [Ready]
        "At least one NIC could not be configured; its own reason says why."
        "do what the NIC's own message says; it is tried again at growing intervals"
    ApplyFailed [Nic]
        "The kernel did not take a change, so the NIC is as it was before."
        "see the kernel's answer in the message; it is tried again at growing intervals"
    VerifyFailed [Nic]
        "The kernel took every change and does not show the result, so the NIC is as it was before."
        "find out what else configures the NIC; it is tried again at growing intervals"
    AddressConflict [Nic]
        "Another host already answers for an address of this NIC."
        "change the address of one of the two"
    AddressInUse [Nic]
        "Another host has an address of this NIC, as the NIC's network says, so the NIC does not get it."
        "give one of the two another address; it is asked for again at growing intervals"
    AddressTentative [Nic]
        "The kernel does not finish probing whether an IPv6 address is free."
        "look at the carrier of the NIC and at its network"
    AwaitingAddress [Nic Ready]
        "The NIC gets its address from its network, and none has come yet."
        "nothing: a server or a router answers within seconds, or the reason changes"
    NoLease [Nic]
        "The NIC gets its address from a DHCP server, and none answers."
        "see that DHCP is on in the NIC's subnet, and that its port lets it through; it is asked again by itself"
    LeaseUnusable [Nic]
        "The NIC's network gives it an address or routes that it cannot have beside the other NICs."
        "correct the subnet or the object as the message says; until then the NIC has no address"
    LeaseLost [Nic]
        "The NIC had an address from a DHCP server, which ended or was taken back, and there is no new one."
        "see that DHCP is on in the NIC's subnet, and that the port still has the address; it is asked again by itself"
    DeviceGone [Nic]
        "The NIC was unplugged while it was being configured."
        "nothing: it is configured when it is back"
    ChangedMeanwhile [Nic]
        "The NIC changed while its change was prepared, so nothing was touched."
        "nothing: it is planned anew"
    FenceChanged [Nic]
        "A link that the node lives by changed at the same time, so the change was taken back."
        "nothing, unless it stays: then find out what changes the node's uplink"
    SelfFenced [Nic]
        "Each attempt to change the NIC changed a link that the node lives by, so it is not tried again."
        "find out how the two depend on each other; then change the NIC's row, or ask by `multinic.io/retry` for another attempt"
    Interrupted [Nic]
        "The agent, or its node, ended in the middle of a change of the NIC, which was taken back."
        "nothing: it is tried again; the log of the agent that ended says why, or `kubectl describe pod`"
    RollbackFailed [Nic]
        "A change failed, and so did taking it back, so the NIC is not touched any more."
        "put right what the message says is left; then ask by `multinic.io/retry` for another attempt, or change the row"
    NotPersisted [Nic]
        "The NIC's files for the next boot cannot be written or removed, so the NIC is as it was before."
        "make the file's directory writable, in the agent's pod too, with space left on it"
    ManagerUnreachable [Nic]
        "What configures the node's network cannot be told that the NIC changes, so the NIC is as it was before."
        "see that NetworkManager or wickedd runs, and that the chart's value agent.backends names it"
    InvalidBootConfig [Nic]
        "The node's own tools do not take the NIC's boot file, so nothing was touched."
        "see the tool's complaint in the message; correct the row"
    HostNetplanInvalid [Nic]
        "The node's own netplan files are invalid, so at the next boot netplan may configure nothing at all."
        "correct the netplan file in the message; `netplan get` on the node reads them all"
    MergeConflict [Nic]
        "With the NIC's boot file changed or removed, the node would configure other links differently at the next boot, or none."
        "take the NIC out of the file in the message"
    NetplanTry [Nic]
        "Somebody runs `netplan try` on the node, which may take files back, so no file is changed."
        "confirm or end `netplan try`; where none runs, remove /run/netplan/netplan-try.ready"
    Contended [Nic]
        "Something else keeps changing the NIC, or taking it away, so it is left alone for a while."
        "find out what on the node changes it, and stop that"

    NicAddressOnNode [NodeAddressLeaked]
        "The Node's addresses include one of a NIC that multinic configures, so the cluster may look for it there."
        "set `internal-network-name` in cloud.conf of OpenStack's cloud controller manager, or the kubelet's `--node-ip`"
    NodeAddressesOwn [NodeAddressLeaked]
        "The Node's addresses no longer include one of a NIC that multinic configures."
        "nothing: all is well"

    KernelUnreadable [Nic Ready]
        "The kernel does not say what its links are, so nothing is touched."
        "see the kernel's answer in the message; the agent needs the host's network and NET_ADMIN"
    HostFilesUnreadable [Nic Ready]
        "A directory of the node cannot be read, or was replaced, so nobody knows what others configure, and nothing is touched."
        "restart the agent's pod where a directory was replaced; otherwise have root own it, or make it readable to all"
    HostFilesUnwritable [Nic Ready]
        "The agent cannot write down what it is about to do, so nothing is touched."
        "make the directory writable, in the agent's pod too, with space left on it"
    LedgerUnreadable [Nic Ready]
        "The agent's record of what it did on the node, or to the NIC, is damaged, so nothing is touched."
        "repair the file, or remove it: boot files then tell which NICs are ours, but not what they were before"
    JournalUnreadable [Nic Ready]
        "The agent's record of a change that was under way when it ended is damaged, so nothing is touched."
        "look at the NICs by `ip address` and put right what is half done; then remove the file"
    LockUnavailable [Nic Ready]
        "The agent cannot make sure that no other agent acts on the node, so nothing is touched."
        "make /run/multinic writable in the agent's pod, and end any other agent on the node"
    ValidationUnavailable [Nic Ready]
        "The node's own netplan or wicked cannot be asked about the boot files, so nothing is touched."
        "make /run/multinic writable in the agent's pod, give it SYS_CHROOT, and see that the node's own tools work"

    Synced [Synced]
        "The object asks for exactly what the table says."
        "nothing: all is well"
    InvalidRows [Synced]
        "Rows of this node cannot be used; the message names each, and all others are used."
        "correct or delete the rows"
    NoFreeSlot [Synced Row]
        "The node has more rows than slots, so the surplus is not used."
        "delete rows, or raise `operator.maxInterfaces` (at most 20)"
    RowsMissing [Synced]
        "Rows of NICs that the object asks for are missing; the NICs go once that is certain."
        "insert the rows again to keep the NICs; otherwise nothing"
    UnmatchedRows [Synced]
        "Rows of NICs that the object has name servers that are no Nodes here, so the NICs stay as they are."
        "correct the name in the row, or put it into the annotation `multinic.io/openstack-names` of the Node"
    SameMachine [Synced]
        "Another Node is the same machine, so NICs that the object does not list stay as they are."
        "delete the Node that is no more, or give each machine a system UUID of its own"
    ShrinkGuard [Synced]
        "Most NICs of this Node, or of all, would go at once, so they are kept until somebody confirms."
        "insert the rows again, or run the command in the message to let these NICs go"
    SpecRefused [Synced]
        "The API server does not take what the table asks for."
        "see its answer in the message; upgrade the CRD where it is older than the operator"
    DatabaseUnavailable [Synced]
        "The table cannot be read, so every NIC is kept."
        "see the operator's log for the error; it is read again by itself"
    TableUnusable [Synced]
        "The table lacks columns that are needed, so every NIC is kept."
        "add the columns in the message, or grant the database user SELECT on them"

    InvalidMacAddress [Row]
        "`macaddress` is missing, or not the MAC address of a NIC."
        "write the MAC address of the Neutron port"
    InvalidPortId [Row]
        "`port_id` is missing, or not an identifier."
        "write the id of the Neutron port"
    InvalidSubnetId [Row]
        "`subnet_id` is not an identifier."
        "write the id of the Neutron subnet, or leave it empty"
    InvalidNode [Row]
        "Neither `attached_node_id` nor `attached_node_name` can be read."
        "write the name of the server that has the port"
    InvalidAddress [Row]
        "`address`, or the `cidr` of its subnet, cannot be used."
        "write an address within its subnet, and the subnet's cidr in multi_subnet"
    InvalidAddressing [Row]
        "The row has no address, and `enable_dhcp` or `ipv6_ra_mode` of its subnet cannot be read."
        "write what Neutron says: `enable_dhcp` 0 or 1, `ipv6_ra_mode` slaac, dhcpv6-stateful or dhcpv6-stateless"
    InvalidGateway [Row]
        "Replies are to leave by the NIC, and its subnet's gateway cannot be read, or is not in the subnet."
        "correct `gateway_ip` in multi_subnet, or the chart's value `networking.subnets`"
    InvalidHostRoutes [Row]
        "`host_routes` of the subnet cannot be read, or makes too many routes."
        "write a list as Neutron does, such as `[{\"destination\": \"10.30.0.0/16\", \"nexthop\": \"10.20.0.1\"}]`"
    AmbiguousNode [Row]
        "More than one Node could be meant by the row."
        "write the full name of the server, or its id in `attached_node_id`"
    DuplicateMacAddress [Row]
        "More than one row has this MAC address, so none of them is used."
        "keep one of the rows"

    NodeNotReady [Explain]
        "The Node is not Ready, so what its agent said may no longer hold."
        "look at the machine and its kubelet: `kubectl describe node` says why"
    NodeRebooted [Explain]
        "The node was rebooted, and its agent has not reported since."
        "nothing for a minute; then look at the agent's pod on the node, and at its log"
    NoObject [Explain]
        "The Node has no `NodeNetworkConfig`."
        "look at the operator's log: it makes one for every Node"
    NodeGone [Explain]
        "The Node of this object is no more."
        "nothing: garbage collection removes the object in a minute or so"
    NeverReported [Explain]
        "No agent has ever reported on this Node."
        "look at the DaemonSet's pod on the node, and at its log; leave out nodes without an agent by --selector"
    ReportOutdated [Explain]
        "The agent has not reported on the newest spec."
        "nothing for a few seconds; then look at the agent's pod on the node, and at its log"
    NotApplied [Explain]
        "The agent has not applied the newest spec in full, and no NIC says why."
        "nothing for a few seconds; then look at the log of the agent's pod on the node"
    VersionSkew [Explain]
        "The node's agent has another version than most agents."
        "wait for the end of an upgrade: `kubectl rollout status`; then look at the agent's pod on the node"
}

impl Reason {
    /// Whether it goes by itself, and soon: no fault of anybody.
    #[must_use]
    pub const fn passes(self) -> bool {
        matches!(self, Self::Applying | Self::ChangedMeanwhile | Self::AwaitingAddress)
    }

    /// Whether nothing is wrong: it goes by itself, or somebody asked for it.
    #[must_use]
    pub const fn is_no_fault(self) -> bool {
        self.passes() || matches!(self, Self::DryRun | Self::Paused)
    }

    /// Whether it keeps an agent from its work on the whole node, its look at the NICs perhaps. What such an agent said of
    /// its NICs earlier proves nothing.
    #[must_use]
    pub const fn is_obstacle(self) -> bool {
        matches!(
            self,
            Self::UnsupportedHost
                | Self::KernelUnreadable
                | Self::HostFilesUnreadable
                | Self::HostFilesUnwritable
                | Self::LedgerUnreadable
                | Self::JournalUnreadable
                | Self::LockUnavailable
                | Self::ValidationUnavailable
        )
    }

    /// Whether an agent that says so of its node does not look at its NICs, and so says nothing of the newest spec: something
    /// is in its way, or somebody paused it.
    #[must_use]
    pub const fn keeps_from_looking(self) -> bool {
        self.is_obstacle() || matches!(self, Self::Paused)
    }

    /// Whether a NIC is right in the kernel, and its network does not say that it works.
    #[must_use]
    pub const fn is_unproven(self) -> bool {
        matches!(self, Self::GatewaySilent | Self::MtuTooLarge | Self::WireUnavailable)
    }

    /// The reason of this name.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|reason| reason.as_str() == word)
    }

    /// Whether it may show there.
    #[must_use]
    pub fn shows_in(self, scope: Scope) -> bool {
        self.scopes().contains(&scope)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// What the API conventions allow as a condition's reason, and a reader as a word.
    fn is_camel_case(word: &str) -> bool {
        word.starts_with(|c: char| c.is_ascii_uppercase())
            && word.chars().all(|c| c.is_ascii_alphanumeric())
            && word.chars().any(|c| c.is_ascii_lowercase())
    }

    #[test]
    fn every_word_is_camel_case_and_unique() {
        let words: BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
        assert_eq!(words.len(), Reason::ALL.len());
        assert_eq!(words.into_iter().filter(|word| !is_camel_case(word)).collect::<Vec<_>>(), [""; 0]);
    }

    #[test]
    fn every_reason_says_what_it_means_in_one_sentence_and_what_to_do() {
        for reason in Reason::ALL {
            let (meaning, remedy) = (reason.meaning(), reason.remedy());
            assert!(meaning.ends_with('.') && !meaning.trim_end_matches('.').contains(". "), "{meaning}");
            // It is appended to messages, which end without a full stop.
            assert!(!remedy.is_empty() && !remedy.ends_with('.') && remedy.len() < 120, "{remedy}");
        }
    }

    #[test]
    fn no_scope_is_named_twice_for_one_reason() {
        for reason in Reason::ALL {
            let scopes: BTreeSet<_> = reason.scopes().iter().collect();
            assert_eq!(scopes.len(), reason.scopes().len(), "{reason}");
        }
    }
}
