//! The subnets that one reading saw, by id.

use std::{collections::HashMap, sync::Arc};

use crate::routing::{Columns, RawColumns};

/// What the table of subnets says of the subnet of a row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Cidr<'a> {
    /// Nothing.
    #[default]
    Unknown,
    /// That it is deleted.
    Deleted,
    /// Its network and prefix, as it is written.
    Is(&'a [u8]),
    /// Two rows say two things.
    Twice,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Subnet {
    Deleted,
    Alive { cidr: Result<Option<Vec<u8>>, Twice>, columns: Arc<Columns> },
}

/// Two rows say two things.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Twice;

/// All rows of the table of subnets.
///
/// They are joined here and not by the server, which refuses to compare columns of different collations.
#[derive(Debug, Default)]
pub struct Subnets {
    exactly: HashMap<Vec<u8>, Subnet>,
    /// As most collations, and so foreign keys, compare.
    folded: HashMap<Vec<u8>, Subnet>,
}

impl Subnets {
    /// Takes in one row of the table of subnets.
    pub fn add(&mut self, id: &[u8], raw: RawColumns<'_>, is_alive: bool) {
        let subnet = if is_alive {
            let cidr = Ok(raw.cidr.map(|cidr| cidr.trim_ascii().to_owned()));
            Subnet::Alive { cidr, columns: Arc::new(Columns::read(raw)) }
        } else {
            Subnet::Deleted
        };
        for (subnets, id) in [(&mut self.exactly, id.to_owned()), (&mut self.folded, fold(id))] {
            let known = subnets.entry(id).or_insert(Subnet::Deleted);
            *known = merged(known, &subnet);
        }
    }

    /// The prefix of the subnet with this id.
    #[must_use]
    pub fn cidr(&self, id: Option<&[u8]>) -> Cidr<'_> {
        match self.get(id) {
            None | Some(Subnet::Alive { cidr: Ok(None), .. }) => Cidr::Unknown,
            Some(Subnet::Alive { cidr: Ok(Some(cidr)), .. }) => Cidr::Is(cidr),
            Some(Subnet::Alive { cidr: Err(Twice), .. }) => Cidr::Twice,
            Some(Subnet::Deleted) => Cidr::Deleted,
        }
    }

    /// What the subnet with this id says, if it is there and not deleted.
    #[must_use]
    pub fn columns(&self, id: Option<&[u8]>) -> Option<&Arc<Columns>> {
        match self.get(id)? {
            Subnet::Alive { columns, .. } => Some(columns),
            Subnet::Deleted => None,
        }
    }

    fn get(&self, id: Option<&[u8]>) -> Option<&Subnet> {
        let id = id?;
        self.exactly.get(id).or_else(|| self.folded.get(&fold(id)))
    }
}

fn merged(known: &Subnet, new: &Subnet) -> Subnet {
    match (known, new) {
        (Subnet::Deleted, other) | (other, Subnet::Deleted) => other.clone(),
        (known, new) if known == new => new.clone(),
        (Subnet::Alive { cidr: one, columns: of_one }, Subnet::Alive { cidr: other, columns: of_other }) => {
            Subnet::Alive {
                cidr: if one == other { one.clone() } else { Err(Twice) },
                columns: Arc::new(of_one.merged(of_other)),
            }
        }
    }
}

fn fold(id: &[u8]) -> Vec<u8> {
    id.trim_ascii().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(cidr: &str) -> RawColumns<'_> {
        RawColumns { cidr: Some(cidr.as_bytes()), ..RawColumns::default() }
    }

    #[test]
    fn a_subnet_that_two_living_rows_describe_in_two_ways_is_not_guessed() {
        let mut subnets = Subnets::default();
        subnets.add(b"s1", with("10.0.0.0/16"), false);
        assert_eq!(subnets.cidr(Some(b"s1")), Cidr::Deleted);
        subnets.add(b"s1", with("10.0.0.0/24"), true);
        subnets.add(b"s1", with("10.0.0.0/24 "), true);
        subnets.add(b"s1", with("10.0.0.0/16"), false);
        assert_eq!(subnets.cidr(Some(b"s1")), Cidr::Is(b"10.0.0.0/24"));
        subnets.add(b"s1", with("10.0.0.0/25"), true);
        assert_eq!(subnets.cidr(Some(b"s1")), Cidr::Twice);
        subnets.add(b"s1", with("10.0.0.0/24"), true);
        assert_eq!(subnets.cidr(Some(b"s1")), Cidr::Twice);
    }

    #[test]
    fn an_id_is_found_in_any_case_unless_there_is_one_in_its_own() {
        let mut subnets = Subnets::default();
        subnets.add(b"Net-A ", with("10.0.0.0/24"), true);
        assert_eq!(subnets.cidr(Some(b"net-a")), Cidr::Is(b"10.0.0.0/24"));
        subnets.add(b"net-a", with("10.1.0.0/24"), true);
        assert_eq!(subnets.cidr(Some(b"net-a")), Cidr::Is(b"10.1.0.0/24"));
        assert_eq!(subnets.cidr(Some(b"NET-A")), Cidr::Twice);
        assert_eq!((subnets.cidr(Some(b"net-b")), subnets.cidr(None)), (Cidr::Unknown, Cidr::Unknown));
    }

    #[test]
    fn of_two_living_rows_only_that_is_not_guessed_in_which_they_differ() {
        let mut subnets = Subnets::default();
        assert_eq!(subnets.columns(Some(b"s1")), None);
        subnets.add(b"s1", RawColumns { gateway_ip: Some(b"10.0.0.1"), ..with("10.0.0.0/24") }, true);
        subnets.add(b"s1", RawColumns { gateway_ip: Some(b"10.0.0.9"), ..with("10.0.0.0/24") }, false);
        let gateway = |subnets: &Subnets| subnets.columns(Some(b"S1")).unwrap().gateway_ip.clone();
        assert_eq!(gateway(&subnets), Ok("10.0.0.1".parse().ok()));
        subnets.add(b"s1", with("10.0.0.0/24"), true);
        assert_eq!(subnets.cidr(Some(b"s1")), Cidr::Is(b"10.0.0.0/24"));
        assert!(gateway(&subnets).unwrap_err().message.contains("twice, with different gateway_ip"));
    }
}
