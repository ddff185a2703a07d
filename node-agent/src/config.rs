//! The command line, which is also the environment.

use std::{
    collections::BTreeSet,
    net::{AddrParseError, IpAddr},
    path::PathBuf,
    str::FromStr,
};

use clap::{Parser, Subcommand};
use multinic_agent_core::protected::AllowedKind;
use multinic_runtime::RuntimeArgs;

use crate::{host::chroot::ChrootExec, restore::Restore};

/// Makes this node's additional NICs match its object, and reports what the kernel shows.
#[derive(Debug, Parser)]
#[command(name = "multinic-agent", version = multinic_runtime::VERSION, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: RunArgs,
}

/// What to do; `run` where nothing is said.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Keep this node's NICs as wanted (the default)
    Run(RunArgs),
    /// Give every NIC of ours back and remove our files, for an uninstall
    Cleanup(CleanupArgs),
    /// Run a program in another root directory (for the agent itself)
    #[command(hide = true)]
    ChrootExec(ChrootExec),
    /// Stand by to take a change back (for the agent itself)
    #[command(hide = true)]
    Restore(Restore),
}

impl Cli {
    /// What to do.
    pub fn action(self) -> Result<Command, clap::Error> {
        match self.command.unwrap_or(Command::Run(self.run)) {
            // Required for `run` alone, which clap cannot say of a default subcommand.
            Command::Run(args) if args.node_name.is_empty() => Err(<Self as clap::CommandFactory>::command()
                .error(
                    clap::error::ErrorKind::MissingRequiredArgument,
                    "--node-name <NAME> (or NODE_NAME) is required: the name of this node in Kubernetes",
                )),
            command => Ok(command),
        }
    }
}

/// The node.
#[derive(Debug, Clone, clap::Args)]
pub struct HostArgs {
    /// Where the host's root directory is mounted
    #[arg(long, env = "HOST_ROOT", default_value = "/host", value_name = "DIR")]
    pub host_root: PathBuf,

    /// This node's own addresses, comma-separated; links that have one are never touched
    #[arg(long, env = "NODE_IPS", default_value = "", hide_default_value = true, value_name = "IP,IP")]
    pub node_ips: NodeIps,
}

/// How to clean up.
#[derive(Debug, Clone, clap::Args)]
// A person reads it, unless somebody says otherwise.
#[command(mut_arg("log_format", |format| format.default_value("text")))]
pub struct CleanupArgs {
    /// The node.
    #[command(flatten)]
    pub host: HostArgs,

    /// Stay and answer probes, as a pod must: ready once nothing is left, tried again until then
    #[arg(long)]
    pub stay: bool,

    /// Logs and, for those who stay, the admin endpoint.
    #[command(flatten)]
    pub runtime: RuntimeArgs,
}

/// How to run.
#[derive(Debug, Clone, clap::Args)]
pub struct RunArgs {
    /// Name of this node, which is the name of its object
    #[arg(long, env = "NODE_NAME", default_value = "", hide_default_value = true, value_name = "NAME")]
    pub node_name: String,

    /// The node.
    #[command(flatten)]
    pub host: HostArgs,

    /// Kinds of link that may be managed: physical; veth, for kind, LXD and test nodes
    #[arg(long, env = "LINK_KINDS", value_delimiter = ',', default_value = "physical", value_enum)]
    #[arg(hide_possible_values = true, value_name = "KIND,KIND")]
    pub link_kinds: Vec<LinkKindArg>,

    /// Logs and the admin endpoint.
    #[command(flatten)]
    pub runtime: RuntimeArgs,
}

/// A kind of link, as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LinkKindArg {
    /// Devices with a driver.
    Physical,
    /// Virtual Ethernet pairs.
    Veth,
}

impl From<LinkKindArg> for AllowedKind {
    fn from(kind: LinkKindArg) -> Self {
        match kind {
            LinkKindArg::Physical => Self::Physical,
            LinkKindArg::Veth => Self::Veth,
        }
    }
}

/// Addresses, comma-separated. None is well-formed: old kubelets tell none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodeIps(pub BTreeSet<IpAddr>);

impl FromStr for NodeIps {
    type Err = AddrParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
        words.map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}

impl RunArgs {
    /// What the node says of its own network.
    #[must_use]
    pub fn policy(&self) -> multinic_agent_core::protected::Policy {
        multinic_agent_core::protected::Policy {
            node_ips: self.host.node_ips.0.clone(),
            link_kinds: self.link_kinds.iter().map(|kind| AllowedKind::from(*kind)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use multinic_runtime::telemetry::Format;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        <Cli as CommandFactory>::command().debug_assert();
    }

    #[test]
    fn help_fits_a_screen() {
        let mut command = <Cli as CommandFactory>::command();
        let cleanup = command.find_subcommand_mut("cleanup").unwrap().render_help();
        for help in [command.render_help(), cleanup] {
            let help = help.to_string();
            let rows: usize = help.lines().map(|line| line.len().div_ceil(100).max(1)).sum();
            assert!(rows <= 40, "{rows}:\n{help}");
        }
    }

    #[test]
    fn node_ips_are_read_as_every_kubelet_tells_them() {
        for (text, expected) in [
            ("", &[][..]),
            ("10.0.0.5", &["10.0.0.5"]),
            ("10.0.0.5,2001:db8::5", &["10.0.0.5", "2001:db8::5"]),
            (" 2001:db8::5 , 10.0.0.5, ", &["10.0.0.5", "2001:db8::5"]),
        ] {
            let expected = expected.iter().map(|ip| ip.parse().unwrap()).collect();
            assert_eq!(text.parse(), Ok(NodeIps(expected)), "{text:?}");
        }
    }

    #[test]
    fn a_clean_up_needs_no_name_and_talks_to_people_unless_told_otherwise() {
        let parse = |args: &[&str]| {
            let args = ["multinic-agent", "cleanup"].iter().chain(args);
            let Command::Cleanup(args) = Cli::try_parse_from(args).unwrap().action().unwrap() else {
                panic!()
            };
            (args.stay, args.runtime.log_format)
        };
        assert_eq!(parse(&[]), (false, Format::Text));
        assert_eq!(parse(&["--stay", "--log-format", "json"]), (true, Format::Json));
    }

    #[test]
    fn malformed_values_name_their_option() {
        for (args, option) in [
            (["--node-ips", "10.0.0.5,10.0.0.300"], "--node-ips"),
            (["--link-kinds", "bond"], "--link-kinds"),
            (["--listen", "8080"], "--listen"),
            (["--log-level", "loud=very"], "--log-level"),
            (["--no-such", "x"], "--no-such"),
        ] {
            let error = Cli::try_parse_from(["multinic-agent"].into_iter().chain(args)).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            assert!(error.to_string().contains(option), "{error}");
        }
    }
}
