//! Every permission that the chart grants, and what is seen without it.

use serde_json::{Value, json};

/// One permission less.
pub(super) struct Loss {
    /// As in the table.
    pub(super) permission: String,
    pub(super) taken: Taken,
    pub(super) seen: Seen,
    /// What breaks, as in the table.
    pub(super) consequence: &'static str,
}

/// How a permission is taken away.
pub(super) enum Taken {
    /// A value of the agent's pod, by its JSON pointer, is another one.
    Pod(&'static str, fn() -> Value),
    /// One of the agent's capabilities is not added.
    Capability(&'static str),
    /// A directory of the host is not mounted.
    Sight(&'static str),
    /// A directory of the host is mounted read-only.
    Writing(&'static str),
    /// A role has a verb less on a resource.
    Verb { part: Part, resource: &'static str, verb: &'static str },
}

/// Whose role it is.
#[derive(Clone, Copy)]
pub(super) enum Part {
    Agent,
    Operator,
    /// One of several operators.
    Candidate,
}

impl Part {
    pub(super) const fn role(self) -> &'static str {
        match self {
            Self::Agent => "clusterrole/multinic-agent",
            Self::Operator => "clusterrole/multinic-operator",
            Self::Candidate => "role/multinic-operator-lease",
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Operator => "operator",
            Self::Candidate => "two operators",
        }
    }
}

/// Where the loss shows, on a node that gets one more NIC, or has one less.
pub(super) enum Seen {
    /// The state and reason of the NIC whose row has just been written.
    Nic(&'static str, &'static str),
    /// The same, while a file of the administrator configures that NIC. With all permissions it is refused.
    Taken { file: &'static str, text: fn(&str, &str) -> String },
    /// The reason of the object's condition `Ready`, while there is a NIC to configure.
    Ready(&'static str),
    /// The state and reason of a NIC whose row is gone.
    Leaving(&'static str, &'static str),
    /// The object does not say in which boot it was written.
    BootUnknown,
    /// A part of what the agent logs of a NIC that is to get its address by `DHCPv6`.
    Unleased(&'static str),
    /// A part of what the agent logs.
    AgentLog(&'static str),
    /// The API server's words in the log of whoever lost the verb.
    Denied,
}

pub(super) fn of_agents() -> Vec<Loss> {
    let groups = [
        powers(),
        sight_of_the_host(),
        sight_of_others(),
        vec![sight_of_boots()],
        writing(),
        verbs_of_agents(),
    ];
    groups.into_iter().flatten().collect()
}

/// What an agent is, and may do to the kernel.
fn powers() -> Vec<Loss> {
    vec![
        Loss {
            permission: "agent: `NET_ADMIN`".to_owned(),
            taken: Taken::Capability("NET_ADMIN"),
            seen: Seen::Nic("Failed", "ApplyFailed"),
            consequence: "no NIC is changed: `Failed`, `ApplyFailed`",
        },
        Loss {
            permission: "agent: `NET_RAW`".to_owned(),
            taken: Taken::Capability("NET_RAW"),
            seen: Seen::AgentLog("cannot announce addresses"),
            consequence: "neighbours find addresses late, and no network is asked: the agent logs that, and NICs with `verify: wire` say `WireUnavailable`, and those with `dhcp4` get no address",
        },
        Loss {
            permission: "agent: `SYS_CHROOT`".to_owned(),
            taken: Taken::Capability("SYS_CHROOT"),
            seen: Seen::Ready("ValidationUnavailable"),
            consequence: "no boot file can be checked, so no NIC is changed: `Ready` is `False`, `ValidationUnavailable`",
        },
        Loss {
            permission: "agent: `NET_BIND_SERVICE`".to_owned(),
            taken: Taken::Capability("NET_BIND_SERVICE"),
            seen: Seen::Unleased("cannot ask for a lease"),
            consequence: "NICs with `dhcp6` get no address, and the agent logs why",
        },
        Loss {
            permission: "agent: uid 0".to_owned(),
            taken: Taken::Pod("/spec/securityContext/runAsUser", || json!(65532)),
            seen: Seen::Ready("LockUnavailable"),
            consequence: "the node's lock cannot be taken, so nothing is done: `Ready` is `False`, `LockUnavailable`",
        },
        Loss {
            permission: "agent: `hostNetwork`".to_owned(),
            taken: Taken::Pod("/spec/hostNetwork", || json!(false)),
            seen: Seen::AgentLog("failed to listen on"),
            consequence: "the agent is where neither the node's address nor its NICs are: it cannot listen, ends and says so",
        },
        Loss {
            permission: "agent: its token".to_owned(),
            taken: Taken::Pod("/spec/automountServiceAccountToken", || json!(false)),
            seen: Seen::AgentLog("failed to find the API server"),
            consequence: "it cannot read its object; the agent ends and says so",
        },
    ]
}

/// What says that the host is one on which an agent can work.
fn sight_of_the_host() -> Vec<Loss> {
    vec![
        Loss {
            permission: "agent: see `/usr`".to_owned(),
            taken: Taken::Sight("usr"),
            seen: Seen::Nic("Pending", "UnsupportedHost"),
            consequence: "whether netplan is there is unknown, so no NIC is changed: `Pending`, `UnsupportedHost`",
        },
        Loss {
            permission: "agent: see `/lib`".to_owned(),
            taken: Taken::Sight("lib"),
            seen: Seen::Ready("ValidationUnavailable"),
            consequence: "netplan's generator cannot start, so no NIC is changed: `Ready` is `False`, `ValidationUnavailable`",
        },
        Loss {
            permission: "agent: see `/run/systemd/netif`".to_owned(),
            taken: Taken::Sight("run-systemd-netif"),
            seen: Seen::Nic("Pending", "UnsupportedHost"),
            consequence: "whether networkd runs is unknown, so no NIC is changed: `Pending`, `UnsupportedHost`",
        },
    ]
}

/// Where somebody else may have configured a NIC.
fn sight_of_others() -> Vec<Loss> {
    vec![
        Loss {
            permission: "agent: see `/etc/systemd`".to_owned(),
            taken: Taken::Sight("etc-systemd"),
            seen: Seen::Taken {
                file: "/etc/systemd/network/20-site.network",
                text: |mac, _| format!("[Match]\nMACAddress={mac}\n[Network]\nDHCP=yes\n"),
            },
            consequence: "a NIC that a networkd file of the administrator configures is not refused, but taken",
        },
        Loss {
            permission: "agent: see `/etc/network`".to_owned(),
            taken: Taken::Sight("etc-network"),
            seen: Seen::Taken {
                file: "/etc/network/interfaces",
                text: |_, name| format!("iface {name} inet dhcp\n"),
            },
            consequence: "a NIC that ifupdown configures is not refused, but taken",
        },
        Loss {
            permission: "agent: see `/run/network`".to_owned(),
            taken: Taken::Sight("run-network"),
            seen: Seen::Taken {
                file: "/run/network/interfaces.d/site",
                text: |_, name| format!("iface {name} inet dhcp\n"),
            },
            consequence: "a NIC that ifupdown configures by a file made at boot is not refused, but taken",
        },
        Loss {
            permission: "agent: see `/etc/NetworkManager/system-connections`".to_owned(),
            taken: Taken::Sight("etc-networkmanager"),
            seen: Seen::Taken {
                file: "/etc/NetworkManager/system-connections/site.nmconnection",
                text: |_, name| format!("[connection]\nid=site\ntype=ethernet\ninterface-name={name}\n"),
            },
            consequence: "a NIC that NetworkManager has a connection for is not refused, but taken",
        },
        Loss {
            permission: "agent: see `/run/NetworkManager/system-connections`".to_owned(),
            taken: Taken::Sight("run-networkmanager"),
            seen: Seen::Taken {
                file: "/run/NetworkManager/system-connections/site.nmconnection",
                text: |_, name| format!("[connection]\nid=site\ntype=ethernet\ninterface-name={name}\n"),
            },
            consequence: "a NIC that NetworkManager has a connection for until the next boot is not refused, but taken",
        },
        Loss {
            permission: "agent: see `/run/netplan`".to_owned(),
            taken: Taken::Sight("run-netplan"),
            seen: Seen::Taken {
                file: "/run/netplan/70-site.yaml",
                text: |mac, _| {
                    format!(
                        "network: {{version: 2, ethernets: {{site: {{match: {{macaddress: '{mac}'}}, dhcp4: true}}}}}}\n"
                    )
                },
            },
            consequence: "a NIC that a netplan file for this boot configures is not refused, but taken",
        },
    ]
}

fn sight_of_boots() -> Loss {
    Loss {
        permission: "agent: see `/proc/sys/kernel/random`".to_owned(),
        taken: Taken::Sight("proc-random"),
        seen: Seen::BootUnknown,
        consequence: "which boot a status is of is unknown: after a reboot `netplan_success` stays until an agent is back",
    }
}

/// What an agent changes on its host.
fn writing() -> Vec<Loss> {
    vec![
        Loss {
            permission: "agent: write `/etc/netplan`".to_owned(),
            taken: Taken::Writing("etc-netplan"),
            seen: Seen::Nic("Failed", "NotPersisted"),
            consequence: "no NIC would be there after a reboot, so it is given back: `Failed`, `NotPersisted`",
        },
        Loss {
            permission: "agent: write `/var/lib/multinic`".to_owned(),
            taken: Taken::Writing("var-lib-multinic"),
            seen: Seen::Ready("HostFilesUnwritable"),
            consequence: "what is ours cannot be remembered, so no NIC is changed: `Ready` is `False`, `HostFilesUnwritable`",
        },
        Loss {
            permission: "agent: write `/run/multinic`".to_owned(),
            taken: Taken::Writing("run-multinic"),
            seen: Seen::Ready("LockUnavailable"),
            consequence: "the node's lock cannot be taken, so nothing is done: `Ready` is `False`, `LockUnavailable`",
        },
        Loss {
            permission: "agent: write `/run/systemd/network`".to_owned(),
            taken: Taken::Writing("run-systemd-network"),
            seen: Seen::Leaving("Removing", "NotPersisted"),
            consequence: "a NIC that networkd knows since boot cannot be given back: `Removing`, `NotPersisted`",
        },
        Loss {
            permission: "agent: write `/proc/sys/net`".to_owned(),
            taken: Taken::Writing("proc-sys-net"),
            seen: Seen::Nic("Failed", "ApplyFailed"),
            consequence: "the kernel would give NICs IPv6 addresses of its own, so none is set up: `Failed`, `ApplyFailed`",
        },
    ]
}

fn verbs_of_agents() -> Vec<Loss> {
    vec![
        verb(Part::Agent, "list", "nodenetworkconfigs", "its object is not read, and it is not ready"),
        verb(
            Part::Agent,
            "watch",
            "nodenetworkconfigs",
            "a change of its object is seen late, by listing again and again",
        ),
        verb(
            Part::Agent,
            "patch",
            "nodenetworkconfigs/status",
            "NICs are configured, and nobody learns of it",
        ),
    ]
}

pub(super) fn of_operators() -> Vec<Loss> {
    vec![
        verb(Part::Operator, "list", "nodes", "no Node is known, so nothing is done, and it is not ready"),
        verb(Part::Operator, "watch", "nodes", "new Nodes are seen late, and success is only taken away"),
        verb(
            Part::Operator,
            "list",
            "nodenetworkconfigs",
            "no object is known, so nothing is done, and it is not ready",
        ),
        verb(
            Part::Operator,
            "watch",
            "nodenetworkconfigs",
            "results are seen late, and success is only taken away",
        ),
        verb(Part::Operator, "create", "nodenetworkconfigs", "a new Node gets no object"),
        verb(Part::Operator, "patch", "nodenetworkconfigs", "no spec is written"),
        verb(
            Part::Operator,
            "patch",
            "nodenetworkconfigs/status",
            "nobody learns whether a spec equals the table",
        ),
        verb(
            Part::Operator,
            "create",
            "events",
            "`kubectl describe` shows no Events; the operator logs that",
        ),
        verb(
            Part::Operator,
            "patch",
            "events",
            "an Event that comes again is not counted; the operator logs that",
        ),
    ]
}

/// Of operators of which a lease says who acts.
pub(super) fn of_candidates() -> Vec<Loss> {
    vec![
        verb(Part::Candidate, "create", "leases", "there is no lease to hold, so neither acts"),
        verb(Part::Candidate, "get", "leases", "nobody sees who holds the lease, so neither acts"),
        verb(
            Part::Candidate,
            "update",
            "leases",
            "nobody can take the lease or keep it, so neither acts for long",
        ),
    ]
}

fn verb(part: Part, verb: &'static str, resource: &'static str, consequence: &'static str) -> Loss {
    Loss {
        permission: format!("{}: {verb} `{resource}`", part.name()),
        taken: Taken::Verb { part, resource, verb },
        seen: Seen::Denied,
        consequence,
    }
}
