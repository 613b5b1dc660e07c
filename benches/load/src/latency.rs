//! How long the platform waits for its 200, beside one durable transaction that nobody else disturbs.

use crate::Scale;
use crate::baton::Baton;
use crate::cluster::Cluster;
use crate::intake::{CONNECTIONS, Series};
use crate::load::{Load, Outcome, Plan};
use crate::machine;
use crate::pgbench::Pgbench;
use crate::report::{Bound, Runs, Section, figure};
use crate::requests::Spec;
use crate::seed::{self, PEOPLE};

/// Webhooks a second of a quiet Page.
const QUIET: f64 = 40.0;

/// Measures the section.
pub async fn measure(cluster: &Cluster, scale: Scale) -> Section {
    cluster.copy("bench_baton", seed::SPREAD).await;
    cluster.copy("bench_pgbench", seed::SPREAD).await;
    let pgbench = Pgbench::new(cluster, "bench_pgbench").await;
    let baton = Baton::start(&cluster.folder, Some(&cluster.url("bench_baton"))).await;
    let mut bench = Bench { cluster, baton, load: Load::start(), runs: 0 };
    let (mut full, mut half, mut quiet) = (Series::default(), Series::default(), Series::default());
    let (mut transaction, mut slow_transaction, mut paced) = (Runs::default(), Runs::default(), Runs::default());
    let (mut p99, mut p50) = (Runs::default(), Runs::default());
    bench.post(None, 2.0, &mut Series::default()).await;
    for _ in 0..scale.rounds {
        bench.post(None, scale.seconds / 2.0, &mut full).await;
    }
    let rate = (full.rates.median() / 2.0).round();
    for _ in 0..scale.rounds {
        let alone = pgbench.run(1, scale.seconds / 2.0, None).await;
        transaction.0.push(alone.p50);
        slow_transaction.0.push(alone.p99);
        p99.0.push(bench.post(Some(rate), scale.seconds, &mut half).await.p99);
        paced.0.push(pgbench.run(1, scale.seconds, Some(QUIET)).await.p50);
        p50.0.push(bench.post(Some(QUIET), scale.seconds, &mut quiet).await.p50);
    }
    bench.baton.stop().await;
    cluster.drop("bench_baton").await;
    cluster.drop("bench_pgbench").await;
    let mut section = Section::default();
    let mut goal = |goal: &str, figure: &Runs, baseline: (&str, &Runs), bound: Option<f64>| {
        let (name, times) = baseline;
        let shown = format!("{name}: {} ms", times.show());
        let bound = bound.map_or(Bound::Told, Bound::AtMost);
        section.goal(goal, format!("{} ms", figure.show()), shown, figure.median() / times.median(), bound);
    };
    // A machine that rests between two transactions takes several times as long for one: the processor and the disk wake up first.
    let (busy, alike) =
        (("one durable transaction after the other of pgbench, p50", &transaction), ("pgbench at 40 a second, p50", &paced));
    let slow = ("one durable transaction after the other of pgbench, p99", &slow_transaction);
    goal(&format!("acknowledgement, p99, at half of the full rate ({} a second) ≤ 5 ×", figure(rate)), &p99, busy, Some(5.0));
    goal("the same beside the slowest hundredth of these", &p99, slow, None);
    goal("acknowledgement, p50, at 40 a second ≤ 1.5 ×", &p50, alike, Some(1.5));
    goal("the same beside one transaction after the other", &p50, busy, None);
    section.costs = vec![full.costs("as fast as it goes"), half.costs("half of that"), quiet.costs("40 a second")];
    section
}

struct Bench<'a> {
    cluster: &'a Cluster,
    baton: Baton,
    load: Load,
    runs: usize,
}

impl Bench<'_> {
    async fn post(&mut self, rate: Option<f64>, seconds: f64, series: &mut Series) -> Outcome {
        self.runs += 1;
        let count = rate.unwrap_or(crate::intake::FASTEST) * seconds;
        let requests = Spec::new(&format!("latency{}", self.runs), count as usize, PEOPLE);
        let plan = Plan { rate, ..Plan::new(&self.baton.webhook(), requests, CONNECTIONS, seconds) };
        self.load.prepare(&plan).await;
        // What came before in a rush is read by the search a while later, and is not part of this pace.
        if rate.is_some() {
            seed::search_has_read(self.cluster, "bench_baton").await;
        }
        self.cluster.settle().await;
        let (server, postgres, load) = (Some(self.baton.id()), Some(self.cluster.postmaster()), [self.load.id()]);
        let before = machine::cpu(server, postgres, &load);
        let outcome = self.load.go().await;
        let cpu = machine::cpu(server, postgres, &load).since(before);
        assert_eq!(outcome.refused, 0, "everything is acknowledged");
        eprintln!("at {rate:?}: {outcome:?}");
        series.add(outcome.rate(), cpu, outcome.acknowledged as f64, outcome.seconds);
        outcome
    }
}
