//! Pages of settings: who reads them, who changes what.

use crate::web_house::WebHouse;

async fn house() -> WebHouse {
    let house = WebHouse::build().await;
    house.user("rosa@example.org", "Rosa Lind", "admin", &[]).await;
    house.user("anna@example.org", "Anna Berg", "agent", &[&house.page.id]).await;
    house
}

#[tokio::test]
async fn the_menu_leads_to_settings_and_back() {
    let house = house().await;
    let mut anna = house.browser("anna@example.org").await;
    assert_eq!(anna.get("/inbox").await.attribute(".account a[href^='/settings']", "href").as_deref(), Some("/settings"));
    let first = anna.get("/settings").await.location.expect("a first page");
    let page = anna.get(&first).await;
    assert_eq!((page.status, page.count("nav a[aria-current=page]"), page.count("a[href='/inbox']")), (200, 1, 2));
    assert_eq!(house.stranger().get(&first).await.location.as_deref(), Some("/login?next=%2Fsettings%2Fme"));
    assert_eq!(anna.get("/settings/nothing").await.status, 404);
}

#[tokio::test]
async fn admins_keep_the_tags_and_agents_read_them() {
    let house = house().await;
    let (mut rosa, mut anna) = (house.browser("rosa@example.org").await, house.browser("anna@example.org").await);
    assert_eq!(rosa.post("/settings/tags", &[("name", "  Late  delivery "), ("colour", "red")]).await.status, 303);
    assert_eq!(rosa.post("/settings/tags", &[("name", "Praise"), ("colour", "green")]).await.status, 303);
    let page = anna.get("/settings/tags").await;
    assert_eq!(page.texts(".things .tag"), ["Late delivery", "Praise"]);
    assert_eq!((page.count(".things .tag-red"), page.count("main form")), (1, 0), "agents only read");
    // The same name again, whatever its capitals, no name, and no colour of ours.
    let again = rosa.post("/settings/tags", &[("name", "late delivery"), ("colour", "blue")]).await;
    assert_eq!((again.status, again.attribute("#new-name", "value").as_deref()), (422, Some("late delivery")));
    assert!(again.text(".problem").contains("late delivery"), "{}", again.body);
    assert_eq!(rosa.post("/settings/tags", &[("name", " "), ("colour", "blue")]).await.status, 422);
    assert_eq!(rosa.post("/settings/tags", &[("name", "x"), ("colour", "pink")]).await.status, 400);
    let late = rosa.get("/settings/tags").await.attribute(".things form", "action").expect("a form");
    assert_eq!(rosa.post(&late, &[("action", "save"), ("name", "praise"), ("colour", "red")]).await.status, 422);
    assert_eq!(rosa.post(&late, &[("action", "save"), ("name", "Parcels"), ("colour", "teal")]).await.status, 303);
    assert_eq!(rosa.post(&late, &[("action", "archive")]).await.status, 303);
    assert_eq!(anna.get("/settings/tags").await.texts(".things .tag"), ["Praise"]);
    // While it is in the archive, its name is free; it comes back only if it still is.
    assert_eq!(rosa.post("/settings/tags", &[("name", "Parcels"), ("colour", "blue")]).await.status, 303);
    assert_eq!(rosa.post(&late, &[("action", "restore")]).await.status, 422);
    assert_eq!(rosa.post("/settings/tags/999999", &[("action", "archive")]).await.status, 404);
    assert_eq!(rosa.post(&late, &[("action", "burn")]).await.status, 400);
    // An agent's form does nothing, whatever it says.
    for (address, fields) in [
        ("/settings/tags", vec![("name", "Mine"), ("colour", "blue")]),
        (late.as_str(), vec![("action", "restore"), ("name", "Mine"), ("colour", "blue")]),
    ] {
        assert_eq!(anna.post(address, &fields).await.status, 404, "{address}");
    }
    assert_eq!(anna.get("/settings/tags").await.texts(".things .tag"), ["Parcels", "Praise"]);
    assert_eq!(rosa.submit("/settings/tags", &[("name", "Forged"), ("colour", "blue")]).await.status, 403);
}

#[tokio::test]
async fn admins_keep_the_teams_and_agents_read_them() {
    let house = house().await;
    let second = house.second_page().await;
    let anna_id: i64 =
        sqlx::query_scalar("select user_id from users where name = 'Anna Berg'").fetch_one(&house.database.pool).await.expect("Anna");
    let cleo_id = house.user("cleo@example.org", "Cleo Sand", "agent", &[&second]).await;
    let (mut rosa, mut anna) = (house.browser("rosa@example.org").await, house.browser("anna@example.org").await);
    assert_eq!(rosa.post("/settings/teams", &[("name", " Parcels ")]).await.status, 303);
    assert_eq!(rosa.post("/settings/teams", &[("name", "Billing")]).await.status, 303);
    let again = rosa.post("/settings/teams", &[("name", "billing")]).await;
    assert_eq!((again.status, again.attribute("#new-name", "value").as_deref()), (422, Some("billing")), "whatever its capitals");
    assert!(again.text(".problem").contains("billing"), "{}", again.body);
    assert_eq!(rosa.post("/settings/teams", &[("name", " ")]).await.status, 422);
    let page = rosa.get("/settings/teams").await;
    let (nobody, names) = ("Nobody is in it yet", |names: [&str; 2]| names.map(str::to_owned).to_vec());
    assert_eq!((page.texts(".team-name"), page.texts(".members")), (names(["Billing", "Parcels"]), names([nobody, nobody])));
    let billing = page.attribute(".things form", "action").expect("a form");
    let (anna_id, cleo_id) = (anna_id.to_string(), cleo_id.to_string());
    let both = [("action", "save"), ("name", "Invoices"), ("member", anna_id.as_str()), ("member", cleo_id.as_str())];
    assert_eq!(rosa.post(&billing, &both).await.status, 303);
    let page = rosa.get("/settings/teams").await;
    assert_eq!(
        (page.texts(".team-name"), page.texts(".members")),
        (names(["Invoices", "Parcels"]), names(["Anna Berg, Cleo Sand", nobody]))
    );
    assert_eq!(page.count(".things input[name=member][checked]"), 2);
    let page = anna.get("/settings/teams").await;
    assert_eq!((page.texts(".team-name"), page.count("main form")), (names(["Invoices", "Parcels"]), 0), "agents only read");
    assert_eq!(page.texts(".members"), names(["Anna Berg", ""]), "of those with whom they share a Page");
    // A name that is taken changes nothing, and the form comes back as it was sent.
    let back = rosa.post(&billing, &[("action", "save"), ("name", "PARCELS")]).await;
    assert_eq!((back.status, back.attribute(".things details[open] input[name=name]", "value").as_deref()), (422, Some("PARCELS")));
    assert_eq!((back.count(".things details[open] input[checked]"), back.texts(".members")), (0, names(["Anna Berg, Cleo Sand", nobody])));
    // Whoever may not log in at present is still in it later.
    sqlx::query("update users set disabled_at = now() where name = 'Cleo Sand'").execute(&house.database.pool).await.expect("disabled");
    assert_eq!(rosa.post(&billing, &[("action", "save"), ("name", "Invoices")]).await.status, 303);
    assert_eq!(rosa.get("/settings/teams").await.texts(".members"), names([nobody, nobody]));
    sqlx::query("update users set disabled_at = null").execute(&house.database.pool).await.expect("back");
    assert_eq!(rosa.get("/settings/teams").await.texts(".members"), names(["Cleo Sand", nobody]));
    for (status, address, fields) in [
        (404, "/settings/teams/999999", [("action", "save"), ("name", "x")]),
        (404, "/settings/teams/999999", [("action", "delete"), ("name", "x")]),
        (400, billing.as_str(), [("action", "burn"), ("name", "x")]),
        (400, billing.as_str(), [("action", "save"), ("member", "x")]),
    ] {
        assert_eq!(rosa.post(address, &fields).await.status, status, "{address} {fields:?}");
    }
    // An agent's form does nothing, whatever it says.
    for address in ["/settings/teams", billing.as_str()] {
        for action in ["save", "delete"] {
            assert_eq!(anna.post(address, &[("action", action), ("name", "Mine")]).await.status, 404, "{address} {action}");
        }
    }
    assert_eq!(rosa.submit("/settings/teams", &[("name", "Forged")]).await.status, 403);
    assert_eq!(rosa.post(&billing, &[("action", "delete")]).await.status, 303);
    assert_eq!(anna.get("/settings/teams").await.texts(".team-name"), ["Parcels"]);
}
