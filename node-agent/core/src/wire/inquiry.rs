//! A conversation with a NIC's network: what to send and when, and what the answers come to.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use multinic_crds::MacAddress;

use super::{
    frame::{self, Heard},
    question::{Findings, Question},
    size::Search,
};

/// How often what has not answered is asked, and how long it is listened.
#[derive(Debug)]
struct Pace {
    /// In milliseconds from the beginning.
    asks: &'static [u64],
    /// From then on, what has not answered is silent.
    patience: Duration,
    /// What is still being found out is left then.
    end: Duration,
    /// Whether an address is taken where another host is about to take it. Once it is ours, the kernel tells that host.
    heeds_probes: bool,
}

/// Before an address is given: what keeps a healthy NIC waiting is kept short.
const BEFORE: Pace = Pace {
    asks: &[0, 10, 20],
    patience: Duration::from_millis(35),
    end: Duration::from_millis(35),
    heeds_probes: true,
};
/// Beside everything else. A switch may take most of a second until it lets anything pass of a link that came up, and a fault
/// is to be named within one and a half.
const BESIDE: Pace = Pace {
    asks: &[0, 50, 200, 450, 700, 900],
    patience: Duration::from_millis(960),
    end: Duration::from_millis(1150),
    heeds_probes: false,
};

/// Packets of this size pass in every network, of IPv4 and of IPv6.
const LEAST: [u16; 2] = [576, 1280];

/// A conversation.
#[derive(Debug)]
pub struct Inquiry {
    question: Question,
    /// MAC addresses of this node: the kernel answers for an address of one NIC on another one, too.
    own: BTreeSet<MacAddress>,
    pace: &'static Pace,
    /// How often was asked.
    asked: usize,
    taken: BTreeMap<Ipv4Addr, MacAddress>,
    found: BTreeMap<IpAddr, (MacAddress, Search)>,
}

impl Inquiry {
    /// Before addresses are given that the NIC does not have yet.
    #[must_use]
    pub const fn before(question: Question, own: BTreeSet<MacAddress>) -> Self {
        Self::new(question, own, &BEFORE)
    }

    /// About a NIC that is set up.
    #[must_use]
    pub const fn beside(question: Question, own: BTreeSet<MacAddress>) -> Self {
        Self::new(question, own, &BESIDE)
    }

    const fn new(question: Question, own: BTreeSet<MacAddress>, pace: &'static Pace) -> Self {
        Self { question, own, pace, asked: 0, taken: BTreeMap::new(), found: BTreeMap::new() }
    }

    /// What is asked.
    #[must_use]
    pub const fn question(&self) -> &Question {
        &self.question
    }

    /// The frames to send, so long after the beginning.
    pub fn send(&mut self, now: Duration) -> Vec<Vec<u8>> {
        let mut frames = Vec::new();
        if self.next_ask().is_some_and(|due| due <= now) {
            self.asked += 1;
            frames.extend(self.questions());
        }
        let (ours, id) = (self.question.source, self.id());
        for (router, (mac, search)) in &mut self.found {
            let Some(source) = self.question.gateways.get(router) else { continue };
            let sizes = search.ask(now).into_iter();
            frames.extend(sizes.filter_map(|size| frame::echo([ours, *mac], *source, *router, id, size)));
        }
        frames
    }

    fn questions(&self) -> Vec<Vec<u8>> {
        let ours = self.question.source;
        let open = self.question.claims.iter().filter(|ip| !self.taken.contains_key(*ip));
        let probes = open.map(|ip| frame::probe(ours, *ip));
        let silent = self.question.gateways.iter().filter(|(router, _)| !self.found.contains_key(*router));
        probes.chain(silent.filter_map(|(router, source)| frame::ask(ours, *source, *router))).collect()
    }

    /// Takes in a frame that came so long after the beginning.
    pub fn hear(&mut self, frame: &[u8], now: Duration) {
        match frame::read(frame) {
            Some(Heard::Has { ip, mac }) if !self.is_own(mac) => {
                if let IpAddr::V4(ip) = ip {
                    self.claimed(ip, mac);
                }
                if self.question.gateways.contains_key(&ip) {
                    let search = Search::new(self.question.mtu, LEAST[usize::from(ip.is_ipv6())], now);
                    self.found.entry(ip).or_insert((mac, search));
                }
            }
            Some(Heard::Probes { ip, mac }) if !self.is_own(mac) && self.pace.heeds_probes => {
                self.claimed(ip, mac);
            }
            Some(Heard::Echo { from, id, size }) if id == self.id() => {
                if let Some((_, search)) = self.found.get_mut(&from) {
                    search.answer(size);
                }
            }
            _ => {}
        }
    }

    fn claimed(&mut self, ip: Ipv4Addr, mac: MacAddress) {
        if self.question.claims.contains(&ip) {
            self.taken.insert(ip, mac);
        }
    }

    fn is_own(&self, mac: MacAddress) -> bool {
        mac == self.question.source || self.own.contains(&mac)
    }

    /// When there is something to do, where nothing comes before.
    #[must_use]
    pub fn due(&self) -> Duration {
        let searches = self.found.values().filter_map(|(_, search)| search.due());
        let until = if self.is_searching() { self.pace.end } else { self.pace.patience };
        searches.chain(self.next_ask()).fold(until, Duration::min)
    }

    /// Whether nothing more is to be learned, so long after the beginning.
    #[must_use]
    pub fn is_over(&self, now: Duration) -> bool {
        let waits_for_claims = self.taken.len() < self.question.claims.len();
        let waits_for_routers = self.found.len() < self.question.gateways.len();
        let waits = (waits_for_claims || waits_for_routers) && now < self.pace.patience;
        // Who has no address needs no gateway.
        let settled = !self.taken.is_empty() && !waits_for_claims;
        settled || !waits && (!self.is_searching() || now >= self.pace.end)
    }

    fn next_ask(&self) -> Option<Duration> {
        self.pace.asks.get(self.asked).copied().map(Duration::from_millis)
    }

    fn is_searching(&self) -> bool {
        self.found.values().any(|(_, search)| !search.is_over())
    }

    /// What tells our echoes from those of others.
    fn id(&self) -> u16 {
        let [.., a, b] = self.question.mac.octets();
        u16::from_be_bytes([a, b])
    }

    /// What came of it.
    #[must_use]
    pub fn findings(self) -> Findings {
        let silent = self.question.gateways.keys().filter(|router| !self.found.contains_key(*router));
        let silent = silent.copied().collect();
        let sure = self.found.iter().filter(|(_, (_, search))| search.is_sure());
        let passing = sure.filter_map(|(router, (_, search))| Some((*router, search.passes()?)));
        let passes = passing.filter(|(_, bytes)| *bytes < self.question.mtu).min_by_key(|(_, bytes)| *bytes);
        Findings { taken: self.taken, silent, passes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::mac;

    const OURS: &str = "fa:16:3e:00:00:0a";
    const ROUTER: &str = "fa:16:3e:00:00:01";
    const OTHER: &str = "fa:16:3e:00:00:0b";

    fn ip<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
        text.parse().unwrap()
    }

    fn question(mtu: u16, claims: &[&str], gateways: &[(&str, &str)]) -> Question {
        let pair = |(router, source): &(&str, &str)| (ip(router), ip(source));
        Question {
            mac: mac(OURS),
            index: 3,
            source: mac(OURS),
            mtu,
            claims: claims.iter().map(|text| ip(text)).collect(),
            gateways: gateways.iter().map(pair).collect(),
        }
    }

    /// A network in which hosts have addresses, and let so many bytes pass each.
    struct Network {
        hosts: Vec<(IpAddr, MacAddress)>,
        passes: u16,
        /// Nothing gets through before this.
        opens: Duration,
    }

    impl Network {
        fn of(hosts: &[(&str, &str)], passes: u16) -> Self {
            let host = |(address, at): &(&str, &str)| (ip(address), mac(at));
            Self { hosts: hosts.iter().map(host).collect(), passes, opens: Duration::ZERO }
        }

        /// What the hosts answer: an echo as it came, and where an address is that is asked for.
        fn answers(&self, frame: &[u8]) -> Vec<Vec<u8>> {
            let mut echo = frame.to_vec();
            let at = if frame[12] == 0x86 { 54 } else { 34 };
            let is_echo = frame.len() > at && [(34, 8), (54, 128)].contains(&(at, frame[at]));
            if is_echo {
                echo[at] = if at == 34 { 0 } else { 129 };
                let (from, to, length) = if at == 34 { (26, 30, 4) } else { (22, 38, 16) };
                for byte in 0..length {
                    echo.swap(from + byte, to + byte);
                }
                let fits = frame.len() <= usize::from(self.passes) + 14;
                return if fits { vec![echo] } else { Vec::new() };
            }
            let asks_for = |address: &IpAddr| match address {
                IpAddr::V4(v4) => frame[12..14] == [8, 6] && frame[38..42] == v4.octets(),
                IpAddr::V6(v6) => frame.get(62..78) == Some(&v6.octets()),
            };
            let hosts = self.hosts.iter().filter(|(address, _)| asks_for(address));
            hosts.filter_map(|(address, at)| frame::announce(*at, *address)).collect()
        }

        /// Holds the conversation; what came of it, and when it was over.
        fn talk(&self, mut inquiry: Inquiry) -> (Findings, u128) {
            let mut now = Duration::ZERO;
            while !inquiry.is_over(now) {
                let frames = inquiry.send(now);
                let answers = frames.iter().flat_map(|frame| self.answers(frame));
                for answer in answers.filter(|_| now >= self.opens).collect::<Vec<_>>() {
                    inquiry.hear(&answer, now);
                }
                if !inquiry.is_over(now) {
                    now = now.max(inquiry.due());
                }
            }
            (inquiry.findings(), now.as_millis())
        }
    }

    const GATEWAYS: [(&str, &str); 2] = [("10.1.0.1", "10.1.0.5"), ("fe80::1", "fe80::a")];

    #[test]
    fn a_healthy_network_without_addresses_of_ours_has_said_everything_at_once() {
        let network = Network::of(&[("10.1.0.1", ROUTER), ("fe80::1", ROUTER)], 9000);
        let inquiry = Inquiry::beside(question(9000, &[], &GATEWAYS), BTreeSet::new());
        assert_eq!(network.talk(inquiry), (Findings::default(), 0));
    }

    #[test]
    fn nobody_waits_long_for_an_address_that_is_free() {
        let inquiry = Inquiry::before(question(1500, &["10.1.0.5"], &[]), BTreeSet::new());
        assert_eq!(Network::of(&[], 0).talk(inquiry), (Findings::default(), 35));
    }

    #[test]
    fn an_address_of_another_host_is_found_before_and_beside_and_one_of_this_node_is_none() {
        let taken = || Findings { taken: [(ip("10.1.0.5"), mac(OTHER))].into(), ..Findings::default() };
        let network = Network::of(&[("10.1.0.5", OTHER)], 1500);
        let asked = || question(1500, &["10.1.0.5"], &[]);
        assert_eq!(network.talk(Inquiry::before(asked(), BTreeSet::new())), (taken(), 0));
        assert_eq!(network.talk(Inquiry::beside(asked(), BTreeSet::new())), (taken(), 0));
        let own = BTreeSet::from([mac(OTHER)]);
        assert_eq!(network.talk(Inquiry::beside(asked(), own)).0, Findings::default());
        let slow = Network { opens: Duration::from_millis(900), ..network };
        assert_eq!(slow.talk(Inquiry::before(asked(), BTreeSet::new())).0, Findings::default());
        assert_eq!(slow.talk(Inquiry::beside(asked(), BTreeSet::new())), (taken(), 900));
    }

    #[test]
    fn who_is_about_to_take_an_address_counts_only_before_it_is_ours() {
        let probe = frame::probe(mac(OTHER), ip("10.1.0.5"));
        let asked = || question(1500, &["10.1.0.5"], &[]);
        let hears = |mut inquiry: Inquiry| {
            inquiry.hear(&probe, Duration::ZERO);
            inquiry.findings().taken.len()
        };
        assert_eq!(hears(Inquiry::before(asked(), BTreeSet::new())), 1);
        assert_eq!(hears(Inquiry::beside(asked(), BTreeSet::new())), 0);
    }

    #[test]
    fn routers_that_do_not_answer_are_named_and_others_are_not() {
        let network = Network::of(&[("fe80::1", ROUTER)], 9000);
        let inquiry = Inquiry::beside(question(9000, &[], &GATEWAYS), BTreeSet::new());
        let (findings, took) = network.talk(inquiry);
        assert_eq!(findings, Findings { silent: [ip("10.1.0.1")].into(), ..Findings::default() });
        assert_eq!(took, 960);
    }

    #[test]
    fn what_passes_is_found_in_time_also_where_the_network_opens_late() {
        let inquiry = || Inquiry::beside(question(9000, &[], &GATEWAYS), BTreeSet::new());
        let network = Network::of(&[("10.1.0.1", ROUTER), ("fe80::1", ROUTER)], 1450);
        let found = Findings { passes: Some((ip("10.1.0.1"), 1450)), ..Findings::default() };
        let (findings, took) = network.talk(inquiry());
        assert_eq!(findings, found);
        assert!(took <= 500, "{took}");
        let late = Network { opens: Duration::from_millis(900), ..network };
        let (findings, took) = late.talk(inquiry());
        assert_eq!(findings.silent, BTreeSet::new());
        assert!(took <= 1150, "{took}");
    }

    #[test]
    fn a_router_that_answers_no_echo_is_no_fault() {
        let network = Network::of(&[("10.1.0.1", ROUTER), ("fe80::1", ROUTER)], 0);
        let (findings, took) = network.talk(Inquiry::beside(question(9000, &[], &GATEWAYS), BTreeSet::new()));
        assert_eq!((findings, took), (Findings::default(), 1150));
    }
}
