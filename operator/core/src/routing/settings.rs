//! The chart's value `networking`, as the operator gets it: JSON.

use std::{collections::BTreeMap, fmt::Display, num::NonZeroU32, str::FromStr};

use multinic_crds::{Addressing, MAX_ROUTES, NextHop, Route, RouteDestination, RouteTable, Verify};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::addressing::{WORDS, addressing};

/// What is said of all subnets, and of some.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Networking {
    all: Choice,
    /// By their ids in Neutron, in lower case.
    subnets: BTreeMap<String, Subnet>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Choice {
    source_routing: Option<bool>,
    host_routes: Option<bool>,
    addressing: Option<Addressing>,
    verify: Option<Verify>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Subnet {
    choice: Choice,
    gateway: Option<NextHop>,
    routes: Vec<Route>,
}

/// What holds for one subnet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chosen<'a> {
    /// Whether replies leave by the NIC; the Node says it where this does not.
    pub(super) source_routing: Option<bool>,
    /// Whether the routes that the table has of the subnet are used.
    pub(super) host_routes: bool,
    /// Where the addresses come from of which the table says nothing; the Node says it where this does not.
    pub(super) addressing: Option<Addressing>,
    /// How far it is proven that NICs work.
    pub(super) verify: Verify,
    /// The router that replies leave by.
    pub(super) gateway: Option<NextHop>,
    /// Routes, each of which may be.
    pub(super) routes: &'a [Route],
}

/// A setting that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {why}")]
pub struct NetworkingError {
    path: String,
    why: String,
}

impl Networking {
    pub(super) fn of(&self, subnet_id: &str) -> Chosen<'_> {
        let subnet = self.subnets.get(&subnet_id.to_ascii_lowercase());
        let choice = subnet.map(|subnet| subnet.choice).unwrap_or_default();
        Chosen {
            source_routing: choice.source_routing.or(self.all.source_routing),
            host_routes: choice.host_routes.or(self.all.host_routes).unwrap_or(true),
            addressing: choice.addressing.or(self.all.addressing),
            verify: choice.verify.or(self.all.verify).unwrap_or_default(),
            gateway: subnet.and_then(|subnet| subnet.gateway),
            routes: subnet.map_or(&[], |subnet| &subnet.routes),
        }
    }
}

impl FromStr for Networking {
    type Err = NetworkingError;

    /// Nothing is the defaults, as in a template.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const ROOT: &str = "networking";
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let mut section = Section::new(ROOT.to_owned(), serde_json::from_str(text).map_err(at(ROOT))?)?;
        let all = Choice::take(&mut section)?;
        let mut subnets = BTreeMap::new();
        for (id, value) in section.take::<Map<String, Value>>("subnets")?.unwrap_or_default() {
            let path = format!("{ROOT}.subnets.{id}");
            let subnet = Subnet::read(Section::new(path.clone(), value)?)?;
            if subnets.insert(id.trim().to_ascii_lowercase(), subnet).is_some() {
                return Err(at(&path)("the subnet is there twice; keep one"));
            }
        }
        section.end()?;
        Ok(Self { all, subnets })
    }
}

impl Choice {
    fn take(section: &mut Section) -> Result<Self, NetworkingError> {
        Ok(Self {
            source_routing: section.take("sourceRouting")?,
            host_routes: section.take("hostRoutes")?,
            addressing: unsaid_addresses(section)?,
            verify: section.take("verify")?,
        })
    }
}

fn unsaid_addresses(section: &mut Section) -> Result<Option<Addressing>, NetworkingError> {
    let fault = at(&section.path_of("addressing"));
    let Some(word) = section.take::<String>("addressing")? else { return Ok(None) };
    if word == Addressing::Static.as_str() {
        let in_table =
            "static addresses come from the table, in multi_interface.address, and count there in any case";
        return Err(fault(format!("{in_table}; write one of {WORDS}")));
    }
    addressing(&word).map(Some).ok_or_else(|| fault(format!("{word:?} is none of {WORDS}")))
}

impl Subnet {
    fn read(mut section: Section) -> Result<Self, NetworkingError> {
        let choice = Choice::take(&mut section)?;
        let gateway = section.take("gateway")?;
        let path = section.path_of("routes");
        let entries = section.take::<Vec<Value>>("routes")?.unwrap_or_default();
        section.end()?;
        if entries.len() > MAX_ROUTES {
            return Err(at(&path)(format!(
                "{} routes are more than the {MAX_ROUTES} of a NIC",
                entries.len()
            )));
        }
        let route = |(number, value)| route(Section::new(format!("{path}[{number}]"), value)?);
        let routes = entries.into_iter().enumerate().map(route).collect::<Result<_, _>>()?;
        Ok(Self { choice, gateway, routes })
    }
}

fn route(mut section: Section) -> Result<Route, NetworkingError> {
    let fault = at(&section.path);
    let destination: Option<RouteDestination> = section.take("destination")?;
    let route = Route {
        destination: destination.ok_or_else(|| fault("destination is missing"))?,
        via: section.take("via")?,
        metric: section.take::<NonZeroU32>("metric")?.map(NonZeroU32::get),
        table: section.take::<RouteTable>("table")?,
        on_link: section.take("onLink")?.unwrap_or_default(),
    };
    section.end()?;
    route.contradiction().map_or(Ok(route), |words| Err(fault(words)))
}

/// A mapping whose keys are taken out one by one, so that what is left is none that there is.
struct Section {
    path: String,
    fields: Map<String, Value>,
}

impl Section {
    fn new(path: String, value: Value) -> Result<Self, NetworkingError> {
        match value {
            Value::Object(fields) => Ok(Self { path, fields }),
            // Taken out again, by somebody who had set it.
            Value::Null => Ok(Self { path, fields: Map::new() }),
            other => Err(at(&path)(format!("{other} is not a mapping"))),
        }
    }

    fn path_of(&self, key: &str) -> String {
        format!("{}.{key}", self.path)
    }

    fn take<T: DeserializeOwned>(&mut self, key: &str) -> Result<Option<T>, NetworkingError> {
        let value = self.fields.remove(key).unwrap_or_default();
        serde_json::from_value(value).map_err(at(&self.path_of(key)))
    }

    fn end(self) -> Result<(), NetworkingError> {
        match self.fields.keys().next() {
            Some(key) => Err(at(&self.path_of(key))("there is no such setting")),
            None => Ok(()),
        }
    }
}

fn at<E: Display>(path: &str) -> impl Fn(E) -> NetworkingError + use<E> {
    let path = path.to_owned();
    move |why| NetworkingError { path: path.clone(), why: why.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Chosen<'static> = Chosen {
        source_routing: None,
        host_routes: true,
        addressing: None,
        verify: Verify::Kernel,
        gateway: None,
        routes: &[],
    };

    #[test]
    fn a_subnets_own_section_goes_before_the_one_for_all() {
        let networking: Networking = r#"{
            "sourceRouting": true, "hostRoutes": false, "subnets": {
                "Net-1": { "sourceRouting": false, "gateway": "10.20.0.1" },
                "net-2": { "hostRoutes": true, "routes": [{ "destination": "10.30.0.0/16", "via": "10.20.0.9" }] },
                "net-3": null
            }
        }"#
        .parse()
        .unwrap();
        let all = Chosen { source_routing: Some(true), host_routes: false, ..NOTHING };
        assert_eq!((networking.of("net-3"), networking.of("")), (all, all));
        let gateway = "10.20.0.1".parse().ok();
        assert_eq!(networking.of("net-1"), Chosen { source_routing: Some(false), gateway, ..all });
        let route = Route::by("10.30.0.0/16".parse().unwrap(), "10.20.0.9".parse().unwrap());
        assert_eq!(networking.of("net-2"), Chosen { host_routes: true, routes: &[route], ..all });
    }

    #[test]
    fn nothing_said_is_no_source_routing_unless_the_node_says_so_and_the_routes_of_the_table() {
        for text in ["", "{}", "null", r#"{"subnets": null}"#] {
            assert_eq!(text.parse(), Ok(Networking::default()), "{text}");
        }
        assert_eq!(Networking::default().of("net-1"), NOTHING);
    }

    #[test]
    fn where_addresses_come_from_and_how_far_nics_are_proven_a_subnet_says_before_all() {
        let networking: Networking = r#"{
            "addressing": "dhcp4", "verify": "wire", "subnets": {
                "net-1": { "addressing": "none" }, "net-2": { "addressing": "slaac", "verify": "kernel" }
            }
        }"#
        .parse()
        .unwrap();
        let of = |subnet| {
            let chosen = networking.of(subnet);
            (chosen.addressing.unwrap(), chosen.verify)
        };
        assert_eq!(of(""), (Addressing::Dhcp4, Verify::Wire));
        assert_eq!(of("net-1"), (Addressing::None, Verify::Wire));
        assert_eq!(of("net-2"), (Addressing::Slaac, Verify::Kernel));
    }

    #[test]
    fn a_setting_that_cannot_be_is_named_by_its_path() {
        for (text, complaint) in [
            ("[", "networking: EOF"),
            ("[]", "networking: [] is not a mapping"),
            (r#"{"sourceRouting": "yes"}"#, "networking.sourceRouting: invalid type: string"),
            (r#"{"sourcerouting": true}"#, "networking.sourcerouting: there is no such setting"),
            (r#"{"subnets": []}"#, "networking.subnets: invalid type"),
            (r#"{"subnets": {"a": 7}}"#, "networking.subnets.a: 7 is not a mapping"),
            (r#"{"subnets": {"a": {"gw": ""}}}"#, "networking.subnets.a.gw: there is no such"),
            (
                r#"{"addressing": "dhcp"}"#,
                "networking.addressing: \"dhcp\" is none of dhcp4, dhcp6, slaac and none",
            ),
            (r#"{"addressing": ""}"#, "networking.addressing: \"\" is none of"),
            (
                r#"{"subnets": {"a": {"addressing": "static"}}}"#,
                "networking.subnets.a.addressing: static addresses come from the table",
            ),
            (
                r#"{"verify": "twice"}"#,
                "networking.verify: unknown variant `twice`, expected `kernel` or `wire`",
            ),
            (r#"{"subnets": {"a": {}, "A": {}}}"#, "the subnet is there twice"),
            (
                r#"{"subnets": {"a": {"gateway": "x"}}}"#,
                r#"networking.subnets.a.gateway: "x" is not the address"#,
            ),
            (
                r#"{"subnets": {"a": {"routes": [{}]}}}"#,
                "networking.subnets.a.routes[0]: destination is missing",
            ),
        ] {
            let error = text.parse::<Networking>().unwrap_err().to_string();
            assert!(error.contains(complaint), "{text}: {error}");
        }
    }

    #[test]
    fn a_route_that_cannot_be_is_named_by_its_number() {
        let error = |fields: &str| {
            let good = r#"{"destination": "10.4.0.0/16"}"#;
            let text = format!(r#"{{"subnets": {{"a": {{"routes": [{good}, {{{fields}}}]}}}}}}"#);
            text.parse::<Networking>().unwrap_err().to_string()
        };
        for (fields, complaint) in [
            (r#""destination": "10.30.0.1/16""#, ".destination: \"10.30.0.1/16\" is not a network"),
            (
                r#""destination": "10.30.0.0/16", "via": "fe80::1""#,
                ": via and destination must be of the same family",
            ),
            (
                r#""destination": "0.0.0.0/0", "via": "10.20.0.1""#,
                ": a default route needs a table of its own",
            ),
            (r#""destination": "10.30.0.0/16", "onLink": true"#, ": onLink is about via"),
            (r#""destination": "10.30.0.0/16", "metric": 0"#, ".metric: invalid value"),
            (r#""destination": "10.30.0.0/16", "table": 5300"#, ".table: 5300 is not a routing table"),
            (r#""destination": "10.30.0.0/16", "dev": "eth0""#, ".dev: there is no such setting"),
        ] {
            let error = error(fields);
            assert!(error.starts_with(&format!("networking.subnets.a.routes[1]{complaint}")), "{error}");
        }
        let many = vec![r#"{"destination": "10.4.0.0/16"}"#; 33].join(",");
        let text = format!(r#"{{"subnets": {{"a": {{"routes": [{many}]}}}}}}"#);
        assert!(
            text.parse::<Networking>().unwrap_err().to_string().contains("33 routes are more than the 32")
        );
    }
}
