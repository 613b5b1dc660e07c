//! Fills a Page with a past in a few statements, out of one conversation that went through Baton itself: whatever Baton writes for a first
//! message is what each of these conversations has.

use serde::{Deserialize, Serialize};

use crate::baton::{self, Baton, PAGE};
use crate::cluster::Cluster;
use crate::load::{Load, Plan};
use crate::requests::{Spec, person};

/// The database that others are copied from: a Page whose inbox answers first, and nobody has written yet.
pub const EMPTY: &str = "bench_empty";

/// The same with a past: each of 100,000 people has written once, and the inbox holds their conversations.
pub const SPREAD: &str = "bench_spread";

/// People with a conversation.
pub const PEOPLE: usize = 100_000;

/// A past: so many people, with so many rows of the log each.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Past {
    /// The first person.
    pub first: usize,
    /// How many.
    pub people: usize,
    /// Rows of the log each, the change of control that came with the first message included.
    pub rows: usize,
}

/// Makes [`EMPTY`].
pub async fn empty(cluster: &Cluster) {
    cluster.run("postgres", &format!("create database {EMPTY}")).await;
    let url = cluster.url(EMPTY);
    baton::ask(&cluster.folder, &url, &["migrate"]).await;
    baton::ask(&cluster.folder, &url, &["page", "add", "--page", PAGE, "--name", "Harbour Coffee"]).await;
    let inbox = ["app", "add", "--page", PAGE, "--name", "Inbox", "--kind", "inbox", "--may-take", "--human", "--default"];
    baton::ask(&cluster.folder, &url, &inbox).await;
}

/// Makes [`SPREAD`]. [`EMPTY`] must be there.
pub async fn spread(cluster: &Cluster) {
    cluster.copy(SPREAD, EMPTY).await;
    fill(cluster, SPREAD, &[Past { first: 0, people: PEOPLE, rows: 2 }]).await;
}

/// Gives the Page of a database a past.
pub async fn fill(cluster: &Cluster, database: &str, pasts: &[Past]) {
    // Somebody beyond all others writes first: theirs is the conversation that is copied.
    let pattern = person(PATTERN);
    write_once(cluster, database).await;
    for past in pasts {
        cluster.run(database, &copy(&pattern, *past)).await;
    }
    cluster.run(database, "vacuum analyze").await;
}

/// Makes an inbox out of a past of so many people that is all alike: most conversations are closed, their newest messages lie in the same time however
/// many they are, some are assigned to the first agent, answered, put aside, tagged, read.
pub async fn vary(cluster: &Cluster, database: &str, people: usize) {
    let apart = VARIED / people as f64;
    let who = "(person_id::bigint - 2000000000000000)";
    let sql = format!(
        r"
        set synchronous_commit = off;
        update conversations set last_message_at = last_message_at - {who} * {apart} * interval '1 second',
            closed_at = case when {who} % 5 < 3 then now() - {who} * {apart} * interval '1 second' end,
            snoozed_until = case when {who} % 50 = 4 then now() + interval '1 day' end,
            assignee = case when {who} % 100 = 8 then (select min(user_id) from users) end,
            last_outbound_position = case when {who} % 10 = 9 then last_position + 1 else 0 end
            where page_id = '{PAGE}' and {who} between 0 and {PATTERN} - 1;
        update conversations set lane = case when assignee is null then 0 else 2 end + case when last_inbound_position > last_outbound_position then 0 else 1 end
            where page_id = '{PAGE}';
        truncate open_conversations;
        insert into open_conversations (page_id, last_message_at, person_id, lane, assignee)
            select page_id, last_message_at, person_id, lane, assignee from conversations where closed_at is null and snoozed_until is null;
        insert into tags (name, colour) values ('Delivery', 'teal');
        insert into conversation_tags (page_id, person_id, tag_id)
            select page_id, person_id, (select min(tag_id) from tags) from conversations where {who} % 97 = 0;
        insert into read_marks (user_id, page_id, person_id, position)
            select (select min(user_id) from users), page_id, person_id, last_position from conversations where {who} % 3 = 0;"
    );
    cluster.run(database, &sql).await;
    cluster.run(database, "vacuum analyze").await;
}

/// Seconds within which the newest messages of a varied inbox came.
const VARIED: f64 = 1_000_000.0;

/// Milliseconds between two messages of a past: ten million of them lie within a year, as on a busy Page.
const APART: u64 = 3_000;

/// What people are called first, in SQL: one in so many is an Ada.
const NAMES: &str = "'Ada', 'Bela', 'Carla', 'Dilan', 'Elif', 'Farid', 'Greta', 'Hanna', 'Ines', 'Jonas', 'Klara', 'Levin', 'Mila', 'Noor', 'Oskar', \
    'Paula', 'Quirin', 'Rosa', 'Samir', 'Tilda', 'Umut', 'Vera', 'Wanda', 'Xaver', 'Yara', 'Zoe'";

/// The person whose conversation is copied.
const PATTERN: usize = 900_000_000;

async fn write_once(cluster: &Cluster, database: &str) {
    let baton = Baton::start(&cluster.folder, Some(&cluster.url(database))).await;
    let mut load = Load::start();
    let requests = Spec { first: PATTERN, ..Spec::new("pattern", 1, 1) };
    load.prepare(&Plan::new(&baton.webhook(), requests, 1, 60.0)).await;
    assert_eq!(load.go().await.acknowledged, 1, "the first message is taken");
    search_has_read(cluster, database).await;
    baton.stop().await;
}

/// Waits until the search has read what is in the log, and the names of people. Baton must be running.
pub async fn search_has_read(cluster: &Cluster, database: &str) {
    let behind = "select (select coalesce(sum(last_position), 0) from pages)::bigint - (select coalesce(sum(position), 0) from search_cursors)::bigint
                    + (select count(*) from people where fetched_at > (select people_until from search_cursors where page_id = ''))";
    while cluster.number(database, behind).await != 0 {
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    }
}

/// Every conversation in turn, round after round, so that neighbours in the log are strangers as they are on a busy Page. The first round is
/// what Baton wrote before the message itself (the change of control), the others are messages, [`APART`] from each other.
fn copy(pattern: &str, past: Past) -> String {
    let Past { first, people, rows } = past;
    let offset = 2_000_000_000_000_000_u64 + first as u64;
    let named = NAMES.split(',').count();
    format!(
        r"
        set synchronous_commit = off;
        create temporary table pattern as select * from log where page_id = '{PAGE}' and person_id = '{pattern}';
        create temporary table head as select last_position as last from pages where page_id = '{PAGE}';
        do $$ begin
            if (select count(*) from pattern where kind <> 'message') <> 1 or (select count(*) from pattern where kind = 'message') <> 1 then
                raise exception 'a first message no longer writes one change and one message: adapt the seed';
            end if;
        end $$;
        insert into log (page_id, position, person_id, at, happened_at, kind, field, mid, app_id, user_id, audience, button_app, epoch, payload)
        select p.page_id, h.last + round.n * {people} + who.n + 1, ({offset} + who.n)::text,
            p.at - {APART} * ({rows}::bigint * {people} - round.n * {people} - who.n) * interval '1 millisecond', p.happened_at, p.kind, p.field,
            p.mid || '-' || {first} + who.n || '-' || round.n, p.app_id, p.user_id, p.audience, p.button_app, p.epoch,
            replace(replace(p.payload, '{pattern}', ({offset} + who.n)::text), p.mid, p.mid || '-' || {first} + who.n || '-' || round.n)
        from head h, generate_series(1, {rows} - 1) as round (n), generate_series(0, {people} - 1) as who (n), pattern p
        where p.kind = 'message';
        insert into log (page_id, position, person_id, at, happened_at, kind, field, mid, app_id, user_id, audience, button_app, epoch, payload)
        select p.page_id, h.last + who.n + 1, ({offset} + who.n)::text, p.at, p.happened_at, p.kind, p.field, p.mid, p.app_id, p.user_id,
            p.audience, p.button_app, p.epoch, replace(p.payload, '{pattern}', ({offset} + who.n)::text)
        from head h, generate_series(0, {people} - 1) as who (n), pattern p where p.kind <> 'message';
        insert into duplicates (page_id, hash, seen_at)
        select page_id, substring(sha256(int8send(7) || 'message'::bytea || int8send(length(mid)) || convert_to(mid, 'UTF8')) from 1 for 16), at
        from log, head h where position > h.last and kind = 'message';
        insert into conversations (page_id, person_id, control, owner, owner_kind, owner_since, epoch, last_position, last_message_position, last_at,
            last_person_act, last_inbound_position, last_outbound_position, check_at, last_message_at, lane)
        select c.page_id, ({offset} + who.n)::text, c.control, c.owner, c.owner_kind, c.owner_since, c.epoch, newest.position, newest.position, c.last_at, c.last_person_act,
            newest.position, 0, c.check_at, c.last_message_at, c.lane
        from conversations c, head h, generate_series(0, {people} - 1) as who (n),
            lateral (select h.last + ({rows}::bigint - 1) * {people} + who.n + 1 as position) as newest
        where c.page_id = '{PAGE}' and c.person_id = '{pattern}';
        insert into open_conversations select page_id, last_message_at, person_id, lane from conversations on conflict do nothing;
        set maintenance_work_mem = '1GB';
        do $$ declare made text := (select indexdef from pg_indexes where indexname = 'search_lines_by_terms'); begin
            -- Sorting all of it in at once takes a tenth of the time.
            drop index search_lines_by_terms;
            -- The spans of time that a line lies in are terms as well, as two numbers with a colon between: those of the pattern are another's.
            insert into search_lines (page_id, position, person_id, at, words, terms)
            select l.page_id, l.position, l.person_id, l.at, s.words, array_to_tsvector(s.bare || spans.terms)
            from (select words, array(select t from unnest(tsvector_to_array(terms)) t where t !~ '^\d+:\d+$') as bare
                  from search_lines where page_id = '{PAGE}' and person_id = '{pattern}') s,
                head h join log l on l.page_id = '{PAGE}' and l.position > h.last and l.kind = 'message',
                lateral (select array_agg(power || ':' || ((extract(epoch from l.at) * 1000)::bigint >> power)) as terms
                         from unnest(array[16, 20, 24, 28, 32]) power) as spans;
            execute made;
        end $$;
        insert into people (page_id, person_id, name, first_name, last_name, fetched_at)
        select '{PAGE}', ({offset} + who.n)::text, names.first || ' ' || who.n, names.first, who.n::text, now() - who.n * interval '1 second'
        from generate_series(0, {people} - 1) as who (n), lateral (select (array[{NAMES}])[1 + who.n % {named}] as first) names
        on conflict do nothing;
        update pages set last_position = (select last from head) + {rows}::bigint * {people} where page_id = '{PAGE}';
        update search_cursors set position = (select last_position from pages where page_id = '{PAGE}') where page_id = '{PAGE}';
        drop table pattern, head;"
    )
}
