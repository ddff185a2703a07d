//! The page that people look at: read only, and made of nothing but this binary.
//!
//! ```text
//!  reporter ─▶ stage: View ─┬─ all of it ──────▶ GET /api/fleet ───┐
//!  board ────▶              └─ what differs ───▶ GET /api/events ──┤
//!             board ──────────────────────────▶ GET /api/rows ─────┼─ guard ─▶ a browser
//!             API server, one object ─────────▶ GET /api/nodes/… ──┤
//!             assets ─────────────────────────▶ GET / ─────────────┘
//! ```
//!
//! # Guarantees
//! - Nobody is asked who they are: who reaches the address may look. None of it changes anything.
//! - A page that does not keep up, and one too many, is sent away; it comes back by itself.

mod assets;
mod events;
mod fleet;
mod guard;
mod node;
mod router;
pub(crate) mod stage;

use std::{convert::Infallible, error::Error, future::pending, net::Ipv4Addr, sync::Arc};

use kube::Client;
use multinic_runtime::admin::{self, Listen};
use tokio::{net::TcpListener, sync::watch, task::JoinSet};

use self::{guard::Hosts, router::Shown, stage::Stage};
use crate::report::fleet::Fleet;

/// The page, and where it is reached.
pub(crate) struct Dashboard {
    listeners: Vec<TcpListener>,
    shown: Shown,
}

impl Dashboard {
    /// A page at these addresses, if there are any. One that cannot be opened is left out: NICs do not depend on it.
    pub(crate) async fn open(
        listen: Option<Listen>,
        client: Client,
        fleet: watch::Receiver<Arc<Fleet>>,
    ) -> Option<Self> {
        let listen = listen?;
        match admin::bind(&listen).await {
            Ok(listeners) => {
                tracing::info!(%listen, "the dashboard is open");
                Some(Self { listeners, shown: Shown::new(Stage::new(), client, fleet) })
            }
            Err(error) => {
                let error = error.source().map(ToString::to_string);
                tracing::warn!(%listen, error, "there is no dashboard, since its address cannot be listened on");
                None
            }
        }
    }

    /// Where what it shows is told.
    pub(crate) fn stage(&self) -> Stage {
        self.shown.stage()
    }

    /// Answers for ever, where there is one.
    pub(crate) async fn run(dashboard: Option<Self>) -> Infallible {
        let Some(Self { listeners, shown }) = dashboard else { return pending().await };
        let mut serving = JoinSet::new();
        for listener in listeners {
            // What has no address any more is treated as the strictest.
            let hosts =
                listener.local_addr().map_or_else(|_| Hosts::Loopback(Ipv4Addr::LOCALHOST.into()), Hosts::at);
            let router = router::router(shown.clone(), hosts);
            serving.spawn(async { axum::serve(listener, router).await });
        }
        shown.follow().await;
        // Whoever tells is gone, and the process about to end.
        pending().await
    }
}
