//! Saved views: what is kept, who finds them, who changes them, and what makes none.

use crate::web_house::{Answer, Browser, WebHouse};

const MIA: &str = "9001";

/// Anna and Ben answer on the Page, Cleo on another; Anna and Cleo are in Billing, Ben is in Parcels; Rosa is an admin and in neither.
struct Town {
    house: WebHouse,
    anna: Browser,
    ben: Browser,
    cleo: Browser,
    rosa: Browser,
    billing: String,
    parcels: String,
}

impl Town {
    async fn build() -> Self {
        let house = WebHouse::build().await;
        let second = house.second_page().await;
        let anna = house.user("anna@example.org", "Anna Berg", "agent", &[&house.page.id]).await;
        let ben = house.user("ben@example.org", "Ben Okafor", "agent", &[&house.page.id]).await;
        let cleo = house.user("cleo@example.org", "Cleo Sand", "agent", &[&second]).await;
        house.user("rosa@example.org", "Rosa Lind", "admin", &[]).await;
        let (billing, parcels) = (house.team("Billing", &[anna, cleo]).await, house.team("Parcels", &[ben]).await);
        house.says(MIA, "m_1", "My invoice is wrong").await;
        house.hears(&second, "9101", serde_json::json!({"message": {"mid": "m_2", "text": "Hello"}})).await;
        let (anna, ben) = (house.browser("anna@example.org").await, house.browser("ben@example.org").await);
        let (cleo, rosa) = (house.browser("cleo@example.org").await, house.browser("rosa@example.org").await);
        Self { house, anna, ben, cleo, rosa, billing, parcels }
    }

    /// How many views are kept.
    async fn kept(&self) -> i64 {
        sqlx::query_scalar("select count(*) from saved_views").fetch_one(&self.house.database.pool).await.expect("counted")
    }

    async fn execute(&self, sql: &str) {
        sqlx::query(sqlx::AssertSqlSafe(sql.to_owned())).execute(&self.house.database.pool).await.expect("done");
    }
}

async fn saves(browser: &mut Browser, name: &str, whose: &str, list: &str) -> u16 {
    browser.post("/settings/views", &[("name", name), ("whose", whose), ("list", list), ("back", "/inbox")]).await.status
}

async fn views(browser: &mut Browser) -> Vec<String> {
    browser.get("/inbox").await.texts(".saved-views a")
}

fn address(page: &Answer, view: &str) -> String {
    let selector = format!(".things li:has(input[value='{view}']) form");
    page.attribute(&selector, "action").unwrap_or_else(|| panic!("no form about {view}: {}", page.body))
}

#[tokio::test]
async fn a_list_is_saved_with_its_filters_and_its_order_and_found_again() {
    let mut town = Town::build().await;
    let open = "view=open&unanswered=1&channel=messenger";
    let list = town.anna.get(&format!("/inbox?{open}&sort=newest&after=5.1.2")).await;
    assert_eq!((list.count(".saved-views"), list.count("#saving form")), (0, 1), "no heading without views");
    // From its top, and in its usual order, which is not said.
    let field = |page: &Answer, name: &str| page.attribute(&format!("#saving [name={name}]"), "value").expect("a field");
    assert_eq!(field(&list, "list"), open);
    let (kept, back) = (field(&list, "list"), field(&list, "back"));
    let form = [("name", "  Unanswered \t first "), ("whose", "me"), ("list", kept.as_str()), ("back", back.as_str())];
    let done = town.anna.post("/settings/views", &form).await;
    assert_eq!(
        (done.status, done.location),
        (303, Some("/inbox?view=open&sort=newest&unanswered=1&channel=messenger&after=5.1.2".to_owned()))
    );
    assert_eq!(saves(&mut town.anna, "By window", "me", "view=needs&sort=ending").await, 303);
    let list = town.anna.get("/inbox").await;
    assert_eq!(
        (list.texts(".saved-views h2"), list.texts(".saved-views a")),
        (vec!["Saved views".into()], vec!["By window".into(), "Unanswered first".to_owned()])
    );
    assert_eq!(list.count(".saved-views a[aria-current]"), 0);
    let href = list.attribute(".saved-views li:last-child a", "href").expect("a link");
    assert_eq!(href, format!("/inbox?{open}"));
    for (query, current) in [
        (open, "Unanswered first"),
        ("channel=messenger&view=open&unanswered=1&sort=newest", "Unanswered first"),
        ("view=needs&sort=ending", "By window"),
        ("view=needs", ""),
        ("view=open&unanswered=1", ""),
    ] {
        assert_eq!(town.anna.get(&format!("/inbox?{query}")).await.text(".saved-views a[aria-current=page]"), current, "{query}");
    }
    let list = town.anna.get(&href).await;
    assert_eq!(
        (list.count("a.row"), list.texts("a.chip.filter > span:first-child")),
        (1, vec!["Unanswered".into(), "Channel: Messenger".to_owned()])
    );
    // Beside a conversation it is the list that is saved, and the conversation stays.
    let beside = format!("{}?view=mine&unread=1", town.house.conversation(MIA));
    let page = town.anna.get(&beside).await;
    assert_eq!((field(&page, "list"), field(&page, "back")), ("view=mine&unread=1".to_owned(), beside));
    assert_eq!(page.texts(".saved-views a").len(), 2);
    assert_eq!(town.anna.get("/inbox?fragment=list").await.texts(".saved-views a").len(), 2);
    town.anna.language = "de";
    assert_eq!(town.anna.get("/inbox").await.text(".saved-views h2"), "Gespeicherte Ansichten");
}

#[tokio::test]
async fn a_view_is_found_by_whom_it_is_for() {
    let mut town = Town::build().await;
    let offered = |page: Answer| page.texts("#view-whose option");
    assert_eq!(offered(town.anna.get("/inbox").await), ["Only me", "Team Billing"]);
    assert_eq!(offered(town.rosa.get("/inbox").await), ["Only me", "Everybody"]);
    let billing = town.billing.clone();
    for (name, whose) in [("Annas", "me"), ("Invoices", billing.as_str())] {
        assert_eq!(saves(&mut town.anna, name, whose, "view=open&unread=1").await, 303, "{name}");
    }
    for (name, whose) in [("Night", "all"), ("Rosas", "me")] {
        assert_eq!(saves(&mut town.rosa, name, whose, "view=open&unread=1").await, 303, "{name}");
    }
    assert_eq!(views(&mut town.anna).await, ["Annas", "Invoices", "Night"]);
    assert_eq!(views(&mut town.cleo).await, ["Invoices", "Night"]);
    assert_eq!(views(&mut town.ben).await, ["Night"]);
    assert_eq!(views(&mut town.rosa).await, ["Night", "Rosas"], "she is in no team");
    let page = town.cleo.get("/settings/views").await;
    assert_eq!(
        (page.texts(".view-name"), page.texts(".seen-by")),
        (vec!["Invoices".into(), "Night".into()], vec!["Team Billing".into(), "Everybody".to_owned()])
    );
    assert_eq!(
        town.rosa.get("/settings/views").await.texts(".view-name"),
        ["Invoices", "Night", "Rosas"],
        "an admin keeps those of all teams"
    );
    // Two that are the same list: one is marked.
    assert_eq!(town.anna.get("/inbox?view=open&unread=1").await.texts(".saved-views a[aria-current]"), ["Annas"]);
    // Whoever leaves the team leaves its views, and the team takes them with it.
    town.execute("delete from team_members where user_id = (select user_id from users where name = 'Anna Berg')").await;
    assert_eq!(views(&mut town.anna).await, ["Annas", "Night"]);
    assert_eq!(views(&mut town.cleo).await, ["Invoices", "Night"]);
    assert_eq!(town.rosa.post(&format!("/settings/teams/{billing}"), &[("action", "delete")]).await.status, 303);
    assert_eq!(views(&mut town.cleo).await, ["Night"]);
    assert_eq!(town.kept().await, 3);
}

#[tokio::test]
async fn a_shared_view_shows_each_reader_only_what_they_may_see() {
    let mut town = Town::build().await;
    let first = town.house.page.id.to_string();
    assert_eq!(saves(&mut town.rosa, "Everything", "all", "view=open&unanswered=1").await, 303);
    assert_eq!(saves(&mut town.rosa, "The first Page", "all", &format!("view=open&page={first}")).await, 303);
    assert_eq!(saves(&mut town.rosa, "With its owner", "all", "view=open&assignee=me").await, 303);
    for (who, browser, everything, of_the_first) in [
        ("Anna", &mut town.anna, vec!["PSID …9001"], vec!["PSID …9001"]),
        ("Cleo", &mut town.cleo, vec!["PSID …9101"], vec![]),
        ("Rosa", &mut town.rosa, vec!["PSID …9101", "PSID …9001"], vec!["PSID …9001"]),
    ] {
        let page = browser.get("/inbox").await;
        assert_eq!(page.texts(".saved-views a"), ["Everything", "The first Page", "With its owner"], "{who}");
        let href = |at: usize| page.attribute(&format!(".saved-views li:nth-child({at}) a"), "href").expect("a link");
        assert_eq!(browser.get(&href(1)).await.texts("a.row .name"), everything, "{who}");
        let only = browser.get(&href(2)).await;
        assert_eq!((only.status, only.texts("a.row .name")), (200, of_the_first.iter().map(|it| (*it).to_owned()).collect()), "{who}");
        assert_eq!(only.body.contains("Harbour Coffee"), who != "Cleo", "{who}");
        assert_eq!(browser.get(&href(3)).await.count("a.row"), 0, "{who}: who reads it, not who saved it");
    }
}

#[tokio::test]
async fn a_view_about_something_that_is_gone_is_an_empty_list() {
    let mut town = Town::build().await;
    let list = format!("view=open&team={}", town.billing);
    assert_eq!(saves(&mut town.anna, "Invoices", "me", &list).await, 303);
    town.execute("delete from teams").await;
    let page = town.anna.get(&format!("/inbox?{list}")).await;
    assert_eq!((page.status, page.count("a.row"), page.count("a.chip.filter")), (200, 0, 1));
    assert_eq!(page.text(".saved-views a[aria-current]"), "Invoices");
    assert_eq!(page.count(".views a[aria-current]"), 1, "one place at a time");
}

#[tokio::test]
async fn only_who_keeps_a_view_renames_and_deletes_it() {
    let mut town = Town::build().await;
    let billing = town.billing.clone();
    assert_eq!(saves(&mut town.anna, "Annas", "me", "view=open&unread=1").await, 303);
    assert_eq!(saves(&mut town.anna, "Invoices", &billing, "view=open").await, 303);
    assert_eq!(saves(&mut town.rosa, "Night", "all", "view=closed").await, 303);
    let page = town.anna.get("/settings/views").await;
    assert_eq!(
        (page.texts(".view-name"), page.count(".things form")),
        (vec!["Annas".into(), "Invoices".into(), "Night".to_owned()], 2),
        "others are only read"
    );
    assert_eq!(town.cleo.get("/settings/views").await.count(".things form"), 0);
    assert_eq!(town.anna.get("/settings/views").await.attribute(".things p.line a", "href").as_deref(), Some("/inbox?view=closed"));
    let (annas, invoices) = (address(&page, "Annas"), address(&page, "Invoices"));
    let night = address(&town.rosa.get("/settings/views").await, "Night");
    let before = views(&mut town.anna).await;
    for (who, browser, refused) in [
        ("Ben", &mut town.ben, vec![&annas, &invoices, &night]),
        ("Cleo, who is in the team", &mut town.cleo, vec![&annas, &invoices, &night]),
        ("Anna", &mut town.anna, vec![&night]),
        ("Rosa", &mut town.rosa, vec![&annas]),
    ] {
        for address in refused {
            for action in ["save", "delete"] {
                assert_eq!(browser.post(address, &[("action", action), ("name", "Taken")]).await.status, 404, "{who} {address} {action}");
            }
        }
    }
    assert_eq!(views(&mut town.anna).await, before);
    for (address, name) in [(&annas, "A"), (&invoices, "B")] {
        assert_eq!(town.anna.post(address, &[("action", "save"), ("name", name)]).await.status, 303, "{name}");
    }
    assert_eq!(views(&mut town.anna).await, ["A", "B", "Night"]);
    for (address, name) in [(&invoices, "C"), (&night, "D")] {
        assert_eq!(town.rosa.post(address, &[("action", "save"), ("name", name)]).await.status, 303, "{name}");
    }
    assert_eq!(views(&mut town.anna).await, ["A", "C", "D"]);
    let back = town.anna.post(&annas, &[("action", "save"), ("name", " ")]).await;
    assert_eq!(
        (back.status, back.count(".problem"), back.attribute(".things details[open] input[name=name]", "value").as_deref()),
        (422, 1, Some(" "))
    );
    assert_eq!(town.anna.post(&annas, &[("action", "burn")]).await.status, 400);
    assert_eq!(town.anna.post("/settings/views/999999", &[("action", "delete")]).await.status, 404);
    assert_eq!(town.anna.submit(&annas, &[("action", "delete")]).await.status, 403, "forged");
    // What she saved for a team is hers only while she is in it.
    town.execute("delete from team_members where user_id = (select user_id from users where name = 'Anna Berg')").await;
    assert_eq!(town.anna.post(&invoices, &[("action", "delete")]).await.status, 404);
    assert_eq!(town.anna.post(&annas, &[("action", "delete")]).await.status, 303);
    for address in [&invoices, &night] {
        assert_eq!(town.rosa.post(address, &[("action", "delete")]).await.status, 303, "{address}");
    }
    assert_eq!(town.kept().await, 0);
}

#[tokio::test]
async fn what_makes_no_view_is_refused() {
    let mut town = Town::build().await;
    let long = "ü".repeat(41);
    for name in ["", " \t ", long.as_str(), "a\u{7}b"] {
        let back = town
            .anna
            .post(
                "/settings/views",
                &[("name", name), ("whose", &town.billing), ("list", "view=open&unread=1"), ("back", "/inbox?view=open")],
            )
            .await;
        assert_eq!((back.status, back.count(".problem[role=alert]")), (422, 1), "{name:?}");
        // It comes back as it was sent, to be mended.
        let field = |selector: &str| back.attribute(selector, "value");
        assert_eq!(
            (field(".new [name=list]").as_deref(), field(".new [name=back]").as_deref()),
            (Some("view=open&unread=1"), Some("/inbox?view=open"))
        );
        assert_eq!(
            (field("#view-name").as_deref(), field("#view-whose option[selected]").as_deref()),
            (Some(name), Some(town.billing.as_str()))
        );
    }
    let endless = format!("view=open&language={}", "x".repeat(5000));
    for list in [
        "",
        "open",
        "view=nothing",
        "view=open&team=x",
        "view=open&before=x",
        "view=open&x=y",
        "/inbox?view=open",
        "view=open&language=DE",
        "view=%FF",
        &endless,
    ] {
        assert_eq!(saves(&mut town.anna, "Broken", "me", list).await, 400, "{list:.80}");
    }
    let parcels = town.parcels.clone();
    for (status, whose) in [(404, parcels.as_str()), (404, "999999"), (404, "-1"), (404, "all"), (400, ""), (400, "x")] {
        assert_eq!(saves(&mut town.anna, "Not hers", whose, "view=open").await, status, "{whose:?}");
    }
    assert_eq!(saves(&mut town.rosa, "Not hers", &parcels, "view=open").await, 404, "an admin who is not in the team");
    let form = [("name", "Forged"), ("whose", "me"), ("list", "view=open")];
    assert_eq!(town.anna.submit("/settings/views", &form).await.status, 403);
    assert_eq!(town.house.stranger().submit("/settings/views", &form).await.status, 401);
    assert_eq!(town.kept().await, 0);
    // As many as there may be, and one more.
    town.execute("insert into saved_views (owner, name, visibility, list) select user_id, 'View ' || n, 'me', 'view=open' from users, generate_series(1, 49) n where name = 'Anna Berg'").await;
    assert_eq!(saves(&mut town.anna, "The last", "me", "view=open").await, 303);
    let many = town.anna.post("/settings/views", &[("name", "Too many"), ("whose", "me"), ("list", "view=open")]).await;
    assert_eq!((many.status, town.kept().await), (422, 50));
    assert!(many.text(".problem").contains("50"), "{}", many.text(".problem"));
    assert_eq!(saves(&mut town.ben, "His first", "me", "view=open").await, 303, "it is each one's own limit");
    // Afterwards nobody is led elsewhere.
    let away = town
        .ben
        .post("/settings/views", &[("name", "Away"), ("whose", "me"), ("list", "view=open"), ("back", "https://evil.example/")])
        .await;
    assert_eq!(away.location.as_deref(), Some("/inbox"));
}
