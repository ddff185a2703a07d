//! The metadata service that cloud-init asks: of what Nova's has, the part that is about NICs.

use std::cell::RefCell;
use std::net::Ipv4Addr;
use std::rc::Rc;

use anyhow::Result;
use multinic_testbed::{Testbed, UPLINKS};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Where every instance looks for it.
const ADDRESS: &str = "169.254.169.254";
const VERSION: &str = "2018-08-27";
const INSTANCE: &str = "7c2bd1a8-6b1f-4a55-9d0f-6f2f4f1d0b11";

/// One NIC as Neutron has it.
#[derive(Debug, Clone)]
pub(super) struct Nic {
    pub(super) mac: String,
    pub(super) address: Ipv4Addr,
    pub(super) gateway: Option<Ipv4Addr>,
}

/// The service; it answers while [`Metadata::serve`] is polled.
#[derive(Debug, Clone, Default)]
pub(super) struct Metadata(Rc<RefCell<Vec<Nic>>>);

impl Metadata {
    /// From now on the instance has this NIC too.
    pub(super) fn attach(&self, nic: Nic) {
        self.0.borrow_mut().push(nic);
    }

    /// Answers for ever.
    pub(super) async fn serve(&self, bed: &Testbed) -> Result<()> {
        bed.spawner()?.run(&["ip", "address", "add", &format!("{ADDRESS}/32"), "dev", UPLINKS])?;
        let listener = TcpListener::bind((ADDRESS, 80)).await?;
        loop {
            let (stream, _) = listener.accept().await?;
            // A client that hangs up is no reason to end.
            let _ = self.answer(stream).await;
        }
    }

    async fn answer(&self, mut stream: TcpStream) -> Result<()> {
        let (reader, mut writer) = stream.split();
        let mut lines = BufReader::new(reader).lines();
        let request = lines.next_line().await?.unwrap_or_default();
        while lines.next_line().await?.is_some_and(|line| !line.is_empty()) {}
        let path = request.split(' ').nth(1).unwrap_or_default().trim_end_matches('/');
        let (status, body) =
            self.body(path).map_or(("404 Not Found", String::new()), |body| ("200 OK", body));
        let head =
            format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
        writer.write_all((head + &body).as_bytes()).await?;
        Ok(())
    }

    fn body(&self, path: &str) -> Option<String> {
        let newest = format!("/openstack/{VERSION}");
        match path.strip_prefix(&newest).unwrap_or(path) {
            "/openstack" => Some(format!("{VERSION}\nlatest\n")),
            "/meta_data.json" => Some(json!({ "uuid": INSTANCE, "hostname": "bench" }).to_string()),
            "/network_data.json" => Some(network_data(&self.0.borrow()).to_string()),
            // What Nova has for EC2's sake; cloud-init asks for each of it, and again where there is none.
            "/latest/meta-data" => Some("instance-id".to_owned()),
            "/latest/meta-data/instance-id" => Some("i-00000001".to_owned()),
            _ => None,
        }
    }
}

fn network_data(nics: &[Nic]) -> Value {
    let id = |n: usize| format!("tap{n}");
    let links = nics.iter().enumerate();
    let links = links
        .map(|(n, nic)| json!({ "id": id(n), "type": "ovs", "mtu": 1500, "ethernet_mac_address": nic.mac }));
    let networks = nics.iter().enumerate().map(|(n, nic)| {
        let default = |gateway| json!({ "network": "0.0.0.0", "netmask": "0.0.0.0", "gateway": gateway });
        json!({
            "id": format!("network{n}"),
            "type": "ipv4",
            "link": id(n),
            "ip_address": nic.address,
            "netmask": "255.255.255.0",
            "routes": nic.gateway.map(default).into_iter().collect::<Vec<_>>(),
        })
    });
    json!({ "links": links.collect::<Vec<_>>(), "networks": networks.collect::<Vec<_>>(), "services": [] })
}
