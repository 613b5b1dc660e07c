//! pgbench doing what intake writes, one transaction an event: the head's lock, the mark against duplicates, the row of the log, the
//! conversation, the head. Statements are prepared, over the Unix socket; no HTTP, no signature, no JSON is read.

use std::process::Stdio;
use std::time::Instant;

use tokio::process::Command;

use crate::baton::PAGE;
use crate::cluster::{self, Cluster};
use crate::load::percentile;
use crate::machine::{self, Cpu};
use crate::seed::PEOPLE;

/// What a run gave.
#[derive(Debug, Clone, Copy)]
pub struct Run {
    /// Transactions a second.
    pub rate: f64,
    /// Of one transaction, milliseconds.
    pub p50: f64,
    /// Of one in a hundred, and longer.
    pub p99: f64,
    /// What it cost; pgbench is the load.
    pub cpu: Cpu,
    /// Transactions.
    pub count: f64,
}

/// One database with the transaction.
pub struct Pgbench<'a> {
    cluster: &'a Cluster,
    database: String,
    script: std::path::PathBuf,
    variables: Vec<String>,
}

impl<'a> Pgbench<'a> {
    /// On a database that is seeded with conversations, out of which it takes what is the same in all.
    pub async fn new(cluster: &'a Cluster, database: &str) -> Self {
        let script = cluster.folder.join("event.sql");
        std::fs::write(&script, script_text()).expect("a file");
        let one = |column: &str| format!("select {column} from log where kind = 'message' and page_id = '{PAGE}' limit 1");
        let payload = cluster.text(database, &one("payload")).await;
        let mid = cluster.text(database, &one("mid")).await;
        // What stands before and after the message's id.
        let (before, after) = payload.split_once(&mid).expect("the payload names the message");
        let control = cluster.text(database, "select control from conversations limit 1").await;
        let owner = cluster.text(database, "select owner from conversations limit 1").await;
        let audience = cluster.text(database, &one("audience")).await;
        let variables = vec![
            format!("before={before}"),
            format!("after={after}"),
            format!("control={control}"),
            format!("owner={owner}"),
            format!("audience={audience}"),
        ];
        Self { cluster, database: database.to_owned(), script, variables }
    }

    /// Runs so many clients, as fast as they go or with so many transactions a second.
    pub async fn run(&self, clients: usize, seconds: f64, rate: Option<f64>) -> Run {
        self.cluster.settle().await;
        let log = self.cluster.folder.join("pgbench_log");
        let mut command = Command::new(cluster::program("pgbench"));
        command.args(["-n", "-M", "prepared", "-U", "baton", "-h", &self.cluster.socket(), "-l", "--log-prefix"]).arg(&log);
        command.args(["-c", &clients.to_string(), "-j", "1", "-T", &format!("{:.0}", seconds.max(1.0)), "-f"]).arg(&self.script);
        if let Some(rate) = rate {
            command.args(["-R", &rate.to_string()]);
        }
        for variable in &self.variables {
            command.args(["-D", variable]);
        }
        command.arg(&self.database).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let postmaster = self.cluster.postmaster();
        let before = machine::cpu(None, Some(postmaster), &[]);
        let began = Instant::now();
        let child = command.spawn().expect("pgbench starts");
        let pid = child.id().expect("it runs");
        let own = tokio::spawn(async move {
            // What it used is not to be read once it has ended.
            let mut last = 0.0;
            while let Some(now) = machine::own(pid).filter(|now| *now >= last) {
                last = now;
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
            last
        });
        let output = child.wait_with_output().await.expect("pgbench ends");
        let seconds = began.elapsed().as_secs_f64();
        assert!(output.status.success(), "pgbench: {}", String::from_utf8_lossy(&output.stderr));
        let mut cpu = machine::cpu(None, Some(postmaster), &[]).since(before);
        cpu.load = own.await.unwrap_or_default();
        let times = read_times(&log);
        let count = times.len() as f64;
        Run { rate: count / seconds, p50: percentile(&times, 0.5), p99: percentile(&times, 0.99), cpu, count }
    }
}

/// Sorted microseconds of every transaction. The files go.
fn read_times(prefix: &std::path::Path) -> Vec<u32> {
    let folder = prefix.parent().expect("a folder");
    let mut times = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with("pgbench_log") {
            let text = std::fs::read_to_string(entry.path()).expect("a log");
            times.extend(text.lines().filter_map(time));
            std::fs::remove_file(entry.path()).expect("the log goes");
        }
    }
    times.sort_unstable();
    times
}

/// Microseconds of a transaction: client, transaction, microseconds since it was due, file, second, its microsecond, and, with a rate, how late
/// it began.
fn time(line: &str) -> Option<u32> {
    let mut numbers = line.split(' ').skip(2).map(|number| number.parse::<u32>());
    let time = numbers.next()?.ok()?;
    let late = numbers.nth(3).and_then(Result::ok).unwrap_or_default();
    Some(time.saturating_sub(late))
}

fn script_text() -> String {
    let last = PEOPLE - 1;
    format!(
        r"\set person 2000000000000000 + random(0, {last})
\set message random(1000000000000000000, 9000000000000000000)
begin;
select last_position, last_send, rules_version from pages where page_id = '{PAGE}' for update \gset
insert into duplicates (page_id, hash, seen_at) values ('{PAGE}', uuid_send(gen_random_uuid()), now()) on conflict do nothing;
\set position :last_position + 1
insert into log (page_id, position, person_id, at, happened_at, kind, field, mid, audience, epoch, payload) values ('{PAGE}', :position, :person, now(), 1800000000000, 'message', 'messages', 'm_00000000-nbX4pQ7sT2vYcK9eRfWmAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA-' || :message, :audience, 1, :before || 'm_00000000-nbX4pQ7sT2vYcK9eRfWmAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA-' || :message || :after);
update open_conversations o set last_message_at = now() from conversations c where c.page_id = '{PAGE}' and c.person_id = :person::text and o.page_id = c.page_id and o.lane = c.lane and o.last_message_at = c.last_message_at and o.person_id = c.person_id;
insert into conversations (page_id, person_id, control, owner, epoch, last_position, last_message_position, last_at, last_person_act, last_inbound_position, check_at, last_message_at) values ('{PAGE}', :person, :control, :owner, 1, :position, :position, now(), 1800000000000, :position, now() + interval '1 day', now()) on conflict (page_id, person_id) do update set control = excluded.control, owner = excluded.owner, epoch = excluded.epoch, last_position = excluded.last_position, last_message_position = excluded.last_message_position, last_at = excluded.last_at, last_person_act = excluded.last_person_act, last_inbound_position = excluded.last_inbound_position, last_message_at = excluded.last_message_at;
update pages set last_position = :position where page_id = '{PAGE}';
commit;
"
    )
}
