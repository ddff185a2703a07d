//! What makes a machine a node of a cluster: files on its disk, from which its own systemd starts everything.

use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::symlink;
use std::path::Path;

use anyhow::{Context, Result};
use kube::config::Kubeconfig;
use multinic_testbed::Credentials;
use serde_json::{Value, json};

use crate::setup::PAUSE_IMAGE;

/// The label of a node that a control plane runs on, and the key of its taint.
pub const CONTROL_PLANE_LABEL: &str = "node-role.kubernetes.io/control-plane";
/// All pods' addresses. Each node has one part of them.
pub(crate) const PODS: &str = "10.244.0.0/16";
/// What the name of a node is put behind, to be its user's.
pub(crate) const NODE_USER: &str = "system:node:";
pub(crate) const NODE_GROUP: &str = "system:nodes";
pub(crate) const PROXY_USER: &str = "system:kube-proxy";

/// Services of the node's own, enabled.
const UNITS: [(&str, &str); 3] = [
    ("node-prepare.service", include_str!("../node/node-prepare.service")),
    ("kubelet.service", include_str!("../node/kubelet.service")),
    ("kube-proxy.service", include_str!("../node/kube-proxy.service")),
];
const FILES: [(&str, &str); 4] = [
    ("etc/kubernetes/prepare", include_str!("../node/prepare")),
    ("etc/systemd/system/containerd.service.d/log.conf", include_str!("../node/containerd-log.conf")),
    ("etc/systemd/system.conf.d/testbed.conf", include_str!("../node/shutdown.conf")),
    ("etc/ssh/sshd_config.d/testbed.conf", include_str!("../node/sshd.conf")),
];

/// What runs a node's containers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runtime {
    /// The distribution's containerd: with Debian 12, 1.6.
    Packaged,
    /// containerd 2.
    Containerd2,
}

/// One node, as the rest of its cluster sees it.
pub(crate) struct Member<'a> {
    /// The range that its pods' addresses are from.
    pub(crate) pods: String,
    pub(crate) address: Ipv4Addr,
    /// Whether only pods that ask for it may run there, as where a control plane runs.
    pub(crate) reserved: bool,
    pub(crate) runtime: Runtime,
    pub(crate) authority: &'a str,
    pub(crate) kubelet: Kubeconfig,
    pub(crate) proxy: Kubeconfig,
}

impl Member<'_> {
    /// Writes everything to the node's `disk`.
    pub(crate) fn install(&self, disk: &Path) -> Result<()> {
        for (path, text) in FILES {
            write(disk, path, text)?;
        }
        if self.runtime == Runtime::Containerd2 {
            let text = include_str!("../node/containerd-2.conf");
            write(disk, "etc/systemd/system/containerd.service.d/2.conf", text)?;
        }
        for (unit, text) in UNITS {
            write(disk, &format!("etc/systemd/system/{unit}"), text)?;
            let wanted = disk.join("etc/systemd/system/multi-user.target.wants").join(unit);
            symlink(format!("/etc/systemd/system/{unit}"), wanted)?;
        }
        for (path, value) in [
            ("etc/kubernetes/kubelet.json", self.kubelet_configuration()),
            ("etc/kubernetes/kubelet.kubeconfig", serde_json::to_value(&self.kubelet)?),
            ("etc/kubernetes/kube-proxy.json", proxy_configuration()),
            ("etc/kubernetes/kube-proxy.kubeconfig", serde_json::to_value(&self.proxy)?),
            ("etc/cni/net.d/10-pods.conflist", self.pod_network()),
        ] {
            write(disk, path, &value.to_string())?;
        }
        write(disk, "etc/kubernetes/ca.crt", self.authority)?;
        // For containerd, which pulls from a registry of the testbed.
        write(disk, "etc/ssl/certs/testbed.crt", self.authority)?;
        write(disk, "etc/kubernetes/node.env", &format!("NODE_IP={}\n", self.address))?;
        write(disk, "etc/containerd/config.toml", &containerd_configuration())
    }

    fn kubelet_configuration(&self) -> Value {
        let taint = json!({"key": CONTROL_PLANE_LABEL, "effect": "NoSchedule"});
        json!({
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "authentication": {
                "anonymous": {"enabled": false},
                "webhook": {"enabled": true},
                "x509": {"clientCAFile": "/etc/kubernetes/ca.crt"},
            },
            "authorization": {"mode": "Webhook"},
            "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
            "cgroupDriver": "cgroupfs",
            "failCgroupV1": false,
            "failSwapOn": false,
            "protectKernelDefaults": false,
            "enforceNodeAllocatable": [],
            // The disk and the memory are those of the whole machine, and how full they are says nothing.
            "evictionHard": {"memory.available": "1Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
            "imageGCHighThresholdPercent": 100,
            // A cluster without DNS.
            "resolvConf": "",
            "nodeLeaseDurationSeconds": 8,
            "registerWithTaints": if self.reserved { vec![taint] } else { Vec::new() },
        })
    }

    /// Every pod's link is routed by itself: no bridge, and no kernel module that filters on bridges.
    fn pod_network(&self) -> Value {
        json!({
            "cniVersion": "0.4.0",
            "name": "pods",
            "plugins": [
                {
                    "type": "ptp",
                    "ipam": {
                        "type": "host-local",
                        "ranges": [[{"subnet": self.pods}]],
                        "routes": [{"dst": "0.0.0.0/0"}],
                        // Nothing that is there before a boot has an address after it.
                        "dataDir": "/run/cni",
                    },
                },
                {"type": "portmap", "capabilities": {"portMappings": true}},
            ],
        })
    }
}

fn proxy_configuration() -> Value {
    json!({
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "clusterCIDR": PODS,
        "clientConnection": {"kubeconfig": "/etc/kubernetes/kube-proxy.kubeconfig"},
        // The limit is the whole machine's.
        "conntrack": {"maxPerCore": 0},
    })
}

fn containerd_configuration() -> String {
    format!(
        r#"version = 2
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{PAUSE_IMAGE}"
# In a container nobody may become less likely to be killed.
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/usr/lib/cni"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
SystemdCgroup = false
"#
    )
}

/// The user of a kubeconfig.
pub(crate) fn user(credentials: &Credentials) -> Value {
    json!({
        "client-certificate-data": k8s_openapi::ByteString(credentials.certificate.clone().into_bytes()),
        "client-key-data": k8s_openapi::ByteString(credentials.key.clone().into_bytes()),
    })
}

fn write(disk: &Path, path: &str, text: &str) -> Result<()> {
    let path = disk.join(path);
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}
