//! Which object the agent acts upon: the API server's, or the last one until that answers.

use multinic_agent_core::last_object::{ApiServer, LastObject};
use multinic_crds::GuardedConfig;

use crate::reconcile::Agent;

impl Agent {
    /// Acts upon what the API server says, even if it is that there is no object.
    pub fn take(&mut self, object: Option<GuardedConfig>) {
        self.last = None;
        if std::mem::take(&mut self.from_memory) {
            tracing::info!("the API server answers; its word counts again");
        }
        if object.is_none() {
            if self.object.is_some() {
                tracing::info!("this node's object is gone; its NICs are kept until there is a new one");
            }
            self.host.keep(None);
        }
        self.reporter.adopt(object.as_ref());
        self.object = object;
    }

    /// Acts upon the last object that an earlier agent read, unless the API server has answered since the start.
    pub async fn recall(&mut self) {
        let Some(last) = self.last.take() else { return };
        let links = match self.host.links().await {
            Ok(links) => links,
            Err(error) => {
                tracing::warn!("cannot tell whether the object in memory is this node's: {error}");
                self.last = Some(last);
                return;
            }
        };
        match last.of(&self.node, &links) {
            Ok(object) => {
                let generation = object.metadata.generation;
                tracing::warn!(
                    generation,
                    "the API server does not answer; this node's object is taken from memory"
                );
                self.reporter.recall();
                self.object = Some(object);
                self.from_memory = true;
            }
            Err(why) => tracing::warn!("the object in memory is not acted upon: {why}"),
        }
    }

    /// Remembers what the API server says, and where it is, for a later agent that cannot ask.
    pub fn keep(&mut self, api_server: ApiServer) {
        // Of which machine it is cannot be known before a look at it.
        let Some(object) = self.object.as_ref().filter(|_| !self.from_memory && !self.lives_by.is_empty())
        else {
            return;
        };
        self.host.keep(Some(&LastObject::new(object, self.lives_by.clone(), api_server)));
    }
}
