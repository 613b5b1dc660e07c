//! Growth: the same figures on a Page with a long past as on one with a short past.
//!
//! A page of PostgreSQL is written whole the first time that it changes after a checkpoint, and a long past has more pages that change. Baton's own
//! cluster makes a checkpoint every quarter of an hour, so intake is told both for the moment after one and for the time between two.

use crate::Scale;
use crate::baton::PAGE;
use crate::cluster::Cluster;
use crate::delivery::Stage;
use crate::intake::Series;
use crate::live::log_in;
use crate::report::{Bound, Runs, Section, figure};
use crate::requests::{Pages, person};
use crate::seed::{self, Past};

/// People who write.
const WRITERS: usize = 45_000;

/// People whose conversations are looked at: as long in both pasts.
const READ: Past = Past { first: 1_000_000, people: 200, rows: 52 };

/// Events of a backlog.
const BACKLOG: usize = 30_000;

/// Measures the section.
pub async fn measure(cluster: &Cluster, scale: Scale, quick: bool) -> Section {
    let rows = if quick { 22 } else { 222 };
    let mut pasts = [Grown::new(cluster, "bench_short", 2).await, Grown::new(cluster, "bench_long", rows).await];
    for _ in 0..scale.rounds {
        for past in &mut pasts {
            past.measure(scale.seconds).await;
        }
    }
    let [short, long] = &pasts;
    let mut section = Section::default();
    let (few, many) = (figure(short.rows as f64), figure(long.rows as f64));
    let mut goal = |what: &str, unit: &str, at_many: &Runs, at_few: &Runs, ratio: f64| {
        let text = format!("{what} at {many} rows of the log within 1.2 × of that at {few}");
        section.goal(&text, format!("{}{unit}", at_many.show()), format!("{}{unit}", at_few.show()), ratio, Bound::AtMost(1.2));
    };
    let slower = |at_many: &Runs, at_few: &Runs| at_few.median() / at_many.median();
    let (one, other) = (&long.intake.rates, &short.intake.rates);
    goal("webhooks acknowledged a second, right after a checkpoint,", "", one, other, slower(one, other));
    let (one, other) = (&long.between.rates, &short.between.rates);
    goal("webhooks acknowledged a second, between two checkpoints,", "", one, other, slower(one, other));
    let (one, other) = (&long.delivery.rates, &short.delivery.rates);
    goal("a backlog, delivered a second,", "", one, other, slower(one, other));
    goal("a conversation's page, p50,", " ms", &long.page, &short.page, long.page.median() / short.page.median());
    for past in &pasts {
        let rows = figure(past.rows as f64);
        section.costs.push(past.intake.costs(&format!("intake at {rows} rows, right after a checkpoint")));
        section.costs.push(past.between.costs(&format!("intake at {rows} rows, between two")));
        section.costs.push(past.delivery.costs(&format!("delivery at {rows} rows")));
    }
    for past in pasts {
        past.stage.close().await;
    }
    section
}

struct Grown<'a> {
    stage: Stage<'a>,
    rows: i64,
    cookie: String,
    app: u16,
    intake: Series,
    between: Series,
    delivery: Series,
    page: Runs,
}

impl<'a> Grown<'a> {
    async fn new(cluster: &'a Cluster, database: &str, rows: usize) -> Self {
        let began = std::time::Instant::now();
        cluster.copy(database, seed::EMPTY).await;
        seed::fill(cluster, database, &[READ, Past { first: 0, people: WRITERS, rows }]).await;
        let found = cluster.number(database, "select count(*) from log").await;
        eprintln!("{database}: {found} rows after {:.0} s", began.elapsed().as_secs_f64());
        let mut stage = Stage::enter(cluster, database).await;
        let cookie = log_in(cluster, database, &stage.baton).await;
        let app = stage.add("App", 0, 1).await;
        let [intake, between, delivery] = std::array::from_fn(|_| Series::default());
        Self { stage, rows: found, cookie, app, intake, between, delivery, page: Runs::default() }
    }

    async fn measure(&mut self, seconds: f64) {
        // The app refuses meanwhile: intake is measured alone, and what it took in is the first part of the backlog.
        self.stage.apps.open(self.app, false).await;
        self.stage.intake(WRITERS, seconds, &mut self.intake).await;
        self.stage.intake_between_checkpoints(WRITERS, seconds, &mut self.between).await;
        self.stage.drain(self.app, BACKLOG, &mut self.delivery).await;
        let paths = (READ.first..READ.first + READ.people).map(|index| format!("/inbox/{PAGE}/{}", person(index))).collect();
        let pages = Pages { cookie: self.cookie.clone(), paths };
        self.page.0.push(self.stage.pages(pages, seconds / 2.0).await.p50);
    }
}
