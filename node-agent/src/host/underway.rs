//! What is under way: in the journal, and with a process that stands by to take it back.

use multinic_agent_core::execute::{Journal, NodeError, Recovered};

use crate::host::{
    journal,
    lock::NodeLock,
    root::{Durability, HostRoot},
    standby::Standby,
};

/// What this agent has begun, and not ended.
#[derive(Default)]
pub struct Underway {
    standby: Option<Standby>,
}

impl Underway {
    /// From now on `journal` is under way.
    pub fn open(
        &mut self,
        root: &HostRoot,
        lock: Option<&NodeLock>,
        journal: &Journal,
    ) -> Result<(), NodeError> {
        let text = keep(root, journal, Durability::PowerCut)?;
        let Some(lock) = lock else { return Ok(()) };
        match Standby::start(root, lock, &text) {
            Ok(standby) => self.standby = Some(standby),
            // Whatever ends the agent, the next one answers the journal.
            Err(error) => tracing::warn!("nobody stands by should this agent hang: {error}"),
        }
        Ok(())
    }

    /// More of `journal` is known.
    pub fn note(&mut self, root: &HostRoot, journal: &Journal) -> Result<(), NodeError> {
        self.heed();
        let text = keep(root, journal, Durability::Crash)?;
        let told = self.standby.as_mut().map_or(Ok(()), |standby| standby.tell(&text));
        told.map_err(|error| NodeError(format!("the standby cannot be told: {error}")))
    }

    /// Nothing is under way any more.
    pub async fn close(&mut self, root: &HostRoot) -> Result<(), NodeError> {
        self.heed();
        let closed = journal::close(root).map_err(|error| NodeError(error.to_string()));
        if let Some(standby) = self.standby.take() {
            standby.dismiss().await;
        }
        closed
    }

    /// Ends this process where the change is no longer its own: it was silent for so long that it was taken back. The
    /// journal is left to the next agent.
    pub fn heed(&self) {
        if self.standby.as_ref().is_some_and(Standby::has_taken_over) {
            tracing::error!(
                "this agent was not heard of in the middle of a change, which the standby ended; it ends too"
            );
            #[expect(clippy::disallowed_methods, reason = "the way back to main leads through the change")]
            std::process::exit(1);
        }
    }
}

/// Says what became of what was left open.
pub fn tell(recovered: &Recovered) {
    for mac in &recovered.finished {
        tracing::info!(%mac, "the change that was left open is done");
    }
    for (mac, failure) in &recovered.failures {
        tracing::warn!(%mac, reason = failure.reason().as_str(), "{failure}");
    }
}

fn keep(root: &HostRoot, journal: &Journal, durability: Durability) -> Result<String, NodeError> {
    let text = serde_json::to_string(journal).map_err(|error| NodeError(error.to_string()))?;
    journal::keep(root, &text, durability).map_err(|error| NodeError(error.to_string()))?;
    Ok(text)
}
