//! Why a row cannot be used.

/// The kinds of fault: a word for conditions, logs and metrics alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// `macaddress` is missing or no MAC address of a NIC.
    InvalidMacAddress,
    /// `port_id` is missing or no identifier.
    InvalidPortId,
    /// `subnet_id` is no identifier.
    InvalidSubnetId,
    /// Neither `attached_node_id` nor `attached_node_name` can be read.
    InvalidNode,
    /// `address`, or the `cidr` that it needs, cannot be used.
    InvalidAddress,
    /// `mtu` is no MTU, or too small for the address.
    InvalidMtu,
    /// More than one Node could be meant.
    AmbiguousNode,
    /// More than one row has this MAC address.
    DuplicateMacAddress,
    /// The Node has no slot left.
    NoFreeSlot,
}

impl Reason {
    /// Every reason, for metrics that show the zeros too.
    pub const ALL: [Self; 9] = [
        Self::InvalidMacAddress,
        Self::InvalidPortId,
        Self::InvalidSubnetId,
        Self::InvalidNode,
        Self::InvalidAddress,
        Self::InvalidMtu,
        Self::AmbiguousNode,
        Self::DuplicateMacAddress,
        Self::NoFreeSlot,
    ];

    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidMacAddress => "InvalidMacAddress",
            Self::InvalidPortId => "InvalidPortId",
            Self::InvalidSubnetId => "InvalidSubnetId",
            Self::InvalidNode => "InvalidNode",
            Self::InvalidAddress => "InvalidAddress",
            Self::InvalidMtu => "InvalidMtu",
            Self::AmbiguousNode => "AmbiguousNode",
            Self::DuplicateMacAddress => "DuplicateMacAddress",
            Self::NoFreeSlot => "NoFreeSlot",
        }
    }
}

/// What is wrong with a row, and the remedy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// The kind.
    pub reason: Reason,
    /// For people: the column, what is wrong with it, what to write instead.
    pub message: String,
}

impl Fault {
    pub(crate) fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }
}
