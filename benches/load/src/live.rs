//! Live: browsers that are told what changed while much is going on.

use std::collections::BTreeMap;

use crate::Scale;
use crate::baton::{self, Baton};
use crate::cluster::Cluster;
use crate::intake::CONNECTIONS;
use crate::load::{Load, Plan, percentile};
use crate::machine;
use crate::report::{Bound, Runs, Section, figure};
use crate::requests::Spec;
use crate::seed::{self, PEOPLE};
use crate::watch::{Told, Watchers};

/// Messages a second.
const RATES: [u32; 2] = [1000, 4000];

/// Streams that are open.
const STREAMS: [usize; 3] = [0, 10, 50];

/// Measures the section.
pub async fn measure(cluster: &Cluster, scale: Scale) -> Section {
    cluster.copy("bench_live", seed::SPREAD).await;
    let baton = Baton::start(&cluster.folder, Some(&cluster.url("bench_live"))).await;
    let cookie = log_in(cluster, "bench_live", &baton).await;
    let mut bench = Bench { cluster, baton, cookie, load: Load::start(), runs: 0 };
    let (mut cpu, mut lags): (BTreeMap<(u32, usize), Runs>, Runs) = (BTreeMap::new(), Runs::default());
    for _ in 0..scale.rounds {
        for rate in RATES {
            for streams in STREAMS {
                let (used, lag) = bench.run(rate, streams, scale.seconds).await;
                cpu.entry((rate, streams)).or_default().0.push(used);
                if (rate, streams) == (RATES[1], STREAMS[2]) {
                    lags.0.push(lag);
                }
            }
        }
    }
    bench.baton.stop().await;
    cluster.drop("bench_live").await;
    judge(&cpu, &lags)
}

fn judge(cpu: &BTreeMap<(u32, usize), Runs>, lags: &Runs) -> Section {
    let mut section = Section::default();
    let goal =
        "4,000 messages a second on one Page, 50 streams: a message is announced on every stream within a second (the slowest of all)";
    section.goal(goal, format!("{} s", lags.show()), "1 s".into(), lags.median(), Bound::AtMost(1.0));
    let median = |rate: u32, streams: usize| cpu[&(rate, streams)].median();
    let stream = |rate: u32| 1000.0 * (median(rate, STREAMS[2]) - median(rate, STREAMS[0])).max(1e-6) / STREAMS[2] as f64;
    // What cannot be told from the difference between two runs of the same kind counts as that difference.
    let told_apart = RATES.iter().map(|rate| 1000.0 * cpu[&(*rate, 0)].spread() / STREAMS[2] as f64).fold(0.0, f64::max);
    let (few, many) = (stream(RATES[0]).max(told_apart), stream(RATES[1]).max(told_apart));
    let goal = "CPU of a stream at 4,000 messages a second ≤ 2 × that at 1,000 (4 × would be streams × messages), as far as runs can be told apart";
    section.goal(goal, format!("{} ms a second", figure(many)), format!("{} ms a second", figure(few)), many / few, Bound::AtMost(2.0));
    for ((rate, streams), used) in cpu {
        let (name, used) =
            (format!("CPU of Baton, {streams} streams, {rate} messages a second"), format!("{} % of a core", percent(used).show()));
        let nobody = format!("without streams: {} %", percent(&cpu[&(*rate, 0)]).show());
        section.goal(&name, used, nobody, median(*rate, *streams) / median(*rate, 0), Bound::Told);
    }
    section
}

fn percent(cores: &Runs) -> Runs {
    Runs(cores.0.iter().map(|cores| 100.0 * cores).collect())
}

/// Adds an admin and logs in: the cookie.
pub async fn log_in(cluster: &Cluster, database: &str, baton: &Baton) -> String {
    let user = ["user", "add", "--email", "agent@example.com", "--name", "Agent", "--role", "admin"];
    let password = baton::ask(&cluster.folder, &cluster.url(database), &user).await["password"].as_str().expect("a password").to_owned();
    let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().expect("an HTTP client");
    let pairs = [("email", "agent@example.com"), ("password", &password), ("next", "")];
    let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let request = http.post(format!("http://{}/login", baton.address)).header("content-type", "application/x-www-form-urlencoded");
    let answer = request.body(form).send().await.expect("Baton answers");
    assert_eq!(answer.status(), 303, "logged in");
    let cookie = answer.headers().get("set-cookie").and_then(|cookie| cookie.to_str().ok()).expect("a cookie");
    cookie.split(';').next().unwrap_or_default().to_owned()
}

struct Bench<'a> {
    cluster: &'a Cluster,
    baton: Baton,
    cookie: String,
    load: Load,
    runs: usize,
}

impl Bench<'_> {
    /// Cores that Baton used, and the longest time in seconds from sending a message until a stream knew of it.
    async fn run(&mut self, rate: u32, streams: usize, seconds: f64) -> (f64, f64) {
        self.runs += 1;
        let run = format!("live{}", self.runs);
        let times = self.cluster.folder.join("times-live").display().to_string();
        let count = (f64::from(rate) * seconds) as usize;
        let plan = Plan {
            rate: Some(f64::from(rate)),
            times: Some(times.clone()),
            ..Plan::new(&self.baton.webhook(), Spec::new(&run, count, PEOPLE), CONNECTIONS, seconds)
        };
        self.load.prepare(&plan).await;
        let mut watchers = Watchers::open(&self.baton.address, &self.cookie, streams).await;
        self.cluster.settle().await;
        let cpu = || machine::cpu(Some(self.baton.id()), Some(self.cluster.postmaster()), &[]);
        let (before, began) = (cpu(), std::time::Instant::now());
        let outcome = self.load.go().await;
        let used = cpu().since(before).server / began.elapsed().as_secs_f64();
        assert_eq!(outcome.refused, 0, "everything is acknowledged");
        // The last message has its second, too.
        tokio::time::sleep(std::time::Duration::from_secs(3)).await;
        let told = watchers.told().await;
        let lag = self.longest_lag(&run, &times, &told).await;
        eprintln!("{rate} a second, {streams} streams: {:.1} % of a core, {lag:.3} s, acknowledged p99 {} ms", 100.0 * used, outcome.p99);
        (used, lag)
    }

    async fn longest_lag(&self, run: &str, times: &str, told: &[Vec<Told>]) -> f64 {
        let bytes = std::fs::read(times).expect("the times of the load");
        let sent: Vec<u64> = bytes.as_chunks::<8>().0.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect();
        let sql = format!("select position from log where kind = 'message' and mid like 'm_{run}-%' order by mid");
        let positions = self.cluster.numbers("bench_live", &sql).await;
        assert_eq!(positions.len(), sent.len(), "every message is in the log");
        let mut lags = Vec::with_capacity(positions.len() * told.len());
        for stream in told {
            for (position, sent) in positions.iter().zip(&sent) {
                let next = stream.partition_point(|(_, known)| known < position);
                let (at, _) = stream.get(next).unwrap_or_else(|| panic!("a stream never tells of position {position}"));
                lags.push(u32::try_from(at.saturating_sub(*sent)).unwrap_or(u32::MAX));
            }
        }
        lags.sort_unstable();
        percentile(&lags, 1.0) / 1000.0
    }
}
