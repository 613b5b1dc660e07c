//! The inbox: every list, filter, order and search with a hundred times the conversations.

use crate::Scale;
use crate::baton::PAGE;
use crate::cluster::Cluster;
use crate::delivery::Stage;
use crate::live::log_in;
use crate::report::{Bound, Runs, Section, figure};
use crate::requests::{Pages, person};
use crate::seed::{self, Past};

/// Rows of the log of each conversation.
const ROWS: usize = 10;

/// Conversations of the smaller inbox.
const FEW: usize = 10_000;

/// Conversations of the smaller inbox in a short run.
const QUICK: usize = 1_000;

/// How many times as many the larger one has.
const TIMES: usize = 100;

/// How often each list is looked at in turn. Of a slow one a run holds a hundred, and its 99th percentile is the slowest but one: the middle of three of them
/// is still chance.
const ROUNDS: usize = 5;

/// Measures the section.
pub async fn measure(cluster: &Cluster, scale: Scale, quick: bool) -> Section {
    let few = if quick { QUICK } else { FEW };
    let mut inboxes = [Inbox::fill(cluster, "bench_few", few).await, Inbox::fill(cluster, "bench_many", few * TIMES).await];
    let looks = inboxes[0].looks(few).await;
    let rounds = if quick { 1 } else { ROUNDS };
    let mut section = Section::default();
    for (name, paths) in looks {
        let (mut at_few, mut at_many) = (Runs::default(), Runs::default());
        for _ in 0..rounds {
            for (inbox, runs) in inboxes.iter_mut().zip([&mut at_few, &mut at_many]) {
                runs.0.push(inbox.p99(&paths, scale.seconds / 4.0).await);
            }
        }
        let goal = format!("{name}: p99 with {} conversations ≤ 1.5 × that with {}", figure((few * TIMES) as f64), figure(few as f64));
        let (figure, baseline) = (format!("{} ms", at_many.show()), format!("{} ms", at_few.show()));
        section.goal(&goal, figure, baseline, at_many.median() / at_few.median(), Bound::AtMost(1.5));
    }
    for inbox in inboxes {
        inbox.stage.close().await;
    }
    section
}

struct Inbox<'a> {
    stage: Stage<'a>,
    cookie: String,
}

impl<'a> Inbox<'a> {
    async fn fill(cluster: &'a Cluster, database: &str, people: usize) -> Self {
        let began = std::time::Instant::now();
        cluster.copy(database, seed::EMPTY).await;
        seed::fill(cluster, database, &[Past { first: 0, people, rows: ROWS }]).await;
        let stage = Stage::enter(cluster, database).await;
        let cookie = log_in(cluster, database, &stage.baton).await;
        seed::vary(cluster, database, people).await;
        // Lists are not measured beside the search that reads the log.
        seed::search_has_read(cluster, database).await;
        eprintln!("{database}: {people} conversations after {:.0} s", began.elapsed().as_secs_f64());
        Self { stage, cookie }
    }

    /// What is looked at: each view as the page itself links to it, the ways to filter and to sort, a search, and conversations.
    async fn looks(&self, people: usize) -> Vec<(String, Vec<String>)> {
        let html = self.get("/inbox").await;
        let mut looks: Vec<(String, Vec<String>)> = html
            .split("href=\"")
            .filter_map(|rest| rest.split('"').next())
            .filter(|href| href.starts_with("/inbox?view="))
            .map(|href| href.replace("&#38;", "&").replace("&amp;", "&"))
            .map(|href| (href.trim_start_matches("/inbox?").to_owned(), vec![href]))
            .collect();
        looks.sort();
        looks.dedup();
        assert!(looks.len() >= 5, "the inbox links to its views");
        for asked in ASKED {
            looks.push(((*asked).to_owned(), vec![format!("/inbox?{asked}")]));
        }
        for sought in SOUGHT {
            looks.push((format!("search {sought}"), vec![format!("/inbox/search?q={sought}")]));
        }
        let conversations = (0..200).map(|index| format!("/inbox/{PAGE}/{}", person(index * people / 200))).collect();
        looks.push(("a conversation".to_owned(), conversations));
        looks
    }

    async fn get(&self, path: &str) -> String {
        let http = reqwest::Client::builder().no_proxy().build().expect("an HTTP client");
        let answer = http.get(format!("http://{}{path}", self.stage.baton.address)).header("cookie", &self.cookie).send().await;
        answer.expect("Baton answers").text().await.expect("a page")
    }

    async fn p99(&mut self, paths: &[String], seconds: f64) -> f64 {
        let pages = || Pages { cookie: self.cookie.clone(), paths: paths.to_vec() };
        // Whatever is read for the first time is read.
        self.stage.pages(pages(), 0.2).await;
        self.stage.pages(pages(), seconds).await.p99
    }
}

/// Filters and orders, besides the plain views.
const ASKED: &[&str] = &[
    "view=needs&sort=newest",
    "view=open&sort=waiting",
    "view=open&sort=ending",
    "view=open&unread=1",
    "view=open&unanswered=1",
    "view=open&assignee=me",
    "view=open&owner=elsewhere",
    "view=open&tag=1",
    "view=open&window=closed",
    "view=open&language=de",
    "view=open&channel=instagram",
    "view=open&since=2020-01-01&until=2020-12-31",
    "view=closed&unread=1&tag=1",
];

/// Searches: a word of every message, one of none, a first name that one in 26 has, the same with the beginning of another word, an author's words.
const SOUGHT: &[&str] = &["blue", "zebra", "ada", "ada+77", "from:ada+blue"];
