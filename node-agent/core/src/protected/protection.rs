//! Why a link is not ours to touch, and what a person can do about it.

use std::net::IpAddr;

use multinic_crds::Reason;

use super::{foreign::Foreign, owner::Owner};
use crate::observed::route::MAIN;

/// Why a link is not ours to touch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Protection {
    /// The node lives by it.
    Needed(Need),
    /// It is enslaved to another link.
    Enslaved(String),
    /// Other links are stacked on it.
    LowerDevice(String),
    /// It is of a kind that is not managed here.
    Kind(String),
    /// A file that is not ours configures it.
    ForeignConfiguration(Foreign),
}

/// What the node needs a link for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Need {
    /// A default route of the node leads over it.
    DefaultRoute {
        /// The routing table of that route.
        table: u32,
    },
    /// It owns one of the node's own addresses.
    NodeAddress(IpAddr),
    /// The way to the API server goes through it.
    ApiServerRoute,
    /// One of these was so earlier in this boot.
    Earlier,
    /// The link of this name is made of it, and the node lives by that one.
    Below(String),
}

impl Protection {
    /// The word in status and log.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        match self {
            Self::ForeignConfiguration(_) => Reason::ForeignConfiguration,
            _ => Reason::ProtectedInterface,
        }
    }

    /// What protects `name`, which is of this `owner`, and the remedy.
    #[must_use]
    pub fn message(&self, name: &str, owner: Owner) -> String {
        match self {
            // Nobody should free a link of others by which the node lives.
            Self::Needed(need) => match owner {
                Owner::Others => format!("{}; remove its row", need.what(name)),
                Owner::Us => format!("{}; {} first", need.what(name), need.remedy()),
            },
            Self::Enslaved(master) => {
                let row = if owner == Owner::Others { " or remove its row" } else { "" };
                format!("{name} belongs to {master}, so it is not touched; take it out of {master}{row}")
            }
            Self::LowerDevice(upper) => {
                format!("{upper} is stacked on {name}, so it is not touched; remove {upper} first")
            }
            Self::Kind(kind) => {
                format!("{name} is a {kind} link, and only the kinds in agent.linkKinds are managed")
            }
            Self::ForeignConfiguration(foreign) => foreign.message(name, owner),
        }
    }
}

impl Need {
    fn what(&self, name: &str) -> String {
        match self {
            Self::DefaultRoute { table: MAIN } => {
                format!("{name} carries a default route of the node, so it is never touched")
            }
            Self::DefaultRoute { table } => {
                format!(
                    "{name} carries a default route of the node, in table {table}, so it is never touched"
                )
            }
            Self::NodeAddress(ip) => {
                format!("{name} has the node's own address {ip}, so it is never touched")
            }
            Self::ApiServerRoute => format!("{name} is the way to the API server, so it is never touched"),
            Self::Earlier => {
                format!(
                    "the node lived by {name} earlier in this boot, so it is not touched before the next one"
                )
            }
            Self::Below(upper) => {
                format!("{name} is below {upper}, by which the node lives, so it is never touched")
            }
        }
    }

    /// What makes the link free.
    fn remedy(&self) -> String {
        match self {
            Self::DefaultRoute { table: MAIN } => "take that route away".to_owned(),
            Self::DefaultRoute { table } => {
                format!("take that route away, or name a source in each rule that leads to table {table},")
            }
            Self::NodeAddress(_) => "give the Node another address, and restart the agent's pod,".to_owned(),
            Self::ApiServerRoute => "lead that way over another link".to_owned(),
            Self::Earlier => "restart the node".to_owned(),
            Self::Below(upper) => format!("lead over another link what the node needs {upper} for,"),
        }
    }
}
