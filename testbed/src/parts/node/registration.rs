//! How a machine is known to the cluster.

use std::net::Ipv4Addr;

use k8s_openapi::api::core::v1::{Node as KubeNode, NodeAddress, NodeSpec, NodeStatus};
use kube::api::ObjectMeta;

/// What the kubelet of a machine with this name and address would tell the API server about it.
#[must_use]
pub fn kubernetes_node(name: &str, address: Ipv4Addr) -> KubeNode {
    let address_of = |kind: &str, address: String| NodeAddress { type_: kind.to_owned(), address };
    KubeNode {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            labels: Some([("kubernetes.io/hostname".to_owned(), name.to_owned())].into()),
            ..ObjectMeta::default()
        },
        spec: Some(NodeSpec::default()),
        status: Some(NodeStatus {
            addresses: Some(vec![
                address_of("InternalIP", address.to_string()),
                address_of("Hostname", name.to_owned()),
            ]),
            ..NodeStatus::default()
        }),
    }
}
