//! All backends at once: a host that changed from one to another has files of both.

use std::collections::BTreeMap;

use ipnet::IpNet;
use multinic_crds::InterfaceName;

use super::{
    Backend, Place, netplan::Netplan, network_manager::NetworkManager, networkd::Networkd, wicked::Wicked,
};

/// The backends whose files are recognised on every host.
#[derive(Debug, Clone, Copy)]
pub struct Backends<'a>(&'a [&'a dyn Backend]);

/// Every backend that there is.
pub const ALL: Backends<'static> = Backends(&[&Netplan, &Networkd, &NetworkManager, &Wicked]);

impl<'a> Backends<'a> {
    /// These, and no others.
    #[cfg(test)]
    pub(crate) const fn of(backends: &'a [&'a dyn Backend]) -> Self {
        Self(backends)
    }

    /// One of them: by it plans are shown where none is active, and nothing is written.
    #[must_use]
    pub const fn first(self) -> &'a dyn Backend {
        self.0[0]
    }

    /// The NIC whose file lies at `path`, if one of ours would.
    #[must_use]
    pub fn owner_of(self, path: &str) -> Option<InterfaceName> {
        self.0.iter().find_map(|backend| backend.owner_of(path))
    }

    /// The addresses that our file at `path` gives.
    #[must_use]
    pub fn addresses(self, path: &str, text: &str) -> Vec<IpNet> {
        let whose = self.0.iter().find(|backend| backend.owner_of(path).is_some());
        whose.map(|backend| backend.addresses(text)).unwrap_or_default()
    }

    /// Where boot files lie, our own and those that hide them.
    pub fn places(self) -> impl Iterator<Item = &'static Place> {
        let mut places: Vec<&Place> = Vec::new();
        for place in self.0.iter().flat_map(|backend| backend.places()) {
            if !places.contains(&place) {
                places.push(place);
            }
        }
        places.into_iter()
    }

    /// Where a host may keep, until its next boot, what it made of our files.
    pub fn generated(self) -> impl Iterator<Item = String> {
        self.0.iter().flat_map(|backend| InterfaceName::all().flat_map(|name| backend.generated(name)))
    }

    /// The files by which networkd configures NICs of ours, by their paths.
    #[must_use]
    pub fn networks(self) -> BTreeMap<String, InterfaceName> {
        let of = |backend: &dyn Backend, name| [backend.paths(name), backend.generated(name)].concat();
        let files = InterfaceName::all().flat_map(|name| {
            self.0.iter().flat_map(move |backend| of(*backend, name)).map(move |path| (path, name))
        });
        files.filter(|(path, _)| path.ends_with(".network")).collect()
    }

    /// The directories of everything generated.
    pub fn generated_in(self) -> impl Iterator<Item = &'static str> {
        self.0.iter().flat_map(|backend| backend.generated_in()).copied()
    }

    /// Whether the file at `path` is for root alone.
    #[must_use]
    pub fn is_private(self, path: &str) -> bool {
        self.places().any(|place| place.private && directory(path) == place.directory)
    }
}

fn directory(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(directory, _)| directory)
}
