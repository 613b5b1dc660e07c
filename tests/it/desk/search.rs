//! The search: who and what is found, by whom, and where it leads.

use baton::store::search::find::Wanted;
use serde_json::json;

use crate::harness::eventually;
use crate::harness::page::page_id;
use crate::inbox_lists::crowd;
use crate::web_house::{Answer, Browser, WebHouse};

const MIA: &str = "7421893398374821";
const OLE: &str = "5540098127734410";

async fn house() -> WebHouse {
    let house = WebHouse::build().await;
    house.user("anna@example.org", "Anna Berg", "agent", &[&house.page.id]).await;
    house.named(MIA, "Mia Wöng").await;
    house.says(MIA, "m_1", "My parcel HC-20931 is late, viele Grüße").await;
    house.says(OLE, "m_2", "Where is the parcel station?").await;
    house
}

/// Waits until everything that was written can be found.
async fn read_to_the_end(house: &WebHouse) {
    eventually("the search has read the log", || async {
        let behind: i64 = sqlx::query_scalar(
            "select count(*) from pages p left join search_cursors c using (page_id) where coalesce(c.position, 0) < p.last_position",
        )
        .fetch_one(&house.database.pool)
        .await
        .expect("a count");
        (behind == 0).then_some(())
    })
    .await;
}

async fn search(browser: &mut Browser, typed: &str) -> Answer {
    let query: String = url::form_urlencoded::byte_serialize(typed.as_bytes()).collect();
    for _ in 0..20 {
        let answer = browser.get(&format!("/inbox/search?q={query}")).await;
        assert_eq!(answer.status, 200, "{typed}: {}", answer.body);
        // On a machine that is busy with other tests its time may be up before it is done: it says so.
        if answer.count(".cut") == 0 {
            return answer;
        }
    }
    panic!("{typed}: the time of a search is always up");
}

/// The texts of the lines that a search finds.
async fn lines(browser: &mut Browser, typed: &str) -> Vec<String> {
    search(browser, typed).await.texts("ol.hits .text")
}

#[tokio::test]
async fn messages_are_found_by_beginnings_of_words_and_marked() {
    let house = house().await;
    read_to_the_end(&house).await;
    let mut anna = house.browser("anna@example.org").await;
    assert_eq!(lines(&mut anna, "parc").await, ["Where is the parcel station?", "My parcel HC-20931 is late, viele Grüße"]);
    for found in ["hc-20931", "\"is late\"", "grusse", "GRÜSSE", "late parcel", "20931"] {
        let answer = search(&mut anna, found).await;
        assert_eq!(answer.texts("ol.hits .text"), ["My parcel HC-20931 is late, viele Grüße"], "{found}");
        assert!(answer.count("ol.hits mark") > 0, "{found}");
    }
    assert_eq!(search(&mut anna, "hc-20931").await.texts("ol.hits mark"), ["HC-20931"]);
    for missed in ["arcel", "\"lat\"", "\"late parcel\"", "hc-20932", "%", "_", "' or 1=1 --", "parcel zebra"] {
        let answer = search(&mut anna, missed).await;
        assert_eq!(answer.count("ol.hits li"), 0, "{missed}: {}", answer.body);
    }
    assert!(search(&mut anna, "zebra").await.text(".nothing").contains("Nothing found"));
}

#[tokio::test]
async fn people_are_found_by_name_and_by_the_end_of_their_id() {
    let house = house().await;
    let mut anna = house.browser("anna@example.org").await;
    eventually("the search knows the name", || async {
        let known = sqlx::query_scalar("select count(*) from search_people where words like '%wong%'");
        (known.fetch_one(&house.database.pool).await.ok() == Some(1_i64)).then_some(())
    })
    .await;
    for typed in ["wong", "mia w", MIA, "4821", "742189"] {
        let found = search(&mut anna, typed).await;
        assert_eq!(found.texts(".people-hits .name"), ["Mia Wöng"], "{typed}");
        assert_eq!(found.attribute(".people-hits a", "href"), Some(format!("/inbox/{}/{MIA}", house.page.id)));
        assert_eq!(found.count(".people-hits mark"), usize::from(typed != "4821"), "{typed}: {}", found.body);
    }
    assert_eq!(search(&mut anna, "482").await.count(".people-hits li"), 0, "the middle of an id is no end of it");
}

/// The index knows thousands of such people and not who of them wrote last; whoever looks for one wants those.
#[tokio::test]
async fn of_a_name_that_thousands_have_the_last_to_write_are_found() {
    let house = WebHouse::build().await;
    crowd(&house, 8_200).await;
    for fill in [
        "insert into pages (page_id, object, name) values ('7', 'page', 'Another'), ('8', 'page', 'Third')",
        // The newest Mia is the first in the index as well.
        "create table place as select person_id,
                 case when n = 0 then 6800 when n = 3800 then 0 when n < 7000 then n * 11 % 7000 when n = 8199 then 7001 else n - 9000 end as place
             from (select person_id, substr(person_id, 2)::int as n from conversations) numbered",
        // On one Page 7,000 of whom nearly all are called Mia, but of the last thousand only five; on another those who wrote long before, all called Mia;
        // on a third somebody who has written since, and nobody else.
        "update conversations c set last_message_at = to_timestamp(1700000000 + place),
             page_id = case when place < 0 then '7' when place = 7001 then '8' else page_id end,
             closed_at = case when place % 3 = 0 then now() end from place p where p.person_id = c.person_id",
        "insert into people (page_id, person_id, name)
             select page_id, person_id, case when place < 6000 or place % 200 = 0 then 'Mia ' when place = 6001 then 'Zoe ' else 'Bea ' end || place
             from conversations join place using (person_id)",
        "insert into log (page_id, position, person_id, at, happened_at, kind, field, audience, epoch, payload)
             select page_id, case when place = 7001 then 1 else place + 2001 end, person_id, last_message_at, 1, 'message', '', '\"internal\"', 1, '{}' from conversations join place using (person_id)",
        "update pages p set last_position = (select max(position) from log l where l.page_id = p.page_id)",
        "truncate open_conversations",
    ] {
        sqlx::query(fill).execute(&house.database.pool).await.expect(fill);
    }
    eventually("all of them can be found", || async {
        let known = sqlx::query_scalar("select count(*) from search_people where words ~ '^ (mia|bea|zoe) '");
        (known.fetch_one(&house.database.pool).await.ok() == Some(8_200_i64)).then_some(())
    })
    .await;
    sqlx::query("analyze search_people").execute(&house.database.pool).await.expect("analyzed");
    house.user("anna@example.org", "Anna Berg", "agent", &[&house.page.id]).await;
    house.user("ben@example.org", "Ben Roth", "agent", &[&house.page.id, &page_id("7"), &page_id("8")]).await;
    let (mut anna, mut ben) = (house.browser("anna@example.org").await, house.browser("ben@example.org").await);
    let last = ["Mia 6800", "Mia 6600", "Mia 6400", "Mia 6200", "Mia 6000", "Mia 5999", "Mia 5998", "Mia 5997"];
    let (found, more) = people(&mut anna, "mia").await;
    assert_eq!((found.as_slice(), more), (last.map(str::to_owned).as_slice(), true));
    // Of three Pages less of each is looked at: of the last thousand three are seen, and nobody on another Page before all that came since on this is known. The
    // others come from the index, which knew this Page first.
    let (found, more) = people(&mut ben, "mia").await;
    assert_eq!((&found[..3], found.len(), more), (last.map(str::to_owned).get(..3).unwrap_or_default(), 8, true));
    assert_eq!(found.iter().filter(|name| *name == last[0] || name.ends_with("another Page")).count(), 1, "{found:?}");
    // Of a rare name the index is asked at once.
    assert_eq!(people(&mut ben, "zoe").await, (vec!["Zoe 6001".to_owned()], false));
}

/// The people that a search finds and whether there are more.
async fn people(browser: &mut Browser, typed: &str) -> (Vec<String>, bool) {
    for _ in 0..20 {
        let answer = browser.get(&format!("/inbox/search?q={typed}")).await;
        // On a machine that is busy with other tests its time may be up before it is done: it says so.
        if answer.status == 200 && !answer.body.contains("took too long") {
            let pages =
                answer.texts(".people-hits .about").into_iter().map(|about| about.split(" · ").nth(1).unwrap_or_default().to_owned());
            let names = answer.texts(".people-hits .name").into_iter().zip(pages);
            let named = names.map(|(name, page)| if page == "Another" { format!("{name} on another Page") } else { name });
            return (named.collect(), answer.body.contains("There are more people like these"));
        }
    }
    panic!("{typed}: the time of a search is always up");
}

#[tokio::test]
async fn a_name_that_is_known_is_written_once() {
    let house = house().await;
    // All told at once, and more than are read at once.
    sqlx::query("insert into people (page_id, person_id, name) select $1, '77000' || n, 'Zoe ' || n from generate_series(1, 450) n")
        .bind(house.page.id.as_str())
        .execute(&house.database.pool)
        .await
        .expect("people");
    let state = async || {
        let rows: Vec<(String, String)> = sqlx::query_as(
            "select ctid::text || xmin::text || xmax::text, words from search_people where words like '% zoe %' order by person_id",
        )
        .fetch_all(&house.database.pool)
        .await
        .expect("people");
        rows
    };
    let before = eventually("all of them can be found", || async { Some(state().await).filter(|rows| rows.len() == 450) }).await;
    for number in 0..3 {
        house.says(MIA, &format!("m_again_{number}"), "Still waiting").await;
        read_to_the_end(&house).await;
    }
    house.named(OLE, "Ole Last").await;
    eventually("a later name is known", || async {
        let known = sqlx::query_scalar("select count(*) from search_people where words like '% last %'");
        (known.fetch_one(&house.database.pool).await.ok() == Some(1_i64)).then_some(())
    })
    .await;
    assert_eq!(state().await, before, "neither written nor locked again");
}

#[tokio::test]
async fn a_result_leads_to_its_line_among_others() {
    let house = house().await;
    for number in 0..120 {
        house.says(MIA, &format!("m_n{number}"), &format!("line number {number}")).await;
    }
    read_to_the_end(&house).await;
    let mut anna = house.browser("anna@example.org").await;
    for (typed, newer) in [("\"number 30\"", true), ("\"number 119\"", false), ("20931", true)] {
        let href = search(&mut anna, typed).await.attribute("ol.hits a", "href").expect("a result");
        let (path, anchor) = href.split_once('#').expect("an anchor");
        let page = anna.get(path).await;
        assert_eq!(page.attribute(".lines .marked", "id").as_deref(), Some(anchor), "{typed}");
        assert_eq!(page.count(".lines .marked"), 1);
        assert_eq!(page.text("#timeline").contains("Back to the newest"), newer, "{typed}");
        let fragment = page.attribute("body", "data-thread").expect("where the pane is fetched");
        assert_eq!(anna.get(&fragment).await.attribute(".lines .marked", "id").as_deref(), Some(anchor), "it stays marked");
    }
}

#[tokio::test]
async fn operators_narrow_and_what_cannot_be_read_is_said() {
    let house = house().await;
    let ben = house.user("ben@example.org", "Ben Okafor", "agent", &[&house.page.id]).await;
    house.hands_over(MIA, "{}").await;
    house.sends_as(ben, MIA, "m_3", json!({"text": "Your parcel is on its way"})).await;
    house.sends(&house.page.bot.clone(), OLE, "m_4", json!({"text": "The parcel station is at quay 4"})).await;
    let tag: i64 = sqlx::query_scalar("insert into tags (name, colour) values ('Late delivery', 'red') returning tag_id")
        .fetch_one(&house.database.pool)
        .await
        .expect("a tag");
    sqlx::query("insert into conversation_tags (page_id, person_id, tag_id) values ($1, $2, $3)")
        .bind(house.page.id.as_str())
        .bind(MIA)
        .bind(tag)
        .execute(&house.database.pool)
        .await
        .expect("tagged");
    read_to_the_end(&house).await;
    let mut anna = house.browser("anna@example.org").await;
    let (mia, ole) = ("My parcel HC-20931 is late, viele Grüße", "Where is the parcel station?");
    let (from_ben, from_bot) = ("Ben Okafor: Your parcel is on its way", "Harbour bot: The parcel station is at quay 4");
    for (typed, expected) in [
        ("parcel from:ben", vec![from_ben]),
        ("parcel from:bot", vec![from_bot]),
        ("FROM:\"harbour bot\" parcel", vec![from_bot]),
        ("parcel from:customer", vec![ole, mia]),
        ("parcel from:me", vec![]),
        ("parcel owner:people", vec![from_ben, mia]),
        ("parcel owner:bot", vec![from_bot, ole]),
        ("parcel owner:nobody", vec![]),
        ("parcel tag:late", vec![from_ben, mia]),
        ("parcel page:harbour before:today", vec![]),
        ("parcel after:today from:customer", vec![ole, mia]),
        ("parcel before:2030-01-01 after:2020-01-01 from:customer", vec![ole, mia]),
        ("from:ben", vec![from_ben]),
        // What is no operator is text.
        ("colour:parcel", vec![]),
        ("parcel from:ben from:bot", vec![]),
    ] {
        assert_eq!(lines(&mut anna, typed).await, expected, "{typed}");
    }
    for (typed, said) in [
        ("parcel before:31.13.2026", "“31.13.2026” after before: is not a day"),
        ("parcel from:zoe", "called “zoe”"),
        ("page:nowhere parcel", "no Page called “nowhere”"),
        ("tag:zebra", "no tag called “zebra”"),
        ("owner:zoe", "called “zoe”"),
    ] {
        let answer = search(&mut anna, typed).await;
        assert!(answer.text(".problem").contains(said), "{typed}: {}", answer.text(".problem"));
        assert_eq!(answer.count(".hits li"), 0, "{typed} finds nothing as long as it is not understood");
    }
}

#[tokio::test]
async fn nobody_finds_what_they_may_not_see() {
    let house = house().await;
    let second = house.second_page().await;
    house.user("two@example.org", "Two", "agent", &[&second]).await;
    house.user("none@example.org", "None", "agent", &[]).await;
    house.user("rosa@example.org", "Rosa Lind", "admin", &[]).await;
    house.hears(&second, "9002", json!({"message": {"mid": "m_9", "text": "parcel of the market"}})).await;
    read_to_the_end(&house).await;
    let mut two = house.browser("two@example.org").await;
    let mut none = house.browser("none@example.org").await;
    let mut rosa = house.browser("rosa@example.org").await;
    assert_eq!(lines(&mut two, "parcel").await, ["parcel of the market"]);
    assert_eq!(lines(&mut two, "parcel from:customer page:harbour").await, Vec::<String>::new());
    assert_eq!(search(&mut two, "4821").await.count(".hits li"), 0);
    assert_eq!(search(&mut none, "parcel").await.count(".hits li"), 0);
    assert_eq!(lines(&mut rosa, "parcel").await.len(), 3);
    assert_eq!(house.stranger().get("/inbox/search?q=parcel").await.status, 303);
}

#[tokio::test]
async fn what_is_taken_back_vanishes_and_what_is_changed_is_found_as_it_is_now() {
    let house = house().await;
    let mut anna = house.browser("anna@example.org").await;
    house.says(MIA, "m_5", "the old wording").await;
    house.hears(&house.page.id, MIA, json!({"message_edit": {"mid": "m_5", "text": "the fresh wording", "num_edit": 1}})).await;
    read_to_the_end(&house).await;
    assert_eq!(lines(&mut anna, "fresh").await, ["the fresh wording"]);
    assert_eq!(lines(&mut anna, "\"old wording\"").await, Vec::<String>::new());
    assert_eq!(lines(&mut anna, "fresh from:customer page:harbour after:today").await.len(), 1, "a change keeps who, where and when");
    // At once, whether the reader has heard of it or not.
    let scrub = sqlx::query("update log set scrubbed_at = now(), payload = '{}' where mid = 'm_1'");
    scrub.execute(&house.database.pool).await.expect("scrubbed");
    assert_eq!(lines(&mut anna, "20931").await, Vec::<String>::new());
    house.hears(&house.page.id, MIA, json!({"message": {"mid": "m_5", "is_deleted": true}})).await;
    assert_eq!(lines(&mut anna, "fresh").await, Vec::<String>::new());
    read_to_the_end(&house).await;
    let kept: i64 = sqlx::query_scalar("select count(*) from search_lines where words like '%fresh%'")
        .fetch_one(&house.database.pool)
        .await
        .expect("a count");
    assert_eq!(kept, 0, "nothing of it is kept");
}

#[tokio::test]
async fn notes_cards_and_taps_are_found() {
    let house = house().await;
    let mut anna = house.browser("anna@example.org").await;
    let note = format!("{}/note", house.conversation(MIA));
    let answer = anna.post(&note, &[("text", "Customer sounded upset")]).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    let card = json!({"attachment": {"type": "template", "payload": {"template_type": "button", "text": "Opening hours of the roastery",
        "buttons": [{"type": "postback", "title": "Directions", "payload": "d"}]}}});
    house.sends(&house.page.bot.clone(), OLE, "m_6", card).await;
    house.hears(&house.page.id, OLE, json!({"postback": {"mid": "m_7", "title": "Directions please", "payload": "d"}})).await;
    read_to_the_end(&house).await;
    assert_eq!(lines(&mut anna, "upset").await, ["Note by Anna Berg: Customer sounded upset"]);
    assert_eq!(lines(&mut anna, "roastery").await, ["Harbour bot: Opening hours of the roastery"]);
    assert_eq!(lines(&mut anna, "directions please").await, ["Directions please"]);
}

#[tokio::test]
async fn pages_of_results_follow_each_other_without_gap_or_repetition() {
    let house = house().await;
    for number in 0..100 {
        house.says(if number % 2 == 0 { MIA } else { OLE }, &format!("m_n{number}"), &format!("pancake {number}")).await;
    }
    read_to_the_end(&house).await;
    let mut anna = house.browser("anna@example.org").await;
    let mut all = Vec::new();
    let mut next = Some("/inbox/search?q=pancake".to_owned());
    while let Some(address) = next {
        let page = anna.get(&address).await;
        all.extend(page.texts("ol.hits .text"));
        next = page.attribute("a[rel=next]", "href");
    }
    assert_eq!(all, (0..100).rev().map(|number| format!("pancake {number}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_search_whose_time_is_up_says_how_far_it_has_come() {
    let house = house().await;
    read_to_the_end(&house).await;
    let wanted = Wanted { pages: vec![house.page.id.clone()], terms: vec!["par".into()], ..Wanted::default() };
    let store = &house.database.store;
    let found = store.find_lines(&wanted, None, 10, std::time::Duration::from_secs(5)).await.expect("found");
    assert_eq!((found.hits.len(), found.cut), (2, None));
    let found = store.find_lines(&wanted, None, 10, std::time::Duration::ZERO).await.expect("being slow is no failure");
    assert!(found.cut.is_some());
    // Somebody holds what the search reads: it gives up in time, and says so.
    let mut blocker = house.database.pool.begin().await.expect("a transaction");
    sqlx::query("lock table search_lines in access exclusive mode").execute(&mut *blocker).await.expect("locked");
    let mut anna = house.browser("anna@example.org").await;
    let began = std::time::Instant::now();
    let answer = anna.get("/inbox/search?q=parcel").await;
    assert!(began.elapsed() < std::time::Duration::from_secs(4), "{:?}", began.elapsed());
    assert!(answer.text(".cut").contains("This search takes long"), "{}", answer.body);
    let further = answer.attribute("a[rel=next]", "href").expect("a way on");
    blocker.rollback().await.expect("let go");
    assert_eq!(anna.get(&further).await.status, 200);
}

#[tokio::test]
async fn odd_searches_do_no_harm() {
    let house = house().await;
    let mut anna = house.browser("anna@example.org").await;
    for address in [
        "/inbox/search",
        "/inbox/search?q=",
        "/inbox/search?q=%00%00",
        "/inbox/search?q=%F0%9F%98%80",
        "/inbox/search?q=parcel&after=nonsense",
        "/inbox/search?q=parcel&after=9999999999999999.1.x",
        "/inbox/search?q=parcel&after=253402300799999.9223372036854775807.x",
        "/inbox/search?q=parcel&after=0.0.",
        "/inbox/search?q=before:9998-12-31+after:2000-01-01",
        "/inbox/search?q=%22%3Cscript%3Ealert(1)%3C/script%3E",
    ] {
        let answer = anna.get(address).await;
        assert_eq!(answer.status, 200, "{address}: {}", answer.body);
        assert!(!answer.body.contains("<script>alert"), "{address}");
    }
    let long = "x".repeat(5000);
    assert_eq!(anna.get(&format!("/inbox/search?q={long}")).await.status, 200);
}
