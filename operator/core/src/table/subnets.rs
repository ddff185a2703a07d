//! The subnets that one reading saw, by id.

use std::collections::HashMap;

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
    Alive(Option<Vec<u8>>),
    Twice,
}

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
    pub fn add(&mut self, id: &[u8], cidr: Option<&[u8]>, is_alive: bool) {
        let cidr = cidr.map(|cidr| cidr.trim_ascii().to_owned());
        let subnet = if is_alive { Subnet::Alive(cidr) } else { Subnet::Deleted };
        for (subnets, id) in [(&mut self.exactly, id.to_owned()), (&mut self.folded, fold(id))] {
            let known = subnets.entry(id).or_insert(Subnet::Deleted);
            *known = merged(known, &subnet);
        }
    }

    /// The prefix of the subnet with this id.
    #[must_use]
    pub fn cidr(&self, id: Option<&[u8]>) -> Cidr<'_> {
        let Some(id) = id else { return Cidr::Unknown };
        match self.exactly.get(id).or_else(|| self.folded.get(&fold(id))) {
            None | Some(Subnet::Alive(None)) => Cidr::Unknown,
            Some(Subnet::Alive(Some(cidr))) => Cidr::Is(cidr),
            Some(Subnet::Deleted) => Cidr::Deleted,
            Some(Subnet::Twice) => Cidr::Twice,
        }
    }
}

fn merged(known: &Subnet, new: &Subnet) -> Subnet {
    match (known, new) {
        (Subnet::Deleted, other) | (other, Subnet::Deleted) => other.clone(),
        (known, new) if known == new => new.clone(),
        _ => Subnet::Twice,
    }
}

fn fold(id: &[u8]) -> Vec<u8> {
    id.trim_ascii().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subnet_that_two_living_rows_describe_in_two_ways_is_not_guessed() {
        let mut subnets = Subnets::default();
        subnets.add(b"s1", Some(b"10.0.0.0/16"), false);
        assert_eq!(subnets.cidr(Some(b"s1")), Cidr::Deleted);
        subnets.add(b"s1", Some(b"10.0.0.0/24"), true);
        subnets.add(b"s1", Some(b"10.0.0.0/24 "), true);
        subnets.add(b"s1", Some(b"10.0.0.0/16"), false);
        assert_eq!(subnets.cidr(Some(b"s1")), Cidr::Is(b"10.0.0.0/24"));
        subnets.add(b"s1", Some(b"10.0.0.0/25"), true);
        assert_eq!(subnets.cidr(Some(b"s1")), Cidr::Twice);
        subnets.add(b"s1", Some(b"10.0.0.0/24"), true);
        assert_eq!(subnets.cidr(Some(b"s1")), Cidr::Twice);
    }

    #[test]
    fn an_id_is_found_in_any_case_unless_there_is_one_in_its_own() {
        let mut subnets = Subnets::default();
        subnets.add(b"Net-A ", Some(b"10.0.0.0/24"), true);
        assert_eq!(subnets.cidr(Some(b"net-a")), Cidr::Is(b"10.0.0.0/24"));
        subnets.add(b"net-a", Some(b"10.1.0.0/24"), true);
        assert_eq!(subnets.cidr(Some(b"net-a")), Cidr::Is(b"10.1.0.0/24"));
        assert_eq!(subnets.cidr(Some(b"NET-A")), Cidr::Twice);
        assert_eq!((subnets.cidr(Some(b"net-b")), subnets.cidr(None)), (Cidr::Unknown, Cidr::Unknown));
    }
}
