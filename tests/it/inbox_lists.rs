//! The lists: what each view holds, filters and orders in addresses, unread messages, tags, and that no list walks a whole table.

use baton::access::UserId;
use baton::control::Command;
use baton::ledger::{Act, SendError, SendOutcome};
use baton::store::inbox::{Asked, Filter, Sort, Span, View};
use baton::store::tags::TagId;
use baton::wire::Timestamp;
use serde_json::{Value, json};

use crate::harness::page::{page_id, person_id};
use crate::web_house::{Browser, WebHouse};

/// The people in a list, in its order.
async fn people(browser: &mut Browser, query: &str) -> Vec<String> {
    let list = browser.get(&format!("/inbox?{query}")).await;
    assert_eq!(list.status, 200, "{query}: {}", list.body);
    let rows = scraper::Selector::parse("a.row").expect("a selector");
    list.html().select(&rows).filter_map(|row| row.attr("data-row")).filter_map(|key| key.split('/').nth(1)).map(str::to_owned).collect()
}

async fn acts(house: &WebHouse, person: &str, user: i64, act: Act) {
    house.ledger.act(house.page.id.clone(), person_id(person), Some(UserId(user)), act).await.expect("done");
}

/// Somebody in every view: `people` is named after where they are.
async fn town() -> (WebHouse, Browser, i64) {
    let house = WebHouse::build().await;
    let anna = house.user("anna@example.org", "Anna Berg", "agent", &[&house.page.id]).await;
    let ben = house.user("ben@example.org", "Ben Okafor", "agent", &[&house.page.id]).await;
    for person in ["waits", "left", "mine", "answered", "bens", "failed", "snoozed"] {
        house.says(person, &format!("m_{person}"), "help").await;
        house.hands_over(person, "x").await;
    }
    for (person, user) in [("mine", anna), ("answered", anna), ("bens", ben), ("failed", ben)] {
        acts(&house, person, user, Act::Assign { to: Some(UserId(user)), said: None }).await;
    }
    house.sends(&house.page.inbox, "left", "m_a1", json!({"text": "hello"})).await;
    house.sends_as(anna, "answered", "m_a2", json!({"text": "hello"})).await;
    let send = house.accepts_as(Some(ben), &house.page.inbox, "failed", json!({"text": "hello"})).await;
    house.comes_to(send, SendOutcome::Failed(SendError { code: 10, subcode: None, message: "no".into() })).await;
    acts(&house, "snoozed", anna, Act::Snooze { until: Timestamp::from_millis(4_000_000_000_000) }).await;
    house.says("bots", "m_b", "menu").await;
    house.says("closed", "m_c", "bye").await;
    acts(&house, "closed", anna, Act::Close).await;
    // Somebody else's app answered by itself.
    house.says("elsewhere", "m_e", "hi").await;
    house.hears(&house.page.id, "elsewhere", json!({"sender": {"id": house.page.id.as_str()}, "recipient": {"id": "elsewhere"}, "message": {"mid": "m_e2", "is_echo": true, "app_id": 4242, "text": "we take it"}})).await;
    let browser = house.browser("anna@example.org").await;
    (house, browser, anna)
}

#[tokio::test]
async fn each_view_holds_what_it_says_and_its_badge_counts_it() {
    let (house, mut anna, _) = town().await;
    for (view, expected) in [
        ("needs", vec!["waits", "left"]),
        ("mine", vec!["answered", "mine"]),
        ("unassigned", vec!["left", "waits"]),
        ("customer", vec!["answered", "left"]),
        ("bot", vec!["bots"]),
        ("elsewhere", vec!["elsewhere"]),
        ("open", vec!["elsewhere", "bots", "answered", "left", "failed", "bens", "mine", "waits"]),
        ("ending", vec![]),
        ("failed", vec!["failed"]),
        ("snoozed", vec!["snoozed"]),
        ("closed", vec!["closed"]),
    ] {
        assert_eq!(people(&mut anna, &format!("view={view}")).await, expected, "{view}");
        let badge = anna.get(&format!("/inbox?view={view}")).await.text(&format!("a.view.{view} .badge"));
        assert_eq!(badge, if expected.is_empty() { String::new() } else { expected.len().to_string() }, "{view}");
    }
    // A retry that goes its way takes it out of the failed ones.
    house.sends(&house.page.inbox, "failed", "m_again", json!({"text": "hello"})).await;
    assert_eq!(people(&mut anna, "view=failed").await, Vec::<String>::new());
    // Somebody without a Page sees and counts nothing.
    house.user("none@example.org", "None", "agent", &[]).await;
    let mut none = house.browser("none@example.org").await;
    for view in ["needs", "unassigned", "customer", "bot", "elsewhere", "open", "failed", "snoozed", "closed"] {
        let list = none.get(&format!("/inbox?view={view}")).await;
        assert_eq!((list.count("a.row"), list.count(".badge")), (0, 0), "{view}");
    }
}

#[tokio::test]
async fn what_ends_soon_is_there_with_its_countdown_soonest_first() {
    let (house, mut anna, _) = town().await;
    let now = baton::clock::now().millis();
    let hours = |hours: i64| now - hours * 3_600_000;
    for (person, act) in [("mine", hours(22)), ("waits", hours(20)), ("bens", hours(25))] {
        for change in [
            "update open_conversations set last_message_at = to_timestamp($1::bigint / 1000) where person_id = $2",
            "update conversations set last_message_at = to_timestamp($1::bigint / 1000), last_person_act = $1 where person_id = $2",
        ] {
            sqlx::query(change).bind(act).bind(person).execute(&house.database.pool).await.expect("older");
        }
    }
    // An agent's lease that ends within the hour, though the customer was answered.
    let lease = "update conversations set check_at = to_timestamp($1::bigint / 1000),
                 control = regexp_replace(control, '\"until\":\\d+', '\"until\":' || $1::bigint) where person_id = 'answered'";
    sqlx::query(lease).bind(now + 30 * 60_000).execute(&house.database.pool).await.expect("a lease");
    assert_eq!(people(&mut anna, "view=ending").await, ["answered", "mine", "waits"]);
    let list = anna.get("/inbox?view=ending").await;
    assert_eq!(list.texts(".chip.window"), ["29 m", "1 h 59 m", "3 h 59 m"]);
    assert_eq!(list.text("a.view.ending .badge"), "3");
    assert_eq!(
        people(&mut anna, "view=open&sort=ending").await,
        ["mine", "waits", "failed"],
        "closed windows and answered ones end nothing"
    );
    assert_eq!(people(&mut anna, "view=open&sort=waiting").await, ["bens", "mine", "waits", "failed"]);
    assert_eq!(people(&mut anna, "view=mine&sort=waiting").await, ["mine"]);
    assert_eq!(people(&mut anna, "view=open&window=closed").await.len(), 0);
    assert_eq!(people(&mut anna, "view=open&window=human").await, ["bens"]);
    assert_eq!(people(&mut anna, "view=open&window=ending").await, ["waits", "mine"]);
}

#[tokio::test]
async fn filters_combine_live_in_the_address_and_are_taken_away_one_by_one() {
    let (house, mut anna, me) = town().await;
    let bot = house.page.bot.to_string();
    for (filter, expected) in [
        ("owner=people&assignee=nobody", vec!["left", "waits"]),
        ("assignee=me", vec!["answered", "mine"]),
        ("assignee=me&unanswered=1", vec!["mine"]),
        (&format!("assignee={me}&unanswered=1"), vec!["mine"]),
        (&format!("owner={bot}"), vec!["bots"]),
        ("owner=elsewhere", vec!["elsewhere"]),
        ("channel=instagram", vec![]),
        ("since=2001-01-01&until=2001-12-31", vec![]),
        ("since=2001-01-01&assignee=me", vec!["answered", "mine"]),
        ("language=de", vec!["mine"]),
        // What makes no sense is not asked.
        ("owner=%00&tag=x&since=soon&window=wide&language=12345678901&assignee=me", vec!["answered", "mine"]),
    ] {
        sqlx::query("insert into people (page_id, person_id, more) values ($1, 'mine', '{\"locale\": \"de_DE\"}') on conflict do nothing")
            .bind(house.page.id.as_str())
            .execute(&house.database.pool)
            .await
            .expect("a profile");
        assert_eq!(people(&mut anna, &format!("view=open&{filter}")).await, expected, "{filter}");
    }
    let list = anna.get("/inbox?view=open&assignee=me&unanswered=1").await;
    assert_eq!(list.texts("a.chip.filter > span:first-child"), ["Assigned to: Me", "Unanswered"]);
    let without = list.attribute("a.chip.filter", "href").expect("a chip");
    assert_eq!(without, "/inbox?view=open&unanswered=1");
    assert_eq!(people(&mut anna, without.strip_prefix("/inbox?").expect("a list")).await.len(), 5);
    // A conversation and its forms keep the list beside them.
    let row = list.attribute("a.row", "href").expect("a row");
    assert!(row.contains("assignee=me"), "{row}");
    let view = anna.get(&row).await.attribute("#moves input[name=view]", "value").expect("a list");
    let answer = anna.post(&format!("{}/control", house.conversation("mine")), &[("action", "close"), ("view", &view)]).await;
    assert_eq!(answer.location.as_deref(), Some("/inbox?view=open&assignee=me&unanswered=1"));
}

#[tokio::test]
async fn a_filter_that_fits_little_ends_its_walk_and_goes_on_from_there() {
    let house = WebHouse::build().await;
    house.user("anna@example.org", "Anna Berg", "agent", &[&house.page.id]).await;
    crowd(&house, 7_000).await;
    let oldest = "update conversations set owner_kind = 'idle' where person_id = 'c0'";
    sqlx::query(oldest).execute(&house.database.pool).await.expect("one that fits");
    let mut anna = house.browser("anna@example.org").await;
    let (mut address, mut pages, mut found) = (Some("/inbox?view=bot&owner=nobody".to_owned()), 0, 0);
    while let Some(next) = address {
        let list = anna.get(&next).await;
        found += list.count("a.row");
        pages += 1;
        address = list.attribute("a[rel=next]", "href");
        assert!(address.is_none() || list.text("#nothing").contains("Look further"), "{}", list.text("#list"));
    }
    assert_eq!((pages, found), (3, 1), "3000 are looked at a time");
}

/// Lanes are walked beside each other, a part of each at a time: whatever they hold, nobody is passed over, and nobody comes twice.
#[tokio::test]
async fn a_walk_through_lanes_passes_nobody() {
    let house = WebHouse::build().await;
    let admin = house.user("anna@example.org", "Anna Berg", "admin", &[]).await;
    crowd(&house, 4_600).await;
    for fill in [
        "insert into pages (page_id, object, name) values ('7', 'page', 'Another')",
        // Most in one lane, some in two others, a few on another Page; many at the same moment.
        "truncate open_conversations",
        "update conversations set page_id = '7' where substr(person_id, 2)::int % 11 = 0",
        "update conversations set lane = case when substr(person_id, 2)::int % 9 = 0 then 0 when substr(person_id, 2)::int between 500 and 900 then 2 else 5 end,
             last_message_at = to_timestamp(1700000000 + substr(person_id, 2)::int / 40)",
        "insert into open_conversations (page_id, last_message_at, person_id, lane) select page_id, last_message_at, person_id, lane from conversations",
        "insert into tags (name, colour) values ('many', 'red'), ('few', 'red')",
        "insert into conversation_tags (page_id, person_id, tag_id) select page_id, person_id, tag_id from conversations, tags
             where substr(person_id, 2)::int % case name when 'many' then 23 else 611 end = 0",
    ] {
        sqlx::query(fill).execute(&house.database.pool).await.expect(fill);
    }
    let tags: Vec<i64> =
        sqlx::query_scalar("select tag_id from tags order by name").fetch_all(&house.database.pool).await.expect("the tags");
    let tagged = |tag: usize| Filter { tag: Some(TagId(tags[tag])), ..Filter::default() };
    let written = Span { from: Some(Timestamp::from_millis(1_700_000_030_000)), until: Some(Timestamp::from_millis(1_700_000_090_000)) };
    let pages = [house.page.id.clone(), page_id("7")];
    for (sort, lanes, order) in [(Sort::Newest, "true", "desc"), (Sort::Waiting, "lane in (0, 2)", "asc")] {
        for (filter, fits, limit) in [
            (tagged(1), "substr(person_id, 2)::int % 23 = 0", 20),
            // So few that a request ends before it has found enough.
            (tagged(0), "substr(person_id, 2)::int % 611 = 0", 20),
            (Filter::default(), "true", 90),
            (Filter { written, ..tagged(1) }, "substr(person_id, 2)::int % 23 = 0 and substr(person_id, 2)::int between 1200 and 3599", 20),
        ] {
            let expected = format!(
                "select page_id, person_id from conversations where {lanes} and {fits}
                 order by last_message_at {order}, page_id collate \"C\" {order}, person_id collate \"C\" {order}"
            );
            let expected: Vec<(String, String)> =
                sqlx::query_as(sqlx::AssertSqlSafe(expected)).fetch_all(&house.database.pool).await.expect("everybody");
            let (mut after, mut walked) = (None, Vec::new());
            // A place that stands still would be asked for ever.
            for parts in 0.. {
                assert!(parts <= expected.len(), "it never ends: {after:?}");
                let asked = Asked {
                    view: View::Open,
                    sort,
                    pages: &pages,
                    me: UserId(admin),
                    filter: &filter,
                    after: after.as_ref(),
                    limit,
                    now: baton::clock::now(),
                };
                let part = house.database.store.list(&asked).await.expect("a part");
                walked.extend(part.rows.iter().map(|row| (row.page.to_string(), row.person.to_string())));
                assert!(walked.len() <= expected.len(), "somebody comes twice: {walked:?}");
                let Some(next) = part.next else { break };
                after = Some(next);
            }
            assert!(!expected.is_empty(), "{fits}");
            assert_eq!(walked, expected, "{sort:?} {fits}");
        }
    }
}

#[tokio::test]
async fn unread_is_each_agents_own() {
    let (house, mut anna, _) = town().await;
    let mut ben = house.browser("ben@example.org").await;
    house.says("waits", "m_w2", "hello?").await;
    let unread = |list: &crate::web_house::Answer| list.texts("a.row .count");
    assert_eq!(people(&mut anna, "view=needs&unread=1").await, ["waits", "left"]);
    anna.get(&house.conversation("left")).await;
    let list = anna.get("/inbox?view=needs").await;
    assert_eq!(unread(&list), ["2"], "{}", list.text("#rows"));
    assert_eq!(people(&mut anna, "view=needs&unread=1").await, ["waits"]);
    assert_eq!(people(&mut ben, "view=needs&unread=1").await, ["waits", "left"], "Ben has read nothing");
    // Neither the list beside it nor a page in the background reads it.
    anna.get(&format!("{}?fragment=list", house.conversation("waits"))).await;
    let hidden =
        anna.client.get(format!("{}{}?fragment=thread", anna.base, house.conversation("waits"))).header("x-baton-fragment", "unseen");
    assert_eq!(anna.ask(hidden).await.status, 200);
    assert_eq!(people(&mut anna, "view=needs&unread=1").await, ["waits"]);
    anna.get(&house.conversation("waits")).await;
    assert_eq!(people(&mut anna, "view=needs&unread=1").await, Vec::<String>::new());
    // Marked unread, it stays so while its page is refreshed, until it is opened anew.
    let answer = anna.post(&format!("{}/unread", house.conversation("waits")), &[("view", "view=needs")]).await;
    assert_eq!((answer.status, answer.location.as_deref()), (303, Some("/inbox?view=needs")));
    anna.get(&format!("{}?fragment=thread", house.conversation("waits"))).await;
    assert_eq!(people(&mut anna, "view=needs&unread=1").await, ["waits"]);
    anna.get(&house.conversation("waits")).await;
    assert_eq!(people(&mut anna, "view=needs&unread=1").await, Vec::<String>::new());
}

#[tokio::test]
async fn an_agent_may_want_only_answers_to_mark_as_read() {
    let (house, mut anna, _) = town().await;
    let unread = async |anna: &mut Browser| people(anna, "view=mine&unread=1").await.contains(&"mine".to_owned());
    house.says("mine", "m_m2", "are you there?").await;
    let chosen = [("language", "en"), ("theme", "system"), ("after_close", "stay"), ("reads", "answering")];
    let answer = anna.post("/settings/me", &chosen).await;
    assert_eq!((answer.status, answer.location.as_deref()), (303, Some("/settings/me?saved=1")));
    assert_eq!(anna.post("/settings/me", &[("reads", "never"), chosen[0], chosen[1], chosen[2]]).await.status, 400);
    assert_eq!(anna.get("/settings/me").await.count("input[name=reads][value=answering][checked]"), 1);
    let page = anna.get(&house.conversation("mine")).await;
    anna.get(&format!("{}?fragment=thread", house.conversation("mine"))).await;
    assert!(unread(&mut anna).await, "opening it reads nothing");
    let address = format!("{}/note", house.conversation("mine"));
    assert_eq!(anna.post(&address, &[("text", "looked into it")]).await.status, 303);
    assert!(unread(&mut anna).await, "nor does a note");
    let seen = page.attribute("form.reply input[name=seen]", "value").expect("the form tells what was seen");
    house.says("mine", "m_m3", "hello?").await;
    let address = format!("{}/send", house.conversation("mine"));
    assert_eq!(anna.post(&address, &[("text", "I am here."), ("seen", &seen), ("key", "k1")]).await.status, 303);
    assert!(unread(&mut anna).await, "what came after the page that was answered is unread");
    assert_eq!(anna.post(&address, &[("text", "And now?"), ("key", "k2")]).await.status, 303);
    assert!(!unread(&mut anna).await, "an answer does");
}

#[tokio::test]
async fn tags_are_put_on_taken_off_and_filtered_by() {
    let (house, mut anna, _) = town().await;
    let mut tags = Vec::new();
    for (name, colour) in [("Late", "red"), ("Praise", "green"), ("Wholesale", "violet"), ("Gone", "grey")] {
        let tag: i64 = sqlx::query_scalar("insert into tags (name, colour) values ($1, $2) returning tag_id")
            .bind(name)
            .bind(colour)
            .fetch_one(&house.database.pool)
            .await
            .expect("a tag");
        tags.push(tag.to_string());
    }
    sqlx::query("update tags set archived_at = now() where name = 'Gone'").execute(&house.database.pool).await.expect("archived");
    let address = format!("{}/tags", house.conversation("mine"));
    for tag in &tags[..3] {
        assert_eq!(anna.post(&address, &[("add", tag)]).await.status, 303);
        assert_eq!(anna.post(&address, &[("add", tag)]).await.status, 303, "twice is once");
    }
    assert_eq!(anna.post(&address, &[("add", &tags[3])]).await.status, 409, "archived");
    assert_eq!((anna.post(&address, &[("add", "999999")]).await.status, anna.post(&address, &[("add", "x")]).await.status), (409, 400));
    let page = anna.get(&house.conversation("mine")).await;
    assert_eq!((page.texts(".tagging .tag"), page.count("#tag-add option")), (vec!["Late".into(), "Praise".into(), "Wholesale".into()], 0));
    let list = anna.get("/inbox?view=mine").await;
    assert_eq!((list.count(".tag-dot"), list.text(".more-tags")), (2, "+1".to_owned()));
    assert_eq!(people(&mut anna, &format!("view=open&tag={}", tags[2])).await, ["mine"]);
    assert_eq!(anna.get(&format!("/inbox?view=open&tag={}", tags[2])).await.text("a.chip.filter > span:first-child"), "Tag: Wholesale");
    assert_eq!(anna.post(&address, &[("remove", &tags[2])]).await.status, 303);
    assert_eq!(people(&mut anna, &format!("view=open&tag={}", tags[2])).await, Vec::<String>::new());
    house.user("none@example.org", "None", "agent", &[]).await;
    assert_eq!(house.browser("none@example.org").await.post(&address, &[("add", &tags[2])]).await.status, 404);
}

/// Conversations of a bot, put into the tables directly.
pub async fn crowd(house: &WebHouse, count: i64) {
    let insert = "with person as (
             insert into conversations (page_id, person_id, control, owner, owner_kind, owner_since, epoch, last_position, last_at, last_message_at, lane)
             select $1, 'c' || n, json_build_object('owner', json_build_object('kind', 'app', 'app', '111', 'until', 4000000000000), 'epoch', 1, 'changed_at', 1)::text,
                 '111', 'app', 1, 1, 1, to_timestamp(1700000000 + n), to_timestamp(1700000000 + n), 5 from generate_series(0, $2 - 1) n
             returning page_id, last_message_at, person_id, lane)
         insert into open_conversations select * from person";
    sqlx::query(insert).bind(house.page.id.as_str()).bind(count).execute(&house.database.pool).await.expect("a crowd");
}

/// Tables that grow with what customers write.
const GROWING: [&str; 8] =
    ["conversations", "open_conversations", "log", "outbox", "read_marks", "conversation_tags", "conversation_teams", "people"];

/// What the queries of lists have and others do not.
const LISTS: [&str; 8] = [
    "with tail as",
    "as scope (id)",
    "from open_conversations",
    "with ordinality as k",
    "conversation_tags",
    "conversation_teams",
    "read_marks",
    "snoozed_until is not null",
];

#[tokio::test]
async fn no_list_looks_through_a_table_that_grows() {
    let house = WebHouse::build().await;
    crowd(&house, 30_000).await;
    for fill in [
        "insert into outbox (page_id, send_id, person_id, app_id, state, epoch, send, token, accepted_at, done_at)
         select page_id, row_number() over (), person_id, '222', case when random() < .01 then 'failed' else 'sent' end, 1, '{}', person_id, now(), now() from conversations",
        "insert into log (page_id, position, person_id, at, happened_at, kind, field, audience, epoch, payload)
         select page_id, row_number() over (), person_id, now(), 1, 'message', 'messages', '\"internal\"', 1, '{}' from conversations",
        "insert into people (page_id, person_id) select page_id, person_id from conversations",
        "insert into tags (name, colour) values ('x', 'red')",
        "insert into conversation_tags (page_id, person_id, tag_id) select page_id, person_id, (select tag_id from tags) from conversations where random() < .5",
        "insert into teams (name) values ('x')",
        "insert into conversation_teams (page_id, person_id, team_id) select page_id, person_id, (select team_id from teams) from conversations where random() < .5",
        "insert into users (email, name, password_hash, role) values ('a@b', 'A', '', 'admin')",
        "insert into read_marks (user_id, page_id, person_id, position) select (select user_id from users), page_id, person_id, 1 from conversations",
        "update conversations set closed_at = now() where random() < .1",
        "update conversations set snoozed_until = now() where random() < .01",
        "update conversations set assignee = 1 where random() < .05",
        "update open_conversations set assignee = 1, lane = 2 where random() < .05",
        "analyze",
    ] {
        sqlx::query(fill).execute(&house.database.pool).await.expect(fill);
    }
    let mut connection = house.database.pool.acquire().await.expect("a connection");
    sqlx::query("set plan_cache_mode = force_generic_plan").execute(&mut *connection).await.expect("set");
    let mut checked = 0;
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.sqlx")).expect("the queries") {
        let known: Value = serde_json::from_slice(&std::fs::read(entry.expect("a file").path()).expect("read")).expect("JSON");
        let (query, parameters) =
            (known["query"].as_str().expect("a query"), known["describe"]["parameters"]["Left"].as_array().expect("parameters"));
        let reads = ["select", "with tail as"].iter().any(|begins| query.starts_with(begins));
        if !reads || !LISTS.iter().any(|mark| query.contains(mark)) {
            continue;
        }
        checked += 1;
        let prepare = format!("prepare asked as {query}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(prepare)).execute(&mut *connection).await.expect(query);
        let nulls = vec!["null"; parameters.len()].join(", ");
        let arguments = if nulls.is_empty() { String::new() } else { format!("({nulls})") };
        let plan: Vec<(String,)> = sqlx::query_as(sqlx::AssertSqlSafe(format!("explain execute asked{arguments}")))
            .fetch_all(&mut *connection)
            .await
            .expect(query);
        sqlx::raw_sql("deallocate asked").execute(&mut *connection).await.expect("forgotten");
        for (line,) in &plan {
            for table in GROWING {
                let scans = line.contains(&format!("Seq Scan on {table} ")) || line.ends_with(&format!("Seq Scan on {table}"));
                assert!(!scans, "{query}\n{}", plan.iter().map(|(line,)| line.as_str()).collect::<Vec<_>>().join("\n"));
            }
        }
    }
    assert!(checked >= 12, "only {checked} queries of lists were found");
}

#[tokio::test]
async fn a_take_in_the_ledger_moves_the_place_in_the_lists() {
    let (house, ..) = town().await;
    house.orders("bots", Command::Take { app: house.page.inbox.clone(), metadata: None }).await;
    // Every open conversation has exactly one place, and it is the one that its own row names.
    let astray: i64 = sqlx::query_scalar(
        "select count(*) from conversations c full join open_conversations o using (page_id, person_id)
         where (c.closed_at is null and c.snoozed_until is null) is distinct from (o.page_id is not null)
            or (o.page_id is not null and (c.lane, c.last_message_at, c.assignee) is distinct from (o.lane, o.last_message_at, o.assignee))",
    )
    .fetch_one(&house.database.pool)
    .await
    .expect("counted");
    assert_eq!(astray, 0);
}
