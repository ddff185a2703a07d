//! What the status table is called.

use std::{fmt, str::FromStr};

use crate::table::schema::{SUBNET_TABLE, TABLE};

/// Of the producer, beside those that are read.
const NODE_TABLE: &str = "node_table";
/// As long as a server lets a name be.
const LONGEST: usize = 64;

/// A name that needs no escape between back-ticks, and is none of the producer's tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableName(String);

impl FromStr for TableName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "_$".contains(letter);
        if text.is_empty() || text.len() > LONGEST || !text.chars().all(is_plain) {
            return Err(format!("write a name of up to {LONGEST} letters, digits, _ and $"));
        }
        if [TABLE, SUBNET_TABLE, NODE_TABLE].iter().any(|table| table.eq_ignore_ascii_case(text)) {
            return Err(format!("{text} is a table of OpenStack's side; write the name of one of its own"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_needs_no_escape_and_is_no_table_of_the_producers() {
        for fine in ["multi_interface_status", "Status2", "a$b"] {
            assert_eq!(fine.parse::<TableName>().unwrap().to_string(), fine);
        }
        let long = "x".repeat(65);
        for wrong in ["", "a`b", "a.b", "a b", "ä", &long, "multi_interface", "MULTI_SUBNET", "node_table"] {
            assert!(wrong.parse::<TableName>().is_err(), "{wrong}");
        }
    }
}
