//! Which Node a row means.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use multinic_crds::{GuardedInterface, InterfaceState, MacAddress};

use super::{
    Index, Machine, Name, Node, Object,
    node::{folded, folded_id},
};

/// The longest host name that Nova makes.
const MAX_HOST_NAME: usize = 63;

/// What a row says of its node. At least one of the two is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeRef {
    /// `attached_node_id`, the server's uuid.
    pub id: Option<String>,
    /// `attached_node_name`, the server's display name.
    pub name: Option<String>,
}

impl NodeRef {
    /// How to name the node to people.
    #[must_use]
    pub fn label(&self) -> &str {
        self.name.as_deref().or(self.id.as_deref()).unwrap_or_default()
    }
}

/// Nodes among which cannot be told; shared, since thousands of rows may mean the same.
pub type Several = Arc<BTreeSet<Name>>;

/// What [`Matcher::find`] found.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// This Node and no other.
    One(Name),
    /// More than one; which is meant cannot be told.
    Several(Several),
    /// The cluster has no such Node.
    None,
    /// A Node has the name, but is known to be another server.
    Denied,
}

type Candidates = HashMap<String, Several>;

/// How a Node may be meant, the strongest evidence first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tier {
    /// The row's id is that of the Node's provider id.
    Instance,
    /// The row's name is the Node's.
    Name,
    /// It is one that a person gave in the annotation.
    Alias,
    /// The row's id is the Node's system UUID, which copies of a machine share.
    SystemUuid,
    /// The row's name is the Node's host name.
    HostName,
    /// It is one of these after Nova made a host name of it.
    Sanitised,
    /// It is one of these where one side is fully qualified and the other is not.
    Short,
    /// The same with the host name, which a kubelet chooses freely.
    ShortHostName,
}

impl Tier {
    const ALL: [Self; 8] = [
        Self::Instance,
        Self::Name,
        Self::Alias,
        Self::SystemUuid,
        Self::HostName,
        Self::Sanitised,
        Self::Short,
        Self::ShortHostName,
    ];

    /// Whether it rests on an id instead of a name.
    const fn is_id(self) -> bool {
        matches!(self, Self::Instance | Self::SystemUuid)
    }

    /// Whether it outweighs that another Node's object has the row's NIC.
    const fn outweighs_home(self) -> bool {
        matches!(self, Self::Instance | Self::Alias | Self::SystemUuid)
    }
}

/// Which Node a row means, by the strongest evidence that names any.
///
/// # Guarantees
/// - A Node whose provider id is that of another server is never meant.
/// - A NIC that one object has stays with its Node when another Node joins whose name says more.
#[derive(Debug, Default)]
pub struct Matcher {
    instances: Candidates,
    names: Candidates,
    aliases: Candidates,
    system_uuids: Candidates,
    host_names: Candidates,
    /// The first label of every qualified name.
    short_names: Candidates,
    short_host_names: Candidates,
    /// The server that each Node is known to be.
    servers: HashMap<Name, String>,
    /// Where the objects have each NIC; none where several have it, or its Node says that it is not there.
    homes: HashMap<MacAddress, Option<Name>>,
    twins: HashMap<Name, Several>,
}

impl Matcher {
    /// A matcher for the Nodes and objects that exist now.
    #[must_use]
    pub fn new(nodes: &Index<Node>, objects: &Index<Object>) -> Self {
        let mut matcher = Self::default();
        for (name, node) in nodes.iter() {
            matcher.learn(name, node);
        }
        matcher.twins = twins(nodes);
        for (name, object) in objects.iter().filter(|(name, _)| nodes.get(name).is_some()) {
            for mac in object.interfaces.iter().filter_map(GuardedInterface::mac_address) {
                let reported = object.reported(mac);
                let absent = reported.is_some_and(|nic| nic.state == InterfaceState::DeviceMissing);
                let home = (!absent).then(|| Name::clone(name));
                matcher.homes.entry(mac).and_modify(|home| *home = None).or_insert(home);
            }
        }
        matcher
    }

    fn learn(&mut self, name: &Name, node: &Node) {
        let add = |map: &mut Candidates, key: &str| {
            if !key.is_empty() {
                Arc::make_mut(map.entry(key.to_owned()).or_default()).insert(Name::clone(name));
            }
        };
        let short = |name: &str| name.split_once('.').map(|(short, _)| short.to_owned());
        let Machine { instance, system_uuid, .. } = &node.machine;
        add(&mut self.instances, instance);
        add(&mut self.system_uuids, system_uuid);
        add(&mut self.names, &node.name);
        add(&mut self.short_names, &short(&node.name).unwrap_or_default());
        node.aliases.iter().for_each(|alias| add(&mut self.aliases, alias));
        if let Some(host_name) = &node.host_name {
            add(&mut self.host_names, host_name);
            add(&mut self.short_host_names, &short(host_name).unwrap_or_default());
        }
        if !instance.is_empty() {
            self.servers.insert(Name::clone(name), instance.clone());
        }
    }

    /// The Node that `node` means, for a row about the NIC `mac`.
    #[must_use]
    pub fn find(&self, node: &NodeRef, mac: Option<MacAddress>) -> Found {
        let id = node.id.as_deref().map(folded_id);
        let name = node.name.as_deref().map(folded);
        let mut denied = false;
        for tier in Tier::ALL {
            if denied && !tier.is_id() {
                continue;
            }
            let Some(all) = self.candidates(tier, id.as_deref(), name.as_deref()) else { continue };
            let candidates = self.undenied(all, id.as_deref());
            if candidates.is_empty() {
                denied = true;
                continue;
            }
            if let Some(home) = self.home(tier, id.as_deref(), name.as_deref(), mac) {
                return Found::One(home);
            }
            return match candidates.first() {
                Some(one) if candidates.len() == 1 => Found::One(Name::clone(one)),
                _ => Found::Several(candidates),
            };
        }
        if denied { Found::Denied } else { Found::None }
    }

    /// Whether some object has a NIC with this MAC address.
    #[must_use]
    pub fn has(&self, mac: MacAddress) -> bool {
        self.homes.contains_key(&mac)
    }

    /// Every Node that is one machine with others, and all of these.
    pub fn twins(&self) -> impl Iterator<Item = (&Name, &Several)> {
        self.twins.iter()
    }

    fn candidates(&self, tier: Tier, id: Option<&str>, name: Option<&str>) -> Option<&Several> {
        match tier {
            Tier::Instance => self.instances.get(id?),
            Tier::SystemUuid => self.system_uuids.get(id?),
            Tier::Name => self.names.get(name?),
            Tier::Alias => self.aliases.get(name?),
            Tier::HostName => self.host_names.get(name?),
            Tier::Sanitised => {
                let name = sanitised(name?);
                self.names.get(&name).or_else(|| self.host_names.get(&name))
            }
            Tier::Short => shortened(name?, &self.names, &self.short_names),
            Tier::ShortHostName => shortened(name?, &self.host_names, &self.short_host_names),
        }
    }

    /// Those of `all` that may be the server `id`.
    fn undenied(&self, all: &Several, id: Option<&str>) -> Several {
        let Some(id) = id else { return Arc::clone(all) };
        let denied = |node: &Name| self.servers.get(node).is_some_and(|server| server != id);
        if all.iter().any(denied) {
            Arc::new(all.iter().filter(|node| !denied(node)).map(Name::clone).collect())
        } else {
            Arc::clone(all)
        }
    }

    /// The Node whose object has the NIC, where the row may mean it no less than what `tier` found.
    fn home(
        &self,
        tier: Tier,
        id: Option<&str>,
        name: Option<&str>,
        mac: Option<MacAddress>,
    ) -> Option<Name> {
        let home = self.homes.get(&mac?)?.as_ref().filter(|_| !tier.outweighs_home())?;
        let means_it = |tier: Tier| {
            let candidates = self.candidates(tier, id, name);
            candidates.is_some_and(|all| all.contains(home) && self.undenied(all, id).contains(home))
        };
        Tier::ALL.into_iter().any(means_it).then(|| Name::clone(home))
    }
}

/// The Node that has `name` where one of the two is fully qualified and the other is not.
fn shortened<'a>(name: &str, full: &'a Candidates, short: &'a Candidates) -> Option<&'a Several> {
    match name.split_once('.') {
        // Only an unqualified Node is meant: `node1.a` and `node1.b` are two machines.
        Some((first, domain)) if is_domain(domain) => full.get(first),
        Some(_) => None,
        None => short.get(name).or_else(|| short.get(&sanitised(name))),
    }
}

/// Whether it can be one: the last label of a domain does not begin with a digit, that of a version does.
fn is_domain(text: &str) -> bool {
    let last = text.rsplit('.').next().unwrap_or_default();
    last.starts_with(|c: char| !c.is_ascii_digit())
}

/// The host name that Nova makes of a server's display name.
fn sanitised(name: &str) -> String {
    let dashed = name.chars().map(|c| if matches!(c, ' ' | '.' | '_') { '-' } else { c });
    let kept: String =
        dashed.filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(MAX_HOST_NAME).collect();
    kept.trim_matches('-').to_ascii_lowercase()
}

/// The Nodes that are one machine, for each of them.
fn twins(nodes: &Index<Node>) -> HashMap<Name, Several> {
    let mut groups = HashMap::<Machine, Vec<(&Name, &Machine)>>::new();
    for (name, node) in nodes.iter() {
        let Machine { instance, system_uuid, machine_id } = &node.machine;
        let by_server = Machine { instance: instance.clone(), ..Machine::default() };
        let by_firmware = Machine {
            system_uuid: system_uuid.clone(),
            machine_id: machine_id.clone(),
            ..Machine::default()
        };
        for (key, known) in [(by_server, instance), (by_firmware, system_uuid)] {
            if !known.is_empty() {
                groups.entry(key).or_default().push((name, &node.machine));
            }
        }
    }
    let mut twins = HashMap::new();
    for group in groups.into_values().filter(|group| group.len() > 1) {
        // Two servers in it, and the rest of what they share are copies.
        let (_, first) = group[0];
        let instances: BTreeSet<_> =
            group.iter().map(|(_, machine)| &machine.instance).filter(|id| !id.is_empty()).collect();
        if instances.len() < 2 && group.iter().all(|(_, machine)| !machine.contradicts(first)) {
            let names: Several = Arc::new(group.iter().map(|(name, _)| Name::clone(name)).collect());
            for (name, _) in group {
                twins.insert(Name::clone(name), Arc::clone(&names));
            }
        }
    }
    twins
}

#[cfg(test)]
mod tests;
