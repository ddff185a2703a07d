//! The producer's week.

use std::collections::BTreeMap;
use std::mem;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use multinic_testbed::{
    GATEWAY, OpenstackConfig, Port, SOON, Schema, Testbed, World, eventually, kubernetes_node,
};
use sqlx::mysql::MySqlDatabaseError;
use sqlx::{MySql, Transaction};

use crate::agents::Agents;
use crate::chance::{Chance, variable};
use crate::fault::{Deck, Event};
use crate::meant::Meant;

/// Syncs of the producer where nobody says how many: each event comes about.
const FEW_SYNCS: u64 = 60;
/// Syncs of an object that is synced every three minutes, after which everybody must agree.
const DAY: u64 = 480;
/// An event comes with one sync in so many.
const EVENTS: usize = 3;
/// A row that is missing by mistake is back after this.
const OVERLOOKED: Duration = Duration::from_secs(5);
/// SELECTs of the operator, of which one in four is a reading at least: more readings see what is wrong than would prove
/// anything if time did not count.
const SEEN: u64 = 8;
/// A row that is missing for as long may be taken for deleted: what the operator's least grace leaves to this machine.
const TAKEN_FOR_DELETED: Duration = Duration::from_secs(25);
/// Servers of which a Node may come.
const SERVERS: [&str; 4] = ["worker-1", "worker-2", "worker-3", "worker-4"];
/// The last one joins later.
const FIRST_NODES: usize = 3;
/// Large, medium, and the one that comes and goes; then that of servers of another cluster.
const PORTS: [usize; 4] = [2, 2, 1, 1];
const TOGGLED: usize = 2;
pub(crate) const FOREIGN: usize = 3;

pub(crate) async fn week(bed: &Testbed) -> Result<()> {
    let syncs = variable("MULTINIC_SOAK_SYNCS")?.unwrap_or(FEW_SYNCS);
    let chance = Chance::new()?;
    let seed = chance.seed;
    eprintln!("replay: {syncs} syncs of the producer, MULTINIC_SOAK_SEED={seed}");
    let mut replay = Replay::begin(bed, chance).await?;
    for number in 1..=syncs {
        let mut done = replay.step().await;
        if done.is_ok() && (number % DAY == 0 || number == syncs) {
            done = replay.everybody_agrees().await;
        }
        let log = || format!("sync {number} of MULTINIC_SOAK_SEED={seed}, after {:#?}", replay.log);
        done.with_context(log)?;
    }
    Ok(())
}

/// The world, and what happens to it.
pub(crate) struct Replay<'bed> {
    pub(crate) world: World<'bed>,
    pub(crate) agents: Agents,
    pub(crate) meant: Meant,
    pub(crate) chance: Chance,
    deck: Deck,
    /// A sync that waits for OpenStack, and of which object.
    open: Option<(usize, Transaction<'static, MySql>)>,
    /// Objects that the table does not have as they are meant, and since when.
    wrong: BTreeMap<usize, Instant>,
    /// Ports made so far.
    made: usize,
    toggled: Vec<Port>,
    /// The last things that happened.
    log: Vec<String>,
}

impl<'bed> Replay<'bed> {
    async fn begin(bed: &'bed Testbed, chance: Chance) -> Result<Self> {
        let cluster = bed.control_plane().await?;
        // Who waits for a lock that another sync holds gives up soon, and tries again later.
        let options = ["--innodb-lock-wait-timeout=1"];
        let database = bed.database_with(Schema::ProducerWithAddressing, &options).await?;
        let operator = bed.operator(&cluster, &database).await?;
        operator.stop().await?;
        operator.set("MAX_INTERFACES", "20");
        let world = World { cluster, database, operator, patience: SOON };
        let agents = Agents::start(world.cluster.client());
        let nodes: Vec<_> = SERVERS.iter().take(FIRST_NODES).map(|node| (*node).to_owned()).collect();
        let mut replay = Self {
            world,
            agents,
            meant: Meant::new(Vec::new(), Vec::new()),
            chance,
            deck: Deck::default(),
            open: None,
            wrong: BTreeMap::new(),
            made: 0,
            toggled: Vec::new(),
            log: Vec::new(),
        };
        let objects = (0..PORTS.len()).map(|number| replay.object(number)).collect();
        for node in &nodes {
            replay.register(node).await?;
        }
        replay.meant = Meant::new(objects, nodes);
        for number in 0..PORTS.len() {
            replay.sync(number).await?;
        }
        replay.world.operator.resume()?;
        replay.everybody_agrees().await.context("at the beginning")?;
        Ok(replay)
    }

    fn object(&mut self, number: usize) -> OpenstackConfig {
        let servers = if number == FOREIGN { &["elsewhere-1", "elsewhere-2"][..] } else { &SERVERS };
        let object = OpenstackConfig::new(&format!("object-{number}"), &format!("10.{}.0.0/16", 20 + number));
        servers.iter().fold(object, |object, server| {
            (0..PORTS[number]).fold(object, |object, _| object.with(self.port(number, server)))
        })
    }

    fn port(&mut self, object: usize, server: &str) -> Port {
        self.made += 1;
        let (high, low) = (self.made / 250, self.made % 250);
        let port = Port::new(&format!("fa:16:3e:{object:02x}:{high:02x}:{low:02x}"), server);
        Port { id: format!("port-{}", self.made), ..port.address(&address(object, self.made)) }
    }

    async fn register(&self, node: &str) -> Result<()> {
        self.world.cluster.create_node(&kubernetes_node(node, GATEWAY)).await.map(drop)
    }

    /// One sync of some object, and perhaps something else before.
    async fn step(&mut self) -> Result<()> {
        self.correct(OVERLOOKED).await?;
        if self.open.is_some() && self.chance.below(4) == 0 {
            self.end_open().await?;
        }
        if self.chance.below(EVENTS) == 0 {
            let event = self.deck.draw(&mut self.chance);
            self.note(format!("{event:?}"));
            self.happen(event).await?;
        }
        let object = self.chance.below(PORTS.len());
        // OpenStack is wrong for a while.
        if !self.wrong.contains_key(&object) {
            self.sync(object).await?;
        }
        self.pause().await;
        Ok(())
    }

    fn note(&mut self, what: String) {
        self.log.push(what);
        let old = self.log.len().saturating_sub(30);
        self.log.drain(..old);
    }

    /// Time goes by, compressed.
    pub(crate) async fn pause(&mut self) {
        let pause = self.chance.below(250).try_into().unwrap_or_default();
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }

    async fn happen(&mut self, event: Event) -> Result<()> {
        match event {
            Event::PortAdded => self.add_port().await,
            Event::PortRemoved => self.remove_port().await,
            Event::AddressChanged | Event::MtuChanged | Event::PortRenewed => self.change_port(event).await,
            Event::ObjectToggled => self.toggle().await,
            Event::NodeJoins => self.join().await,
            Event::PortOverlooked | Event::ServerOverlooked => self.overlook(event).await,
            Event::OpenstackSlow => self.open_one().await,
            Event::RowSpoilt => self.spoil().await,
            Event::ColumnAdded => {
                let table = "ALTER TABLE multi_interface";
                self.for_a_while(
                    &format!("{table} ADD COLUMN note INT"),
                    &format!("{table} DROP COLUMN note"),
                )
                .await
            }
            Event::ColumnRenamed => {
                let table = "ALTER TABLE multi_interface RENAME COLUMN";
                self.for_a_while(&format!("{table} macaddress TO mac"), &format!("{table} mac TO macaddress"))
                    .await
            }
            Event::ConnectionCut => self.cut().await,
            Event::DatabaseRestarted => self.restart_database().await,
            Event::OperatorKilled => self.kill_operator().await,
            Event::ConfigDeleted => self.delete_config().await,
            Event::NodeRegisteredAnew => self.register_anew().await,
        }
    }

    /// A sync of the object as it is meant to be.
    pub(crate) async fn sync(&mut self, number: usize) -> Result<()> {
        let object = self.meant.objects[number].clone();
        if self.commit(number, &object).await? {
            self.is_right(number);
        }
        Ok(())
    }

    /// The table has the object as it is meant to be.
    fn is_right(&mut self, number: usize) {
        let since = self.wrong.remove(&number);
        if since.is_some_and(|since| since.elapsed() > TAKEN_FOR_DELETED) {
            self.meant.allow_absence(number);
        }
    }

    /// A sync of the object; tells whether it was committed. If not, it is rolled back.
    async fn commit(&mut self, number: usize, object: &OpenstackConfig) -> Result<bool> {
        if self.open.as_ref().is_some_and(|(open, _)| *open == number) {
            self.end_open().await?;
        }
        went_through(self.world.database.producer().sync(object).await)
    }

    /// The object is meant to be so from now on, if the producer comes to write it.
    async fn change(&mut self, number: usize, object: OpenstackConfig) -> Result<()> {
        if self.commit(number, &object).await? {
            self.is_right(number);
            self.meant.objects[number] = object;
            self.meant.note();
        }
        Ok(())
    }

    /// Writes all objects as they are meant that were wrong for as long as this.
    async fn correct(&mut self, after: Duration) -> Result<()> {
        let due = self.wrong.iter().filter(|(_, since)| since.elapsed() >= after);
        for number in due.map(|(number, _)| *number).collect::<Vec<_>>() {
            self.sync(number).await?;
        }
        Ok(())
    }

    /// All that waits is done, and the table is as it is meant to be.
    pub(crate) async fn calm(&mut self) -> Result<()> {
        self.end_open().await?;
        eventually("the table to be as it is meant to be", SOON, async || {
            self.correct(Duration::ZERO).await?;
            ensure!(self.wrong.is_empty(), "wrong: {:?}", self.wrong);
            Ok(())
        })
        .await
    }

    async fn add_port(&mut self) -> Result<()> {
        let (number, server) = (self.chance.below(TOGGLED), self.chance.one(&SERVERS));
        let mut object = self.meant.objects[number].clone();
        if object.ports.iter().filter(|port| port.node == server).count() < 4 {
            object.ports.push(self.port(number, server));
            self.change(number, object).await?;
        }
        Ok(())
    }

    async fn remove_port(&mut self) -> Result<()> {
        let number = self.chance.below(TOGGLED);
        let mut object = self.meant.objects[number].clone();
        if object.ports.len() > SERVERS.len() {
            object.ports.remove(self.chance.below(object.ports.len()));
            self.change(number, object).await?;
        }
        Ok(())
    }

    async fn change_port(&mut self, event: Event) -> Result<()> {
        let number = self.chance.below(TOGGLED);
        let mut object = self.meant.objects[number].clone();
        let position = self.chance.below(object.ports.len());
        let port = &mut object.ports[position];
        match event {
            Event::MtuChanged => port.mtu = self.chance.one(&[None, Some(1400), Some(1450), Some(8950)]),
            Event::PortRenewed => *port = self.port(number, &port.node),
            _ => {
                self.made += 1;
                port.address = Some(address(number, self.made));
            }
        }
        self.change(number, object).await
    }

    async fn toggle(&mut self) -> Result<()> {
        let mut object = self.meant.objects[TOGGLED].clone();
        let ports = mem::replace(&mut object.ports, self.toggled.clone());
        self.change(TOGGLED, object).await?;
        if self.meant.objects[TOGGLED].ports == self.toggled {
            self.toggled = ports;
        }
        Ok(())
    }

    async fn join(&mut self) -> Result<()> {
        if let Some(node) = SERVERS.iter().find(|server| !self.meant.nodes.contains(&(**server).to_owned())) {
            self.register(node).await?;
            self.meant.nodes.push((*node).to_owned());
            self.meant.note();
        }
        Ok(())
    }

    async fn overlook(&mut self, event: Event) -> Result<()> {
        let number = self.chance.below(TOGGLED);
        let mut object = self.meant.objects[number].clone();
        let overlooked = object.ports[self.chance.below(object.ports.len())].clone();
        object.ports.retain(|port| match event {
            Event::ServerOverlooked => port.node != overlooked.node,
            _ => *port != overlooked,
        });
        if self.commit(number, &object).await? {
            self.wrong.entry(number).or_insert_with(Instant::now);
            self.world.syncs(SEEN).await?;
        }
        Ok(())
    }

    async fn open_one(&mut self) -> Result<()> {
        self.end_open().await?;
        let number = self.chance.below(PORTS.len());
        let opened = self.world.database.producer().open(&self.meant.objects[number]).await;
        match opened {
            Ok(transaction) => self.open = Some((number, transaction)),
            Err(error) => drop(went_through(Err(error))?),
        }
        Ok(())
    }

    /// OpenStack has answered the sync that waits for it, or not.
    pub(crate) async fn end_open(&mut self) -> Result<()> {
        let Some((number, mut transaction)) = self.open.take() else { return Ok(()) };
        if self.chance.below(3) == 0 {
            transaction.rollback().await?;
            return Ok(());
        }
        let object = &self.meant.objects[number];
        if went_through(self.world.database.producer().fill(&mut transaction, object).await)? {
            transaction.commit().await?;
            self.is_right(number);
        }
        Ok(())
    }

    async fn spoil(&mut self) -> Result<()> {
        self.end_open().await?;
        let number = self.chance.below(TOGGLED);
        let ports = &self.meant.objects[number].ports;
        let port = &ports[self.chance.below(ports.len())].id;
        let mistake = self.chance.one(&["macaddress = 'zz'", "address = '10.99.0.5'", "mtu = 70000"]);
        self.world
            .database
            .execute(&format!("UPDATE multi_interface SET {mistake} WHERE port_id = '{port}'"))
            .await?;
        self.wrong.entry(number).or_insert_with(Instant::now);
        self.world.syncs(SEEN).await
    }
}

/// In the subnet of this object; no two are the same.
fn address(object: usize, made: usize) -> String {
    format!("10.{}.{}.{}", 20 + object, made / 250, made % 250 + 1)
}

/// Whether the producer's transaction went through. Otherwise it is rolled back, and tried again later.
fn went_through(done: Result<()>) -> Result<bool> {
    let Err(error) = done else { return Ok(true) };
    let number = |error: &sqlx::Error| {
        error.as_database_error()?.try_downcast_ref::<MySqlDatabaseError>().map(MySqlDatabaseError::number)
    };
    let number = error.chain().find_map(|cause| number(cause.downcast_ref()?));
    // ER_LOCK_WAIT_TIMEOUT and ER_LOCK_DEADLOCK.
    if matches!(number, Some(1205 | 1213)) { Ok(false) } else { Err(error) }
}
