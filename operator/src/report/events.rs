//! Kubernetes Events: what `kubectl describe` shows beside a Node and its object.

use k8s_openapi::api::core::v1::{Node, ObjectReference, Pod};
use kube::Resource;
use multinic_crds::NodeNetworkConfig;
use multinic_operator_core::{
    cluster::{Index, Object},
    events::{About, Event, events},
    transition::Transition,
};
use tokio::sync::mpsc;

use super::sink::Sink;

/// Events that wait to be written: those of a few syncs. What comes while as many wait is left out.
const WAITING: usize = 500;

/// An Event, and the object that it is found by.
pub(crate) type Addressed = (Event, ObjectReference);

/// The pod that this process is in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct OwnPod {
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) uid: String,
}

/// Where Events are put, for somebody else to write. Clones share the place.
#[derive(Debug, Clone)]
pub(crate) struct Events {
    sender: mpsc::Sender<Addressed>,
    pod: OwnPod,
}

impl Events {
    /// A place for Events, and where they come out of it.
    pub(crate) fn new(pod: OwnPod) -> (Self, mpsc::Receiver<Addressed>) {
        let (sender, receiver) = mpsc::channel(WAITING);
        (Self { sender, pod }, receiver)
    }

    /// The object that an Event is found by; none where that is not there, or nobody said which pod this is.
    fn regarding(&self, about: &About, objects: &Index<Object>) -> Option<ObjectReference> {
        match about {
            About::Object(node) => {
                let uid = objects.get(node)?.uid.clone();
                Some(ObjectReference { uid: Some(uid), ..reference::<NodeNetworkConfig>(node) })
            }
            // The kubelet says it so, and `kubectl describe node` asks for both this and the real uid.
            About::Node(node) => {
                Some(ObjectReference { uid: Some(node.to_string()), ..reference::<Node>(node) })
            }
            About::Operator => {
                let OwnPod { name, namespace, uid } = &self.pod;
                let known = !name.is_empty() && !namespace.is_empty();
                known.then(|| ObjectReference {
                    namespace: Some(namespace.clone()),
                    uid: (!uid.is_empty()).then(|| uid.clone()),
                    ..reference::<Pod>(name)
                })
            }
        }
    }
}

impl Sink for Events {
    fn take(&self, transitions: &[Transition], objects: &Index<Object>) {
        let (events, mut more) = events(transitions);
        for event in events {
            if let Some(regarding) = self.regarding(&event.about, objects) {
                more += usize::from(self.sender.try_send((event, regarding)).is_err());
            }
        }
        if more > 0 {
            tracing::info!(more, "further Events left out, since there are too many at once");
        }
    }
}

fn reference<K: Resource<DynamicType = ()>>(name: &str) -> ObjectReference {
    ObjectReference {
        api_version: Some(K::api_version(&()).into_owned()),
        kind: Some(K::kind(&()).into_owned()),
        name: Some(name.to_owned()),
        ..ObjectReference::default()
    }
}
