//! Delivery: from a webhook that comes in to an app that has received it.

use crate::Scale;
use crate::baton::{self, Baton, PAGE};
use crate::cluster::Cluster;
use crate::intake::{CONNECTIONS, FASTEST, Series};
use crate::load::{Load, Outcome, Plan, percentile};
use crate::machine;
use crate::receive::{Received, Receivers};
use crate::report::{Bound, Runs, Section, figure};
use crate::requests::{Pages, Spec};
use crate::seed::{self, PEOPLE};

/// Events a second at which latencies are measured.
const STEADY: f64 = 1000.0;

/// Events of a backlog.
const BACKLOG: usize = 60_000;

/// Events in one webhook where more come in than one event each could bring.
const TOGETHER: usize = 100;

/// Long enough for everybody to write once, in seconds.
const EVERYBODY: f64 = 120.0;

/// Measures the section.
pub async fn measure(cluster: &Cluster, scale: Scale) -> Section {
    let mut section = Section::default();
    latency(cluster, scale, &mut section).await;
    one_event_a_post(cluster, scale, &mut section).await;
    batches(cluster, scale, &mut section).await;
    three_apps(cluster, scale, &mut section).await;
    section
}

/// A Baton with apps that listen to what is said in conversations of the inbox.
pub struct Stage<'a> {
    cluster: &'a Cluster,
    database: String,
    /// The program.
    pub baton: Baton,
    load: Load,
    /// The apps' process.
    pub apps: Receivers,
    times: String,
    runs: usize,
}

impl<'a> Stage<'a> {
    /// On a copy of a database.
    pub async fn open(cluster: &'a Cluster, database: &str, template: &str) -> Self {
        cluster.copy(database, template).await;
        Self::enter(cluster, database).await
    }

    /// On a database.
    pub async fn enter(cluster: &'a Cluster, database: &str) -> Self {
        let baton = Baton::start(&cluster.folder, Some(&cluster.url(database))).await;
        let times = cluster.folder.join(format!("times-{database}")).display().to_string();
        Self { cluster, database: database.to_owned(), baton, load: Load::start(), apps: Receivers::start(), times, runs: 0 }
    }

    /// An app that takes so long to answer, with so many events a POST. Its port.
    pub async fn add(&mut self, name: &str, think_ms: u64, batch: usize) -> u16 {
        let port = self.apps.add(think_ms).await;
        self.subscribe(name, port, batch).await;
        port
    }

    /// An app that is called on a port, whether anybody is there or not.
    pub async fn subscribe(&self, name: &str, port: u16, batch: usize) {
        let (url, batch) = (format!("http://127.0.0.1:{port}/"), batch.to_string());
        let arguments =
            ["app", "add", "--page", PAGE, "--name", name, "--callback-url", &url, "--fields", "messages,standby", "--batch", &batch];
        baton::ask(&self.cluster.folder, &self.cluster.url(&self.database), &arguments).await;
    }

    /// Posts webhooks and waits until these apps have received all that was acknowledged.
    pub async fn run(&mut self, rate: Option<f64>, each: usize, count: usize, apps: &[u16], series: &mut Series) -> Run {
        self.runs += 1;
        let run = format!("{}run{}", self.database.replace('_', ""), self.runs);
        let mut plan = self.plan(&run, rate, each, count);
        plan.times = rate.map(|_| self.times.clone());
        self.load.prepare(&plan).await;
        self.apps.watch(&run, count * each).await;
        self.cluster.settle().await;
        let (before, began) = (self.cpu(), std::time::Instant::now());
        let outcome = self.load.go().await;
        let taken = outcome.acknowledged * each;
        let mut received = Vec::new();
        for app in apps {
            received.push(self.apps.complete(*app, taken).await);
        }
        let (cpu, seconds) = (self.cpu().since(before), began.elapsed().as_secs_f64());
        let slowest = received.iter().map(Received::rate).fold(f64::MAX, f64::min);
        let intake = outcome.rate() * each as f64;
        eprintln!("{run}: {taken} taken in at {intake:.0} a second, {} webhooks refused", outcome.refused);
        received.iter().for_each(|received| eprintln!("    {}", received.tell()));
        series.add(slowest, cpu, taken as f64, seconds);
        let mut latencies = Vec::new();
        if rate.is_some() {
            for app in apps {
                latencies.push(self.apps.latencies(*app, &self.times, each).await);
            }
        }
        Run { latencies, intake, refused: outcome.refused }
    }

    /// Lets a backlog grow while the app refuses to be called, and then lets it be delivered.
    pub async fn drain(&mut self, port: u16, count: usize, series: &mut Series) {
        self.runs += 1;
        let run = format!("{}drain{}", self.database.replace('_', ""), self.runs);
        self.apps.open(port, false).await;
        // Few connections: it is not intake that is measured here.
        let plan = Plan { connections: 4, ..self.plan(&run, None, TOGETHER, count / TOGETHER) };
        self.load.prepare(&plan).await;
        self.apps.watch(&run, count).await;
        let count = TOGETHER * self.load.go().await.acknowledged;
        self.cluster.settle().await;
        let (before, began) = (self.cpu(), std::time::Instant::now());
        self.apps.open(port, true).await;
        let received = self.apps.complete(port, count).await;
        eprintln!("{run}: {}", received.tell());
        series.add(received.rate(), self.cpu().since(before), count as f64, began.elapsed().as_secs_f64());
    }

    /// Takes webhooks in as fast as it goes, right after a checkpoint.
    pub async fn intake(&mut self, people: usize, seconds: f64, series: &mut Series) {
        self.prepare_intake((FASTEST * seconds) as usize, people, seconds).await;
        self.cluster.settle().await;
        self.take_in(series).await;
    }

    /// The same once everybody has written since the checkpoint: whatever page their next message changes has been written whole.
    pub async fn intake_between_checkpoints(&mut self, people: usize, seconds: f64, series: &mut Series) {
        self.prepare_intake(people, people, EVERYBODY).await;
        self.cluster.settle().await;
        self.take_in(&mut Series::default()).await;
        self.prepare_intake((FASTEST * seconds) as usize, people, seconds).await;
        self.take_in(series).await;
    }

    async fn prepare_intake(&mut self, count: usize, people: usize, seconds: f64) {
        self.runs += 1;
        let run = format!("{}intake{}", self.database.replace('_', ""), self.runs);
        self.load.prepare(&Plan::new(&self.baton.webhook(), Spec::new(&run, count, people), CONNECTIONS, seconds)).await;
    }

    async fn take_in(&mut self, series: &mut Series) {
        let before = self.cpu();
        let outcome = self.load.go().await;
        assert_eq!(outcome.refused, 0, "everything is acknowledged");
        eprintln!("{} {}: {:.0} a second", self.database, self.runs, outcome.rate());
        series.add(outcome.rate(), self.cpu().since(before), outcome.acknowledged as f64, outcome.seconds);
    }

    /// Looks at pages, one after the other.
    pub async fn pages(&mut self, pages: Pages, seconds: f64) -> Outcome {
        let requests = Spec { pages: Some(pages), ..Spec::new("pages", 1000, 1) };
        let plan = Plan { again: true, ..Plan::new(&self.baton.webhook(), requests, 1, seconds) };
        self.load.prepare(&plan).await;
        let outcome = self.load.go().await;
        assert_eq!(outcome.refused, 0, "every page is shown");
        outcome
    }

    fn plan(&self, run: &str, rate: Option<f64>, each: usize, count: usize) -> Plan {
        let requests = Spec { each, ..Spec::new(run, count, PEOPLE) };
        Plan { rate: rate.map(|rate| rate / each as f64), ..Plan::new(&self.baton.webhook(), requests, CONNECTIONS, 600.0) }
    }

    fn cpu(&self) -> machine::Cpu {
        machine::cpu(Some(self.baton.id()), Some(self.cluster.postmaster()), &[self.load.id(), self.apps.id()])
    }

    /// The median of a POST straight to an app, by the same load at the same pace, milliseconds.
    pub async fn bare_post(&mut self, port: u16, rate: f64, seconds: f64) -> f64 {
        let requests = Spec::new("bare", (rate * seconds) as usize, PEOPLE);
        let plan = Plan { rate: Some(rate), ..Plan::new(&format!("127.0.0.1:{port}/"), requests, CONNECTIONS, seconds) };
        self.load.prepare(&plan).await;
        self.load.go().await.p50
    }

    /// Stops everything, and forgets the database.
    pub async fn close(self) {
        self.baton.stop().await;
        self.cluster.drop(&self.database).await;
    }
}

/// What a run gave.
pub struct Run {
    /// By app, sorted microseconds.
    pub latencies: Vec<Vec<u32>>,
    /// Events taken in a second.
    pub intake: f64,
    /// Webhooks that were not acknowledged.
    pub refused: usize,
}

impl Run {
    /// Of the first app, milliseconds.
    pub fn p99(&self) -> f64 {
        percentile(&self.latencies[0], 0.99)
    }

    /// Of the first app, milliseconds.
    pub fn p50(&self) -> f64 {
        percentile(&self.latencies[0], 0.5)
    }
}

async fn latency(cluster: &Cluster, scale: Scale, section: &mut Section) {
    let mut alone = Stage::open(cluster, "bench_alone", seed::SPREAD).await;
    let mut beside = Stage::open(cluster, "bench_beside", seed::SPREAD).await;
    let app = alone.add("Fast", 0, 1).await;
    let fast = beside.add("Fast", 0, 1).await;
    beside.add("Slow", 1000, 1).await;
    beside.subscribe("Dead", baton::free_port(), 1).await;
    let (mut bare, mut p50, mut p99, mut p99_beside) = (Runs::default(), Runs::default(), Runs::default(), Runs::default());
    let (mut series, mut series_beside) = (Series::default(), Series::default());
    let count = (STEADY * scale.seconds) as usize;
    for stage in [(&mut alone, app), (&mut beside, fast)] {
        // Whatever is done for the first time is done.
        stage.0.run(Some(STEADY), 1, 2000, &[stage.1], &mut Series::default()).await;
    }
    for _ in 0..scale.rounds {
        bare.0.push(alone.bare_post(app, STEADY, scale.seconds / 2.0).await);
        let run = alone.run(Some(STEADY), 1, count, &[app], &mut series).await;
        p50.0.push(run.p50());
        p99.0.push(run.p99());
        p99_beside.0.push(beside.run(Some(STEADY), 1, count, &[fast], &mut series_beside).await.p99());
    }
    alone.close().await;
    beside.close().await;
    let baseline = format!("p50 of the same POST straight to the app: {} ms", bare.show());
    let goal = "webhook in to event received, p99, at 1,000 a second ≤ 50 ×";
    let shown = format!("{} ms (p50 {} ms)", p99.show(), p50.show());
    section.goal(goal, shown, baseline, p99.median() / bare.median(), Bound::AtMost(50.0));
    let goal = "the same beside an app that takes 1 s to answer and one that is dead < 1.5 ×";
    let ratio = p99_beside.median() / p99.median();
    section.goal(goal, format!("{} ms", p99_beside.show()), format!("alone: {} ms", p99.show()), ratio, Bound::AtMost(1.5));
    section.costs.push(series.costs("1,000 a second, one app"));
    section.costs.push(series_beside.costs("1,000 a second, a slow and a dead app beside"));
}

async fn one_event_a_post(cluster: &Cluster, scale: Scale, section: &mut Section) {
    let mut stage = Stage::open(cluster, "bench_single", seed::SPREAD).await;
    let app = stage.add("App", 0, 1).await;
    let (mut drained, mut live, mut refused) = (Series::default(), Series::default(), 0);
    for _ in 0..scale.rounds {
        stage.drain(app, BACKLOG / 2, &mut drained).await;
        refused += stage.run(Some(4200.0), 1, (4200.0 * scale.seconds) as usize, &[app], &mut live).await.refused;
    }
    stage.close().await;
    rate_goals(section, "one event a POST", (&drained, &live), refused, 4000.0);
}

async fn batches(cluster: &Cluster, scale: Scale, section: &mut Section) {
    let mut stage = Stage::open(cluster, "bench_batch", seed::SPREAD).await;
    let app = stage.add("App", 0, 100).await;
    let (mut drained, mut live, mut refused) = (Series::default(), Series::default(), 0);
    for _ in 0..scale.rounds {
        stage.drain(app, BACKLOG, &mut drained).await;
        let count = (21_000.0 * scale.seconds / TOGETHER as f64) as usize;
        refused += stage.run(Some(21_000.0), TOGETHER, count, &[app], &mut live).await.refused;
    }
    stage.close().await;
    rate_goals(section, "batches of 100, in webhooks of 100", (&drained, &live), refused, 20_000.0);
}

fn rate_goals(section: &mut Section, what: &str, (drained, live): (&Series, &Series), refused: usize, goal: f64) {
    let baseline = figure(goal);
    for (series, how, refused) in [(drained, "a backlog, delivered", 0), (live, "live, delivered", refused)] {
        let text = format!("{what}, {how} a second to one app ≥ {baseline}");
        let ratio = series.rates.median() / goal;
        let shown = if refused == 0 { series.rates.show() } else { format!("{}; {refused} webhooks were refused", series.rates.show()) };
        section.goal(&text, shown, baseline.clone(), ratio, Bound::AtLeast(1.0));
        section.costs.push(series.costs(&format!("{what}, {how}")));
    }
}

async fn three_apps(cluster: &Cluster, scale: Scale, section: &mut Section) {
    const RATE: f64 = 4000.0;
    let mut stage = Stage::open(cluster, "bench_three", seed::SPREAD).await;
    let mut apps = Vec::new();
    for name in ["One", "Two", "Three"] {
        apps.push(stage.add(name, 0, 1).await);
    }
    let (mut series, mut intake, mut behind) = (Series::default(), Runs::default(), Runs::default());
    for _ in 0..scale.rounds {
        let run = stage.run(Some(RATE), 1, (RATE * scale.seconds) as usize, &apps, &mut series).await;
        intake.0.push(run.intake);
        behind.0.push(run.latencies.iter().map(|times| percentile(times, 0.99)).fold(0.0, f64::max));
    }
    stage.close().await;
    let goal = "three apps: 4,000 events a second taken in and delivered to all three as they come (the slowest, 3 % for the edges)";
    let shown = format!("{}, taken in at {}, received after {} ms (p99)", series.rates.show(), intake.show(), behind.show());
    section.goal(goal, shown, figure(RATE), series.rates.median() / RATE, Bound::AtLeast(0.97));
    section.costs.push(series.costs("4,000 a second, three apps"));
}
