//! The kernel's links, addresses and routes, by netlink only.
//!
//! Needs `CAP_NET_ADMIN` for changes, and for the two sysctls a writable
//! `/proc/sys`, which an unprivileged container has only through the host's root.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    net::IpAddr,
    path::{Path, PathBuf},
};

use futures::TryStreamExt;
use ipnet::IpNet;
use multinic_crds::MacAddress;
use rtnetlink::{
    AddressMessageBuilder, Handle, IpVersion, LinkUnspec, RouteMessageBuilder,
    packet_route::{
        AddressFamily,
        address::{AddressAttribute, AddressFlags, AddressHeaderFlags, AddressMessage},
        link::{
            AfSpecInet6, AfSpecUnspec, InfoKind, LinkAttribute, LinkFlags, LinkInfo, LinkLayerType,
            LinkMessage, Prop, State,
        },
        route::{RouteFlags, RouteType},
    },
};

use crate::{
    converge::Step,
    host::routes,
    link::{Address, AddressState, Ipv6, KernelView, Link, LinkKind},
    route::{Route, Rule},
};

/// A look or a change that the kernel refused.
#[derive(Debug, thiserror::Error)]
pub enum NetlinkError {
    /// No socket.
    #[error("failed to open a netlink socket")]
    Open(#[source] io::Error),
    /// An answer that is an error, such as EPERM without `CAP_NET_ADMIN`.
    #[error("{0}")]
    Kernel(#[from] rtnetlink::Error),
    /// A sysctl cannot be written.
    #[error("failed to write {path}: {source}")]
    Sysctl {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

const ENOENT: i32 = 2;
const EEXIST: i32 = 17;
const EADDRNOTAVAIL: i32 = 99;
/// ENETUNREACH, EHOSTUNREACH.
const NO_ROUTE: [i32; 2] = [-101, -113];

/// The network namespace that this process is in.
pub struct Netlink {
    handle: Handle,
    sysctls: PathBuf,
}

impl Netlink {
    /// A connection to the kernel, where `host_root` is where the host's root is mounted.
    pub fn connect(host_root: &Path) -> Result<Self, NetlinkError> {
        let (connection, handle, _) = rtnetlink::new_connection().map_err(NetlinkError::Open)?;
        tokio::spawn(connection);
        // In a container only the host's mount of /proc/sys is writable; both show this
        // process's own network namespace.
        let of_host = host_root.join("proc/sys/net/ipv6/conf");
        let own = PathBuf::from("/proc/sys/net/ipv6/conf");
        Ok(Self { handle, sysctls: if of_host.is_dir() { of_host } else { own } })
    }

    /// Everything that decisions rest on, where the API server has these addresses.
    pub async fn view(&self, api_server: &[IpAddr]) -> Result<KernelView, NetlinkError> {
        let mut addresses = self.addresses().await?;
        let mut view = KernelView { rules: self.rules().await?, ..KernelView::default() };
        let mut dump = self.handle.link().get().execute();
        while let Some(message) = dump.try_next().await? {
            let index = message.header.index;
            let own = addresses.remove(&index).unwrap_or_default();
            view.links.push(link(&message, own));
            view.vrf_tables.extend(routes::vrf_table(&message).map(|table| (index, table)));
        }
        self.routes(&mut view).await?;
        view.api_server_routes = self.routes_to(api_server.iter().copied()).await?;
        view.gateway_routes = self.routes_to(view.default_gateways()).await?;
        Ok(view)
    }

    /// Makes one change. Repeating it does no harm.
    pub async fn apply(&self, step: &Step) -> Result<(), NetlinkError> {
        let change = |message: LinkMessage| self.handle.link().set(message).execute();
        match step {
            Step::SetUp { index } => change(LinkUnspec::new_with_index(*index).up().build()).await?,
            Step::SetDown { index } => change(LinkUnspec::new_with_index(*index).down().build()).await?,
            Step::Rename { index, to } => change(LinkUnspec::new_with_index(*index).name(to).build()).await?,
            Step::AddAltName { index, name } => {
                let request = self.handle.link().property_add(*index).alt_ifname(&[name]);
                done_if(EEXIST, request.execute().await)?;
            }
            Step::DropAltName { index, name } => {
                let request = self.handle.link().property_del(*index).alt_ifname(&[name]);
                done_if(ENOENT, request.execute().await)?;
            }
            Step::SetMtu { index, bytes } => {
                change(LinkUnspec::new_with_index(*index).mtu(*bytes).build()).await?;
            }
            Step::SetIpv6 { name, to } => self.set_ipv6(name, *to)?,
            Step::AddAddress { index, net } => {
                self.handle.address().add(*index, net.addr(), net.prefix_len()).replace().execute().await?;
            }
            Step::RemoveAddress { index, net } => self.remove_address(*index, *net).await?,
        }
        Ok(())
    }

    async fn remove_address(&self, index: u32, net: IpNet) -> Result<(), NetlinkError> {
        let message = match net {
            IpNet::V4(v4) => AddressMessageBuilder::<std::net::Ipv4Addr>::new()
                .index(index)
                .address(v4.addr(), v4.prefix_len())
                .build(),
            IpNet::V6(v6) => AddressMessageBuilder::<std::net::Ipv6Addr>::new()
                .index(index)
                .address(v6.addr(), v6.prefix_len())
                .build(),
        };
        // Gone already: with its primary address, or when the link went down.
        done_if(EADDRNOTAVAIL, self.handle.address().del(message).execute().await)
    }

    /// By sysctl: only that way the kernel makes a link-local address on a link that is up.
    fn set_ipv6(&self, name: &str, to: Ipv6) -> Result<(), NetlinkError> {
        for (key, value) in [("addr_gen_mode", i32::from(to.addr_gen_mode)), ("accept_ra", to.accept_ra)] {
            let path = self.sysctls.join(name).join(key);
            fs::write(&path, value.to_string()).map_err(|source| NetlinkError::Sysctl { path, source })?;
        }
        Ok(())
    }

    async fn addresses(&self) -> Result<BTreeMap<u32, Vec<Address>>, NetlinkError> {
        let mut addresses: BTreeMap<u32, Vec<Address>> = BTreeMap::new();
        let mut dump = self.handle.address().get().execute();
        while let Some(message) = dump.try_next().await? {
            addresses.entry(message.header.index).or_default().extend(address(&message));
        }
        Ok(addresses)
    }

    /// Takes into `view` what every route says.
    async fn routes(&self, view: &mut KernelView) -> Result<(), NetlinkError> {
        let requests = [
            RouteMessageBuilder::<std::net::Ipv4Addr>::new().build(),
            RouteMessageBuilder::<std::net::Ipv6Addr>::new().build(),
        ];
        for request in requests {
            let mut dump = self.handle.route().get(request).execute();
            while let Some(message) = dump.try_next().await? {
                let unicast = message.header.kind == RouteType::Unicast;
                let Some(route) = routes::route(&message).filter(|_| unicast) else { continue };
                if !route.by_kernel {
                    view.routed.extend(&route.links);
                }
                view.gateways.extend(&route.gateways);
                if route.is_default() {
                    view.default_routes.push(route);
                }
            }
        }
        Ok(())
    }

    async fn rules(&self) -> Result<Vec<Rule>, NetlinkError> {
        let mut request = self.handle.rule().get(IpVersion::V4);
        // Of both families at once: asked for one that it lacks, the kernel refuses.
        request.message_mut().header.family = AddressFamily::Unspec;
        let messages: Vec<_> = request.execute().try_collect().await?;
        Ok(messages.iter().filter_map(routes::rule).collect())
    }

    async fn routes_to(
        &self,
        addresses: impl Iterator<Item = IpAddr>,
    ) -> Result<BTreeMap<IpAddr, Route>, NetlinkError> {
        let mut found = BTreeMap::new();
        for ip in addresses {
            found.extend(self.route_to(ip).await?.map(|route| (ip, route)));
        }
        Ok(found)
    }

    /// The route that packets to `ip` take; none where there is none.
    async fn route_to(&self, ip: IpAddr) -> Result<Option<Route>, NetlinkError> {
        let mut request = match ip {
            IpAddr::V4(v4) => {
                RouteMessageBuilder::<std::net::Ipv4Addr>::new().destination_prefix(v4, 32).build()
            }
            IpAddr::V6(v6) => {
                RouteMessageBuilder::<std::net::Ipv6Addr>::new().destination_prefix(v6, 128).build()
            }
        };
        // The route itself with all its next hops, not what it comes to for one packet.
        request.header.flags |= RouteFlags::FibMatch;
        match self.handle.route().get(request).execute().try_collect::<Vec<_>>().await {
            Ok(messages) => Ok(messages.iter().find_map(routes::route)),
            Err(rtnetlink::Error::NetlinkError(error)) if NO_ROUTE.contains(&error.raw_code()) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// A refusal by which the kernel says that there is nothing to do; reading back tells whether so.
fn done_if(code: i32, result: Result<(), rtnetlink::Error>) -> Result<(), NetlinkError> {
    match result {
        Err(rtnetlink::Error::NetlinkError(error)) if error.raw_code() == -code => Ok(()),
        result => Ok(result?),
    }
}

fn link(message: &LinkMessage, addresses: Vec<Address>) -> Link {
    let ethernet = message.header.link_layer_type == LinkLayerType::Ether;
    let mut link = Link {
        index: message.header.index,
        name: String::new(),
        alt_names: BTreeSet::new(),
        kind: if ethernet { LinkKind::Physical } else { LinkKind::NotEthernet },
        mac: None,
        permanent_mac: None,
        up: message.header.flags.contains(LinkFlags::Up),
        carrier: false,
        oper_state: "unknown".to_owned(),
        mtu: 0,
        mtu_range: (0, None),
        controller: None,
        lower: None,
        addresses,
        ipv6: None,
    };
    let mut parent = None;
    let mut parent_elsewhere = false;
    for attribute in &message.attributes {
        match attribute {
            LinkAttribute::IfName(name) => link.name.clone_from(name),
            LinkAttribute::PropList(props) => link.alt_names.extend(props.iter().filter_map(alt_name)),
            LinkAttribute::Address(bytes) => link.mac = mac(bytes),
            LinkAttribute::PermAddress(bytes) => link.permanent_mac = mac(bytes),
            LinkAttribute::Mtu(bytes) => link.mtu = *bytes,
            LinkAttribute::MinMtu(bytes) => link.mtu_range.0 = *bytes,
            LinkAttribute::MaxMtu(bytes) => link.mtu_range.1 = Some(*bytes).filter(|most| *most > 0),
            LinkAttribute::Carrier(carrier) => link.carrier = *carrier > 0,
            LinkAttribute::OperState(state) => oper_state(*state).clone_into(&mut link.oper_state),
            LinkAttribute::Controller(index) => link.controller = Some(*index).filter(|index| *index > 0),
            LinkAttribute::Link(index) => parent = Some(*index).filter(|index| *index > 0),
            LinkAttribute::LinkNetNsId(_) => parent_elsewhere = true,
            LinkAttribute::LinkInfo(infos) => {
                if let Some(kind) = infos.iter().find_map(kind) {
                    link.kind = LinkKind::Virtual(kind);
                }
            }
            LinkAttribute::AfSpecUnspec(specs) => link.ipv6 = specs.iter().find_map(ipv6),
            _ => {}
        }
    }
    // The peer of a veth is beside it, not below it.
    let pair = link.kind == LinkKind::Virtual(InfoKind::Veth.to_string());
    link.lower = parent.filter(|_| !parent_elsewhere && !pair);
    link
}

fn mac(bytes: &[u8]) -> Option<MacAddress> {
    MacAddress::from_octets(bytes.try_into().ok()?)
}

fn alt_name(prop: &Prop) -> Option<String> {
    if let Prop::AltIfName(name) = prop { Some(name.clone()) } else { None }
}

fn kind(info: &LinkInfo) -> Option<String> {
    if let LinkInfo::Kind(kind) = info { Some(kind.to_string()) } else { None }
}

/// None where the kernel has no IPv6 on the link.
fn ipv6(spec: &AfSpecUnspec) -> Option<Ipv6> {
    let AfSpecUnspec::Inet6(attributes) = spec else { return None };
    let mode = attributes.iter().find_map(|attribute| match attribute {
        AfSpecInet6::AddrGenMode(mode) => Some(u8::from(mode)),
        _ => None,
    });
    let accept_ra = attributes.iter().find_map(|attribute| match attribute {
        AfSpecInet6::DevConf(settings) => Some(settings.accept_ra),
        _ => None,
    });
    Some(Ipv6 { addr_gen_mode: mode?, accept_ra: accept_ra? })
}

const fn oper_state(state: State) -> &'static str {
    match state {
        State::NotPresent => "notpresent",
        State::Down => "down",
        State::LowerLayerDown => "lowerlayerdown",
        State::Testing => "testing",
        State::Dormant => "dormant",
        State::Up => "up",
        _ => "unknown",
    }
}

fn address(message: &AddressMessage) -> Option<Address> {
    let mut local = None;
    let mut peer = None;
    let mut flags = None;
    for attribute in &message.attributes {
        match attribute {
            AddressAttribute::Local(ip) => local = Some(*ip),
            AddressAttribute::Address(ip) => peer = Some(*ip),
            AddressAttribute::Flags(all) => flags = Some(*all),
            _ => {}
        }
    }
    let short = message.header.flags;
    let is = |long: AddressFlags, header: AddressHeaderFlags| {
        flags.is_some_and(|flags| flags.contains(long)) || short.contains(header)
    };
    let state = if is(AddressFlags::Dadfailed, AddressHeaderFlags::Dadfailed) {
        AddressState::Duplicate
    } else if is(AddressFlags::Tentative, AddressHeaderFlags::Tentative) {
        AddressState::Tentative
    } else {
        AddressState::Ready
    };
    // On a point-to-point link `Address` is the other end; IPv6 has no `Local` then.
    let net = IpNet::new(local.or(peer)?, message.header.prefix_len).ok()?;
    Some(Address { net, state })
}
