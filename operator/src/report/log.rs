//! The log: one line for each thing that changes, none for what stays.

use std::mem;

use multinic_operator_core::{
    plan::Change,
    table::Rejection,
    transition::{Transition, Unwritten},
};

use super::sink::Sink;

/// Lines of one kind in one sync; the rest is only counted.
const MAX_LINES: usize = 50;

/// Where people read.
pub(crate) struct Log;

impl Sink for Log {
    fn take(&self, transitions: &[Transition]) {
        let alike = |a: &Transition, b: &Transition| mem::discriminant(a) == mem::discriminant(b);
        for group in transitions.chunk_by(alike) {
            match group {
                [Transition::NicAdded(_), ..] => each("further NICs added", group),
                [Transition::NicDropped(_), ..] => each("further NICs dropped", group),
                [Transition::RowRejected(_), ..] => each("further rows rejected", group),
                [Transition::LeftOut { .. }, ..] => each("further parts left out", group),
                [Transition::ObjectFailed { .. }, ..] => line(&group[0], group.len()),
                _ => group.iter().for_each(|transition| line(transition, 1)),
            }
        }
    }
}

fn each(what: &'static str, group: &[Transition]) {
    group.iter().take(MAX_LINES).for_each(|transition| line(transition, 1));
    let more = group.len().saturating_sub(MAX_LINES);
    if more > 0 {
        tracing::info!(more, "{what}");
    }
}

/// Logs one thing, which stands for so many `objects`.
fn line(transition: &Transition, objects: usize) {
    match transition {
        Transition::DatabaseLost { error, .. } => {
            tracing::warn!(%error, "the table cannot be read; every NIC is kept, and reading is retried");
        }
        Transition::DatabaseFound { failures } => tracing::info!(failures, "the table is read again"),
        Transition::RowsWritten { rows } => tracing::info!(rows, "netplan_success written"),
        Transition::WritesFail(Unwritten { error, rows, .. }) => {
            tracing::warn!(%error, rows, "netplan_success cannot be written, which is retried at every sync");
        }
        Transition::WritesWork => tracing::info!("netplan_success can be written again"),
        Transition::GuardRaised { .. } => {
            tracing::warn!("too many NICs would go at once; they are kept until somebody confirms");
        }
        Transition::GuardCleared => tracing::info!("no NIC waits for a confirmation any more"),
        Transition::NicAdded(Change { node, mac, slot, .. }) => {
            tracing::info!(%node, %mac, name = slot.map(|slot| slot.to_string()), "NIC added");
        }
        Transition::NicDropped(Change { node, mac, slot, .. }) => {
            let name = slot.map(|slot| slot.to_string());
            tracing::info!(%node, %mac, name, "NIC dropped, its row is gone");
        }
        // The agents log these themselves.
        Transition::NicMoved { .. } | Transition::NicRemoved { .. } => {}
        Transition::SpecsWritten { specs } => tracing::info!(specs, "specs written"),
        Transition::ObjectFailed { node, error } => {
            tracing::warn!(objects, %node, %error, "objects not written, retried at the next sync; this is the first");
        }
        Transition::ObjectsOutdated { objects } => {
            tracing::info!(objects, "objects changed meanwhile, so they are planned anew");
        }
        Transition::ObjectsPostponed { objects } => {
            tracing::warn!(objects, "the API server is slow, the rest is left to the next sync");
        }
        Transition::RowRejected(rejection) => rejected(rejection),
        Transition::RowsCorrected { rows, left } => {
            tracing::info!(rows, left, "rejected rows were corrected or deleted");
        }
        Transition::LeftOut { what } => tracing::warn!("left out: {what}"),
        Transition::ServersUnmatched { servers } => unmatched(servers),
    }
}

fn rejected(rejection: &Rejection) {
    tracing::warn!(
        node = rejection.node.as_deref(),
        port_id = rejection.port_id,
        reason = rejection.fault.reason.as_str(),
        "row rejected: {}",
        rejection.fault,
    );
}

fn unmatched(servers: &[String]) {
    let named = servers.len().min(MAX_LINES);
    tracing::info!(
        servers = servers.len(),
        names = servers[..named].join(", "),
        "rows of servers that are no Nodes here"
    );
}

#[cfg(test)]
mod tests {
    use std::{
        fmt::{Debug, Write},
        sync::{Arc, Mutex},
    };

    use tracing::{
        Event, Metadata, Subscriber,
        field::{Field, Visit},
        span,
    };

    use super::*;

    /// Keeps the lines, each with its level and its fields in order.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<String>>>);

    struct Text(String);

    impl Visit for Text {
        fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
            write!(self.0, " {field}={value:?}").unwrap();
        }
    }

    impl Subscriber for Lines {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }

        fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
            span::Id::from_u64(1)
        }

        fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

        fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

        fn event(&self, event: &Event<'_>) {
            let mut text = Text(event.metadata().level().to_string());
            event.record(&mut text);
            self.0.lock().unwrap().push(text.0);
        }

        fn enter(&self, _: &span::Id) {}

        fn exit(&self, _: &span::Id) {}
    }

    fn logged(transitions: &[Transition]) -> Vec<String> {
        let lines = Lines::default();
        tracing::subscriber::with_default(lines.clone(), || Log.take(transitions));
        lines.0.lock().unwrap().clone()
    }

    fn added(number: usize) -> Transition {
        let mac = "02:00:00:00:00:01".parse().unwrap();
        let slot = "multinic0".parse().ok();
        Transition::NicAdded(Change { node: format!("n{number}").into(), mac, slot, port_id: None })
    }

    #[test]
    fn each_of_the_first_fifty_of_a_kind_has_a_line_and_the_rest_is_counted() {
        let mut transitions: Vec<_> = (0..52).map(added).collect();
        transitions.push(Transition::SpecsWritten { specs: 52 });
        let lines = logged(&transitions);
        assert_eq!(lines.len(), 52);
        assert_eq!(
            [&lines[49], &lines[50], &lines[51]],
            [
                "INFO message=NIC added node=n49 mac=02:00:00:00:00:01 name=\"multinic0\"",
                "INFO message=further NICs added more=2",
                "INFO message=specs written specs=52",
            ]
        );
    }

    #[test]
    fn of_objects_that_could_not_be_written_the_first_is_named_and_all_are_counted() {
        let failed = |node: &str| Transition::ObjectFailed { node: node.into(), error: "no".to_owned() };
        assert_eq!(
            logged(&[failed("a"), failed("b")]),
            [
                "WARN message=objects not written, retried at the next sync; this is the first objects=2 node=a error=no"
            ]
        );
    }
}
