//! What happens beside syncs that change nothing.

use crate::chance::Chance;

/// Something that happens to table, database, cluster or operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// A port comes.
    PortAdded,
    /// A port goes.
    PortRemoved,
    /// A port gets another address.
    AddressChanged,
    /// A port gets another MTU, or none.
    MtuChanged,
    /// A port is made anew: another id, another MAC address.
    PortRenewed,
    /// A whole object goes, or comes back.
    ObjectToggled,
    /// A server becomes a Node.
    NodeJoins,

    /// Neutron does not answer for one port.
    PortOverlooked,
    /// Nova's list lacks one server.
    ServerOverlooked,
    /// OpenStack takes its time between DELETE and COMMIT.
    OpenstackSlow,
    /// Somebody writes into a row by hand what cannot be.
    RowSpoilt,
    /// A column comes and goes.
    ColumnAdded,
    /// A column that is needed has another name for a while.
    ColumnRenamed,
    /// The operator's connections are cut.
    ConnectionCut,
    /// The database is away for a while.
    DatabaseRestarted,
    /// The operator is killed.
    OperatorKilled,
    /// Somebody deletes the object of a Node.
    ConfigDeleted,
    /// A Node is deleted, and its kubelet registers it anew.
    NodeRegisteredAnew,
}

const ALL: [Event; 18] = [
    Event::PortAdded,
    Event::PortRemoved,
    Event::AddressChanged,
    Event::MtuChanged,
    Event::PortRenewed,
    Event::ObjectToggled,
    Event::NodeJoins,
    Event::PortOverlooked,
    Event::ServerOverlooked,
    Event::OpenstackSlow,
    Event::RowSpoilt,
    Event::ColumnAdded,
    Event::ColumnRenamed,
    Event::ConnectionCut,
    Event::DatabaseRestarted,
    Event::OperatorKilled,
    Event::ConfigDeleted,
    Event::NodeRegisteredAnew,
];

/// Every event once in a random order, and then again in another one: a short replay leaves none out.
#[derive(Debug, Default)]
pub(crate) struct Deck(Vec<Event>);

impl Deck {
    pub(crate) fn draw(&mut self, chance: &mut Chance) -> Event {
        if self.0.is_empty() {
            self.0 = ALL.to_vec();
        }
        let position = chance.below(self.0.len());
        self.0.swap_remove(position)
    }
}
