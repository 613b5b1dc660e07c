//! Durable intake: webhooks acknowledged a second over HTTP, beside a transaction an event without HTTP, a straightforward server, and a
//! server that keeps nothing.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::Scale;
use crate::bare::Bare;
use crate::baton::Baton;
use crate::cluster::Cluster;
use crate::load::{Load, Outcome, Plan};
use crate::machine::{self, Cpu};
use crate::node::{self, Node};
use crate::pgbench::Pgbench;
use crate::report::{Bound, Runs, Section, figure};
use crate::requests::Spec;
use crate::seed::{self, PEOPLE};

/// Connections of the platform.
pub const CONNECTIONS: usize = 64;

/// The most webhooks a second that are written out for a server which keeps them.
pub const FASTEST: f64 = 40_000.0;

/// Numbers of clients of pgbench among which the best is looked for.
const CLIENTS: [usize; 5] = [1, 4, 8, 16, 32];

/// One thing that was run several times.
#[derive(Debug, Default, Clone)]
pub struct Series {
    /// Events a second.
    pub rates: Runs,
    cpu: Vec<(Cpu, f64, f64)>,
}

impl Series {
    /// Adds a run of so many events in so many seconds.
    pub fn add(&mut self, rate: f64, cpu: Cpu, events: f64, seconds: f64) {
        self.rates.0.push(rate);
        self.cpu.push((cpu, events, seconds));
    }

    /// CPU of the server and of PostgreSQL together for an event, microseconds.
    pub fn cost(&self) -> f64 {
        Runs(self.cpu.iter().map(|(cpu, events, _)| machine::each(cpu.server + cpu.postgres, *events)).collect()).median()
    }

    /// A line of the costs.
    pub fn costs(&self, name: &str) -> [String; 6] {
        let each = |part: fn(&Cpu) -> f64| {
            figure(Runs(self.cpu.iter().map(|(cpu, events, _)| machine::each(part(cpu), *events)).collect()).median())
        };
        let cores = std::thread::available_parallelism().map_or(1.0, |cores| cores.get() as f64);
        let others = Runs(self.cpu.iter().map(|(cpu, _, seconds)| 100.0 * cpu.others() / seconds / cores).collect());
        [
            name.to_owned(),
            self.rates.show(),
            each(|cpu| cpu.server),
            each(|cpu| cpu.postgres),
            each(|cpu| cpu.load),
            format!("{:.0} %", others.median()),
        ]
    }
}

/// Measures the section.
pub async fn measure(cluster: &Cluster, scale: Scale) -> Section {
    for database in ["bench_baton", "bench_node", "bench_pgbench"] {
        cluster.copy(database, seed::SPREAD).await;
    }
    node::install().await;
    let mut competitors = Competitors::start(cluster, scale).await;
    let mut series: BTreeMap<&str, Series> = BTreeMap::new();
    for round in 0..scale.rounds {
        for name in ["pgbench", "node", "bare", "spread", "hot"] {
            competitors.run(name, round, series.entry(name).or_default()).await;
        }
    }
    let section = competitors.judge(&series);
    competitors.stop().await;
    for database in ["bench_baton", "bench_node", "bench_pgbench"] {
        cluster.drop(database).await;
    }
    section
}

struct Competitors<'a> {
    cluster: &'a Cluster,
    seconds: f64,
    load: Load,
    baton: Baton,
    bare: Bare,
    pgbench: Pgbench<'a>,
    clients: usize,
    /// Workers of Node.
    workers: usize,
}

impl<'a> Competitors<'a> {
    async fn start(cluster: &'a Cluster, scale: Scale) -> Self {
        let pgbench = Pgbench::new(cluster, "bench_pgbench").await;
        let baton = Baton::start(&cluster.folder, Some(&cluster.url("bench_baton"))).await;
        let (load, bare) = (Load::start(), Bare::start().await);
        let mut all = Self { cluster, seconds: scale.seconds, load, baton, bare, pgbench, clients: 1, workers: 1 };
        all.choose_clients().await;
        all.choose_workers().await;
        // Whatever is done for the first time is done.
        let (webhook, id) = (all.baton.webhook(), all.baton.id());
        all.post(&webhook, Some(id), "warm", PEOPLE, false, 2.0).await;
        all
    }

    /// The number of clients with which pgbench is fastest.
    async fn choose_clients(&mut self) {
        let mut best = 0.0;
        for clients in CLIENTS {
            let rate = self.pgbench.run(clients, self.seconds / 3.0, None).await.rate;
            eprintln!("pgbench, {clients} clients: {rate:.0} a second");
            if rate > best {
                (best, self.clients) = (rate, clients);
            }
        }
    }

    /// One process of Node, or one a core.
    async fn choose_workers(&mut self) {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let mut best = 0.0;
        for workers in [1, cores] {
            let rate = self.run_node("try", workers, self.seconds / 3.0).await.0.rate();
            eprintln!("Node, {workers} workers: {rate:.0} a second");
            if rate > best {
                (best, self.workers) = (rate, workers);
            }
        }
    }

    async fn run(&mut self, name: &str, round: usize, series: &mut Series) {
        let run = format!("{name}{round}");
        let (outcome, cpu) = match name {
            "pgbench" => {
                let began = Instant::now();
                let run = self.pgbench.run(self.clients, self.seconds, None).await;
                eprintln!("round {round}, pgbench: {:.0} a second", run.rate);
                return series.add(run.rate, run.cpu, run.count, began.elapsed().as_secs_f64());
            }
            "node" => self.run_node(&run, self.workers, self.seconds).await,
            "bare" => {
                let (webhook, id) = (self.bare.webhook.clone(), self.bare.id());
                self.post(&webhook, Some(id), &run, PEOPLE, true, self.seconds / 2.0).await
            }
            _ => {
                let (webhook, id) = (self.baton.webhook(), self.baton.id());
                self.post(&webhook, Some(id), &run, if name == "hot" { 1 } else { PEOPLE }, false, self.seconds).await
            }
        };
        eprintln!("round {round}, {name}: {:.0} a second", outcome.rate());
        series.add(outcome.rate(), cpu, outcome.acknowledged as f64, outcome.seconds);
    }

    async fn run_node(&mut self, run: &str, workers: usize, seconds: f64) -> (Outcome, Cpu) {
        let node = Node::start(self.cluster, "bench_node", workers).await;
        let run = format!("{run}w{workers}");
        let result = self.post(&node.webhook.clone(), Some(node.id()), &run, PEOPLE, false, seconds).await;
        node.stop().await;
        result
    }

    async fn post(&mut self, webhook: &str, server: Option<u32>, run: &str, people: usize, again: bool, seconds: f64) -> (Outcome, Cpu) {
        let count = if again { 100_000.0 } else { FASTEST * seconds };
        let plan = Plan { again, ..Plan::new(webhook, Spec::new(run, count as usize, people), CONNECTIONS, seconds) };
        self.load.prepare(&plan).await;
        self.cluster.settle().await;
        let (postgres, load) = (Some(self.cluster.postmaster()), [self.load.id()]);
        let before = machine::cpu(server, postgres, &load);
        let outcome = self.load.go().await;
        let cpu = machine::cpu(server, postgres, &load).since(before);
        assert_eq!(outcome.refused, 0, "{run}: everything is acknowledged");
        (outcome, cpu)
    }

    fn judge(&self, series: &BTreeMap<&str, Series>) -> Section {
        let (spread, hot) = (&series["spread"], &series["hot"]);
        let mut section = Section::default();
        let rate = |series: &Series| series.rates.median();
        let ratio = |name: &str| rate(spread) / rate(&series[name]);
        let mut against = |goal: &str, name: &str, told: String, least: f64| {
            let baseline = format!("{told}: {}", series[name].rates.show());
            section.goal(goal, spread.rates.show(), baseline, ratio(name), Bound::AtLeast(least));
        };
        let clients = format!("pgbench, {} clients", self.clients);
        against("webhooks acknowledged a second ≥ 5 × a transaction an event", "pgbench", clients, 5.0);
        let node = format!("Node, {} worker(s)", self.workers);
        against("webhooks acknowledged a second ≥ 8 × a straightforward Node server", "node", node, 8.0);
        against("webhooks acknowledged a second ≥ 0.25 × verify and parse alone", "bare", "bare actix".into(), 0.25);
        let baseline = format!("spread over {} conversations: {}", figure(PEOPLE as f64), spread.rates.show());
        section.goal(
            "one hot conversation ≥ 0.95 × a spread load",
            hot.rates.show(),
            baseline,
            rate(hot) / rate(spread),
            Bound::AtLeast(0.95),
        );
        let baseline = format!("pgbench: {}", figure(series["pgbench"].cost()));
        let ratio = spread.cost() / series["pgbench"].cost();
        section.goal("CPU of an event, server and PostgreSQL, µs", figure(spread.cost()), baseline, ratio, Bound::Told);
        for (name, told) in [
            ("spread", "Baton, spread"),
            ("hot", "Baton, one conversation"),
            ("pgbench", "pgbench"),
            ("node", "Node"),
            ("bare", "bare actix"),
        ] {
            section.costs.push(series[name].costs(told));
        }
        section
    }

    async fn stop(self) {
        self.baton.stop().await;
    }
}
