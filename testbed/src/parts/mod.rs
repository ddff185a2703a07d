//! What can be put into a testbed.

pub(crate) mod admin;
pub(crate) mod ambush;
pub(crate) mod authority;
pub(crate) mod binaries;
pub(crate) mod browser;
pub(crate) mod control_plane;
pub(crate) mod database;
pub(crate) mod dhcp;
pub(crate) mod harm;
pub(crate) mod name_server;
pub(crate) mod node;
pub(crate) mod operator;
pub(crate) mod prometheus;
pub(crate) mod router;
pub(crate) mod site;
