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
