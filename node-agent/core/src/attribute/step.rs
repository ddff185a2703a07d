//! The changes that the kernel is asked for, as plain data.

use std::fmt;

use ipnet::IpNet;

use crate::observed::{
    link::{Advertised, Ipv6, Manner},
    routing::{NicRoute, SourceRule},
};

/// One change of the kernel's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Set the link administratively up.
    SetUp {
        /// Which link.
        index: u32,
    },
    /// Set the link administratively down.
    SetDown {
        /// Which link.
        index: u32,
    },
    /// Rename a link that is down.
    Rename {
        /// Which link.
        index: u32,
        /// The new name.
        to: String,
    },
    /// Give the link one more name.
    AddAltName {
        /// Which link.
        index: u32,
        /// The alternative name.
        name: String,
    },
    /// Take an alternative name off the link.
    DropAltName {
        /// Which link.
        index: u32,
        /// The alternative name.
        name: String,
    },
    /// Set the MTU.
    SetMtu {
        /// Which link.
        index: u32,
        /// In bytes.
        bytes: u32,
    },
    /// Choose what the kernel does for IPv6 by itself.
    SetIpv6 {
        /// Which link.
        index: u32,
        /// The name at that point, which sysctls go by.
        name: String,
        /// What it does.
        to: Ipv6,
    },
    /// Add an address.
    AddAddress {
        /// Which link.
        index: u32,
        /// The address with its prefix.
        net: IpNet,
    },
    /// Give an address again that the link had.
    RestoreAddress {
        /// Which link.
        index: u32,
        /// The address with its prefix.
        net: IpNet,
        /// How it was given.
        manner: Manner,
    },
    /// Remove an address.
    RemoveAddress {
        /// Which link.
        index: u32,
        /// The address with its prefix.
        net: IpNet,
    },
    /// Add the route to the subnet of an address, as the kernel does by itself.
    AddSubnetRoute {
        /// Which link.
        index: u32,
        /// The address with its prefix.
        net: IpNet,
    },
    /// Add a route over the link.
    AddRoute {
        /// Which link.
        index: u32,
        /// The route.
        route: NicRoute,
        /// Who it is marked as, in the kernel's numbers.
        protocol: u8,
    },
    /// Remove a route over the link.
    RemoveRoute {
        /// Which link.
        index: u32,
        /// The route.
        route: NicRoute,
        /// Who it is marked as: one that somebody else marked is another one.
        protocol: u8,
    },
    /// Add a rule for an address of the link.
    AddRule {
        /// Which link.
        index: u32,
        /// The rule.
        rule: SourceRule,
    },
    /// Remove a rule for an address of the link.
    RemoveRule {
        /// Which link; [`Step::NO_LINK`] where the rule's link is gone.
        index: u32,
        /// The rule.
        rule: SourceRule,
    },
}

impl Step {
    /// The number of no link.
    pub const NO_LINK: u32 = 0;

    /// The link that it changes.
    #[must_use]
    pub const fn index(&self) -> u32 {
        match self {
            Self::SetUp { index }
            | Self::SetDown { index }
            | Self::Rename { index, .. }
            | Self::AddAltName { index, .. }
            | Self::DropAltName { index, .. }
            | Self::SetMtu { index, .. }
            | Self::SetIpv6 { index, .. }
            | Self::AddAddress { index, .. }
            | Self::RestoreAddress { index, .. }
            | Self::RemoveAddress { index, .. }
            | Self::AddSubnetRoute { index, .. }
            | Self::AddRoute { index, .. }
            | Self::RemoveRoute { index, .. }
            | Self::AddRule { index, .. }
            | Self::RemoveRule { index, .. } => *index,
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SetUp { index } => write!(f, "set link {index} up"),
            Self::SetDown { index } => write!(f, "set link {index} down"),
            Self::Rename { index, to } => write!(f, "rename link {index} to {to}"),
            Self::AddAltName { index, name } => write!(f, "give link {index} the alternative name {name}"),
            Self::DropAltName { index, name } => {
                write!(f, "take the alternative name {name} off link {index}")
            }
            Self::SetMtu { index, bytes } => write!(f, "set the MTU of link {index} to {bytes}"),
            Self::SetIpv6 { index: _, name, to: Ipv6 { addr_gen_mode, accept_ra, advertised } } => {
                write!(f, "set addr_gen_mode of {name} to {addr_gen_mode} and accept_ra to {accept_ra}")?;
                match advertised {
                    Some(Advertised { addresses, default_route, routes, temporary }) => write!(
                        f,
                        ", autoconf to {addresses}, accept_ra_defrtr to {default_route}, accept_ra_rt_info_max_plen to {routes} \
                         and use_tempaddr to {temporary}"
                    ),
                    None => Ok(()),
                }
            }
            Self::AddAddress { index, net } => write!(f, "add {net} to link {index}"),
            Self::RestoreAddress { index, net, manner: _ } => write!(f, "give {net} back to link {index}"),
            Self::AddSubnetRoute { index, net } => {
                write!(f, "add the route to {} over link {index}", net.trunc())
            }
            Self::AddRoute { index, route, protocol: _ } => {
                write!(f, "add the route {route} over link {index}")
            }
            Self::RemoveRoute { index, route, protocol: _ } => {
                write!(f, "remove the route {route} over link {index}")
            }
            Self::AddRule { index: _, rule } => write!(f, "add the rule {rule}"),
            Self::RemoveRule { index: _, rule } => write!(f, "remove the rule {rule}"),
            Self::RemoveAddress { index, net } => write!(f, "remove {net} from link {index}"),
        }
    }
}
