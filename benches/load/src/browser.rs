//! Browser: agents at Chromium while much is going on. What is written is on their screens, and the page goes on answering them.

mod noted;

use std::cell::Cell;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::Scale;
use crate::baton::{Baton, PAGE};
use crate::chromedriver::Driver;
use crate::chromium::Page;
use crate::cluster::Cluster;
use crate::intake::{CONNECTIONS, Series};
use crate::live::log_in;
use crate::load::{Load, Outcome, Plan};
use crate::machine::{self, Cpu};
use crate::report::{Bound, Runs, Section, figure};
use crate::requests::{self, Spec, person, whose};
use crate::seed::{self, PEOPLE};
use crate::watch::{Fetch, OpenPage, Watchers};
use noted::{Noted, Sent, list_lags, thread_lags};

/// Messages a second.
const RATE: f64 = 4000.0;

/// Streams that are open, those of the browsers among them.
const STREAMS: usize = 50;

/// Browsers: in one somebody reads and writes in a conversation beside the list, in one somebody opens conversations.
const BROWSERS: usize = 2;

/// How often somebody writes something that is looked for: every half a second, in turns of this length.
const TURN: Duration = Duration::from_millis(20);
const MARKER_TURNS: usize = 25;

/// How often a key is pressed.
const KEY_EVERY: Duration = Duration::from_millis(200);

/// How long somebody looks at a conversation before the next is opened.
const OPEN_EVERY: Duration = Duration::from_secs(2);

/// How long a page may take to show the last message before it counts as never shown.
const LAST: Duration = Duration::from_secs(5);

/// Newest first, whoever holds the conversation.
const LIST: &str = "view=open&sort=newest";

/// Measures the section.
pub async fn measure(cluster: &Cluster, scale: Scale) -> Section {
    cluster.copy("bench_browser", seed::SPREAD).await;
    let baton = Baton::start(&cluster.folder, Some(&cluster.url("bench_browser"))).await;
    let cookie = log_in(cluster, "bench_browser", &baton).await;
    let driver = Driver::start(&cluster.folder);
    let open = async |name: &str| Page::open(&driver, name, &baton.address, &cookie).await;
    let desks = Desks { reader: open("reader").await, opener: open("opener").await };
    let http = reqwest::Client::builder().no_proxy().build().expect("an HTTP client");
    let mut bench = Bench { cluster, baton, cookie, http, load: Load::start(), desks, runs: 0 };
    // Whatever is done for the first time is done.
    bench.run(Beside::Nothing, 2.0).await;
    let mut all = [Beside::Nothing, Beside::Streams, Beside::Pages].map(|beside| (beside, Figures::default()));
    for _ in 0..scale.rounds {
        for (beside, figures) in &mut all {
            figures.add(bench.run(*beside, scale.seconds).await);
        }
    }
    let [(_, quiet), (_, streams), (_, pages)] = all;
    let section = judge(&quiet, &streams, &pages);
    bench.close().await;
    section
}

/// What goes on beside the agents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Beside {
    /// Nothing.
    Nothing,
    /// The load, and streams that only listen.
    Streams,
    /// The load, and streams that fetch what pages do.
    Pages,
}

/// What runs gave, each in seconds: the slowest, and the middle.
#[derive(Default)]
struct Figures {
    thread: [Runs; 2],
    list: [Runs; 2],
    opened: [Runs; 2],
    keys: [Runs; 2],
    task: [Runs; 2],
    costs: Series,
}

impl Figures {
    fn add(&mut self, run: Run) {
        let runs = [
            (&mut self.thread, run.thread),
            (&mut self.list, run.list),
            (&mut self.opened, run.opened),
            (&mut self.keys, run.keys),
            (&mut self.task, run.tasks),
        ];
        for ([slowest, middle], seconds) in runs {
            middle.0.push(Runs(seconds.clone()).median());
            slowest.0.push(seconds.into_iter().fold(0.0, f64::max));
        }
        if let Some((outcome, cpu)) = run.load {
            self.costs.add(outcome.rate(), cpu, outcome.acknowledged as f64, outcome.seconds);
        }
    }
}

fn judge(quiet: &Figures, streams: &Figures, pages: &Figures) -> Section {
    let mut section = Section::default();
    let mut goal = |goal: &str, busy: &Figures, of: fn(&Figures) -> &[Runs; 2], most: f64| {
        let told = |figures: &Figures| {
            let [slowest, middle] = of(figures);
            format!("{} s (p50 {} s)", slowest.show(), figure(middle.median()))
        };
        let baseline = format!("{} s; without load: {}", figure(most), told(quiet));
        section.goal(goal, told(busy), baseline, of(busy)[0].median() / most, Bound::AtMost(1.0));
    };
    for (busy, what) in [(streams, ""), (pages, "48 more pages that fetch as these do: ")] {
        goal(&format!("{what}an open conversation shows a message within a second of its POST (the slowest)"), busy, |it| &it.thread, 1.0);
        goal(&format!("{what}the list is as new as each message within a second of its POST (the slowest)"), busy, |it| &it.list, 1.0);
        goal(
            &format!("{what}a conversation that is clicked is painted and works within a second (the slowest)"),
            busy,
            |it| &it.opened,
            1.0,
        );
        goal(&format!("{what}a key in the composer is on screen within 0.2 s (the slowest)"), busy, |it| &it.keys, 0.2);
        goal(&format!("{what}no task holds a page up for longer than 0.2 s"), busy, |it| &it.task, 0.2);
    }
    for (busy, what) in [(streams, "48 streams and 2 browsers"), (pages, "48 pages and 2 browsers")] {
        let name = format!("{what}: messages taken in a second ≥ 0.97 × 4,000");
        section.goal(&name, busy.costs.rates.show(), figure(RATE), busy.costs.rates.median() / RATE, Bound::AtLeast(0.97));
        section.costs.push(busy.costs.costs(what));
    }
    section
}

/// Seconds of whatever was waited for in a run.
struct Run {
    thread: Vec<f64>,
    list: Vec<f64>,
    opened: Vec<f64>,
    keys: Vec<f64>,
    tasks: Vec<f64>,
    load: Option<(Outcome, Cpu)>,
}

struct Desks {
    reader: Page,
    opener: Page,
}

struct Bench<'a> {
    cluster: &'a Cluster,
    baton: Baton,
    cookie: String,
    http: reqwest::Client,
    load: Load,
    desks: Desks,
    runs: usize,
}

impl Bench<'_> {
    /// Agents work for a while.
    async fn run(&mut self, beside: Beside, seconds: f64) -> Run {
        self.runs += 1;
        let run = format!("browser{}", self.runs);
        let times = self.cluster.folder.join("times-browser").display().to_string();
        let requests = Spec::new(&run, (RATE * seconds) as usize, PEOPLE);
        let plan = Plan {
            rate: Some(RATE),
            times: Some(times.clone()),
            ..Plan::new(&self.baton.webhook(), requests.clone(), CONNECTIONS, seconds)
        };
        if beside != Beside::Nothing {
            self.load.prepare(&plan).await;
        }
        // Somebody whose turn does not come in this run.
        let watched = whose(&requests, PEOPLE - self.runs);
        self.sit_down(&watched).await;
        let mut watchers = Watchers::fetching(&self.baton.address, &self.cookie, &others(beside)).await;
        self.cluster.settle().await;
        let (markers, opened, load) = self.work((&run, &watched), watchers.id(), beside, seconds).await;
        eprintln!("{beside:?}: {} fragments fetched by streams", watchers.fetched().await);
        drop(watchers);
        let mut sent = markers.clone();
        if load.is_some() {
            sent.extend(times_of(&times, &requests));
        }
        let noted = Noted::of(&self.desks.reader).await;
        let seconds = |millis: &[f64]| millis.iter().map(|millis| millis / 1000.0).collect();
        let run = Run {
            thread: thread_lags(&noted, &markers),
            list: list_lags(&noted, sent),
            opened,
            keys: seconds(&noted.keys),
            tasks: seconds(&noted.tasks),
            load,
        };
        run.tell(beside);
        run
    }

    /// Everybody goes to their place; what happens there is noted from now on.
    async fn sit_down(&self, watched: &str) {
        let Desks { reader, opener } = &self.desks;
        for (page, path) in [(reader, format!("/inbox/{PAGE}/{watched}?{LIST}")), (opener, format!("/inbox?{LIST}"))] {
            page.go(&path).await;
            page.tells::<bool>("return document.documentElement.classList.contains('scripted') || null").await;
        }
        // Nobody is connected to answer; a note is written with the same composer.
        reader.runs::<()>("document.getElementById('mode-note').checked = true; document.getElementById('note-text').focus()").await;
        reader.runs::<()>(include_str!("browser/watch.js")).await;
    }

    /// The load, and what agents do meanwhile: what was written for them to see, how long each conversation took to open, and what the load did.
    async fn work(
        &mut self,
        marked: (&str, &str),
        watchers: u32,
        beside: Beside,
        seconds: f64,
    ) -> (Vec<Sent>, Vec<f64>, Option<(Outcome, Cpu)>) {
        let over = Cell::new(false);
        let (server, postgres, others) = (Some(self.baton.id()), Some(self.cluster.postmaster()), [self.load.id(), watchers]);
        let cpu = || machine::cpu(server, postgres, &others);
        let Self { http, desks, baton, load: helper, .. } = self;
        let (webhook, before) = (baton.webhook(), cpu());
        let load = async {
            let outcome = if beside == Beside::Nothing { None } else { Some(helper.go().await) };
            if outcome.is_none() {
                tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
            }
            over.set(true);
            outcome.map(|outcome| (outcome, cpu().since(before)))
        };
        let (load, markers, opened, ()) =
            tokio::join!(load, markers(http, &webhook, marked, &over), opens(&desks.opener, &over), types(&desks.reader, &over));
        if let Some((outcome, _)) = &load {
            assert_eq!(outcome.refused, 0, "everything is acknowledged");
        }
        // The last one is newer than everything else: once it is there, all has been shown.
        let last = serde_json::json!(markers.last().expect("a marker").text);
        let shown = tokio::time::timeout(LAST, async {
            desks.reader.tells::<bool>(&format!("return {last} in noted.texts || null")).await;
            desks.reader.tells::<bool>(&format!("return noted.rows.some((row) => row[2].includes({last})) || null")).await;
        });
        shown.await.expect("the last message is shown");
        (markers, opened, load)
    }

    async fn close(self) {
        let Desks { reader, opener } = self.desks;
        for page in [reader, opener] {
            page.quit().await;
        }
        self.baton.stop().await;
        self.cluster.drop("bench_browser").await;
    }
}

impl Run {
    fn tell(&self, beside: Beside) {
        let told = |seconds: &[f64]| {
            let runs = Runs(seconds.to_vec());
            format!(
                "{} s (p50 {} s, {} of them)",
                figure(seconds.iter().copied().fold(0.0, f64::max)),
                figure(runs.median()),
                seconds.len()
            )
        };
        eprintln!(
            "{beside:?}: conversation {}, list {}, opened {}, keys {}, long tasks {}",
            told(&self.thread),
            told(&self.list),
            told(&self.opened),
            told(&self.keys),
            told(&self.tasks)
        );
    }
}

/// The streams without a browser.
fn others(beside: Beside) -> Vec<OpenPage> {
    match beside {
        Beside::Nothing => Vec::new(),
        Beside::Streams => vec![OpenPage::default(); STREAMS - BROWSERS],
        Beside::Pages => (0..STREAMS - BROWSERS).map(page).collect(),
    }
}

/// What the page of somebody fetches who has a conversation open: the list with each change, the conversation with its own, what is new elsewhere
/// every three seconds.
fn page(number: usize) -> OpenPage {
    let conversation = format!("{PAGE}/{}", person(number));
    let fetch = |path: String, own, rest| Fetch { path, own, rest };
    let fetches = vec![
        fetch(format!("/inbox/{conversation}?{LIST}&fragment=list"), false, None),
        fetch(format!("/inbox/{conversation}?{LIST}&fragment=thread"), true, None),
        fetch(format!("/inbox/news?since=0&open={conversation}"), false, Some(3000)),
    ];
    OpenPage { conversation, fetches }
}

/// Milliseconds of the wall clock.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_secs_f64() * 1000.0
}

/// Somebody writes into the conversation that is looked at, at regular moments, and once when all is over.
async fn markers(http: &reqwest::Client, webhook: &str, (run, watched): (&str, &str), over: &Cell<bool>) -> Vec<Sent> {
    let mut markers = Vec::new();
    let mut turns = tokio::time::interval(TURN);
    for turn in 0.. {
        turns.tick().await;
        let last = over.get();
        if turn % MARKER_TURNS != 0 && !last {
            continue;
        }
        let text = format!("marker {run} {:04}", markers.len());
        let (body, signature) = requests::one(watched, &requests::mid(&format!("{run}marker"), markers.len()), &text);
        let post = http.post(format!("http://{webhook}")).header("content-type", "application/json");
        let post = post.header("x-hub-signature-256", format!("sha256={signature}")).body(body);
        markers.push(Sent { at: now(), person: watched.to_owned(), text });
        assert_eq!(post.send().await.expect("Baton answers").status(), 200, "a marker is acknowledged");
        if last {
            break;
        }
    }
    markers
}

/// Opens one conversation of the list after the other: seconds from the click.
async fn opens(page: &Page, over: &Cell<bool>) -> Vec<f64> {
    let mut opened = Vec::new();
    while !over.get() {
        // As somebody does who is about to press a row: from then on it stays where it is.
        page.points_at("#list-title").await;
        page.runs::<()>(include_str!("browser/click.js")).await;
        page.clicks(&format!("#rows li:nth-child({}) a.row", 2 + opened.len() % 7)).await;
        opened.push(page.tells::<f64>(include_str!("browser/opened.js")).await / 1000.0);
        tokio::time::sleep(OPEN_EVERY).await;
    }
    opened
}

/// Writes a note, key by key.
async fn types(page: &Page, over: &Cell<bool>) {
    for key in "They would like the blue one put aside until this evening. ".chars().cycle() {
        if over.get() {
            return;
        }
        page.types(&key.to_string()).await;
        tokio::time::sleep(KEY_EVERY).await;
    }
}

/// What the load has sent, and when.
fn times_of(path: &str, requests: &Spec) -> Vec<Sent> {
    let bytes = std::fs::read(path).expect("the times of the load");
    let micros = bytes.as_chunks::<8>().0.iter().map(|bytes| u64::from_le_bytes(*bytes));
    let sent = |(index, micros): (usize, u64)| Sent { at: micros as f64 / 1000.0, person: whose(requests, index), text: String::new() };
    micros.enumerate().map(sent).collect()
}
