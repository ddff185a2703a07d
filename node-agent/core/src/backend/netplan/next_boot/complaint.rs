//! What netplan says of files that it does not take, without what stands in them.

use std::fmt;

use multinic_crds::InterfaceName;

/// netplan's errors, each with its place.
///
/// netplan prints the line that it stumbled over, and quotes values: both may be a key or a password.
/// What is kept is the place, and the message without its quotes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Complaint(Vec<Error>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Error {
    /// The file, where netplan says which.
    path: Option<String>,
    /// `:line:column`, as far as netplan says it.
    position: String,
    message: String,
}

/// How many of several errors are told.
const MOST: usize = 2;
const IN_DEFINITION: &str = "Error in network definition:";

impl Complaint {
    /// What a generator printed that ran below `stage`.
    #[must_use]
    pub fn parse(stderr: &str, stage: &str) -> Self {
        Self(stderr.lines().filter_map(|line| Error::parse(line.trim(), stage)).take(MOST).collect())
    }

    /// The first file that netplan names.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        self.0.iter().find_map(|error| error.path.as_deref())
    }
}

impl Error {
    fn parse(line: &str, stage: &str) -> Option<Self> {
        let Some(located) = line.strip_prefix(stage) else {
            let message = line.strip_prefix(IN_DEFINITION).or_else(|| line.strip_prefix("ERROR:"))?;
            return Some(Self { path: None, position: String::new(), message: without_quotes(message) });
        };
        let end = located.find(".yaml:")? + ".yaml".len();
        let (path, rest) = located.split_at(end);
        let message_at = rest.find(|c: char| !c.is_ascii_digit() && c != ':').unwrap_or(rest.len());
        let (position, message) = rest.split_at(message_at);
        let message = message.trim().trim_start_matches(IN_DEFINITION);
        Some(Self {
            path: Some(path.to_owned()),
            position: position.trim_end_matches(':').to_owned(),
            message: without_quotes(message),
        })
    }
}

/// `message` with everything between its first and its last quotation mark left out, unless that is a name of ours.
fn without_quotes(message: &str) -> String {
    let message = message.trim().trim_end_matches(':');
    let is_quote = |c: char| matches!(c, '\'' | '"' | '`' | '‘' | '’');
    let (Some(first), Some(last)) = (message.find(is_quote), message.rfind(is_quote)) else {
        return message.to_owned();
    };
    let inner_at = first + message[first..].chars().next().map_or(1, char::len_utf8);
    let is_ours = message.get(inner_at..last).is_some_and(|inner| inner.parse::<InterfaceName>().is_ok());
    if is_ours {
        return message.to_owned();
    }
    let after = last + message[last..].chars().next().map_or(1, char::len_utf8);
    format!("{}'…'{}", &message[..first], &message[after..])
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("netplan does not say why");
        }
        for (number, Error { path, position, message }) in self.0.iter().enumerate() {
            let separator = if number == 0 { "" } else { "; " };
            match path {
                Some(path) => write!(f, "{separator}{path}{position}: {message}")?,
                None => write!(f, "{separator}{message}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAGE: &str = "/run/multinic/stage";

    fn told(stderr: &str) -> String {
        Complaint::parse(stderr, STAGE).to_string()
    }

    #[test]
    fn the_place_and_the_message_are_kept() {
        let missing = "/run/multinic/stage/etc/netplan/70-storage.yaml:3:35: Error in network definition: \
                       storage5: interface 'multinic0' is not defined\n  vlans: {storage5: {link: multinic0}}\n   ^\n";
        assert_eq!(
            told(missing),
            "/etc/netplan/70-storage.yaml:3:35: storage5: interface 'multinic0' is not defined"
        );
        assert_eq!(Complaint::parse(missing, STAGE).path(), Some("/etc/netplan/70-storage.yaml"));
        // As 1.1.2 prints it.
        let whole = "/run/multinic/stage/etc/netplan/50.yaml: Error in network definition: wg0: invalid wireguard private key\n";
        assert_eq!(told(whole), "/etc/netplan/50.yaml: wg0: invalid wireguard private key");
    }

    #[test]
    fn neither_the_line_nor_what_netplan_quotes_of_it_is_kept() {
        for stderr in [
            "/run/multinic/stage/etc/netplan/50.yaml:8:12: Error in network definition: expected mapping (check \
             indentation)\n           password \"s3cr3t\"\n           ^\n",
            "/run/multinic/stage/etc/netplan/50.yaml:8:12: Error in network definition: unknown key 's3cr3t'\n",
            "/run/multinic/stage/etc/netplan/50.yaml:8:12: Error in network definition: invalid tunnel key 'it's s3cr3t'\n",
            "/run/multinic/stage/etc/netplan/50.yaml:8:12: Invalid YAML: inconsistent indentation:\n  key: s3cr3t\n  ^\n",
            "Error in network definition: wlan0: bad ‘s3cr3t’\n",
            "key: s3cr3t\n",
            "(generate:7): WARNING **: 12:00:00.000: s3cr3t\n",
        ] {
            let told = told(stderr);
            assert!(!told.contains("s3cr3t"), "{told}");
            let placed = !stderr.starts_with("/run") || told.starts_with("/etc/netplan/50.yaml:8:12: ");
            assert!(placed, "{told}");
        }
    }
}
