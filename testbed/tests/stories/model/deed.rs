//! What may happen to a node, drawn by a seed.

use std::fmt;

use multinic_testbed::Draw;

/// How many NICs there are.
pub(crate) const NICS: usize = 3;
/// How many slots they are wanted in.
pub(crate) const SLOTS: usize = 4;

/// What a NIC is wanted to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Want {
    pub(crate) slot: usize,
    /// Which of its addresses; none means a link alone.
    pub(crate) address: Option<usize>,
    pub(crate) ipv6: bool,
    pub(crate) mtu: Option<u32>,
}

/// How somebody else breaks a NIC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Drift {
    Flush,
    Down,
    Mtu,
}

/// One thing that happens. NICs are numbered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deed {
    /// The object asks for a NIC, in this shape from now on. Whoever has its slot gets the one that it had.
    Want(usize, Want),
    /// It no longer does.
    Release(usize),
    /// The NIC is attached, or pulled out.
    Plug(usize),
    Unplug(usize),
    /// Its carrier goes and comes.
    Flap(usize),
    /// Somebody else changes it.
    Drift(usize, Drift),
    /// Somebody else gives it an address, or takes it off again.
    Guest(usize),
    /// The agent is killed, with its standby or alone, and started again.
    KillAll,
    Kill,
    /// It is asked to stop, and started again.
    Restart,
}

impl Deed {
    /// Any deed, the agent's ends among them less often.
    pub(crate) fn draw(draw: &mut Draw) -> Self {
        let nic = draw.up_to(NICS - 1);
        match draw.up_to(15) {
            0..=4 => Self::Want(nic, Want::draw(draw)),
            5 => Self::Release(nic),
            6 | 7 => Self::Plug(nic),
            8 => Self::Unplug(nic),
            9 => Self::Flap(nic),
            10 | 11 => Self::Drift(nic, draw.one(&[Drift::Flush, Drift::Down, Drift::Mtu])),
            12 => Self::Guest(nic),
            13 => Self::KillAll,
            14 => Self::Kill,
            _ => Self::Restart,
        }
    }
}

impl Want {
    fn draw(draw: &mut Draw) -> Self {
        Self {
            slot: draw.up_to(SLOTS - 1),
            address: draw.one(&[None, Some(0), Some(1), Some(2)]),
            ipv6: draw.once_in(3),
            mtu: draw.one(&[None, Some(1400), Some(1450)]),
        }
    }
}

/// As it can be read in a list of many.
impl fmt::Display for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}
