//! What is told of while somebody looks at something else, and the number on the tab's icon.

use crate::web_house::{Answer, Browser, WebHouse};

const MIA: &str = "9001";
const NOAH: &str = "9002";

async fn news(browser: &mut Browser, since: &str, open: &str) -> Answer {
    let answer = browser.get(&format!("/inbox/news?since={since}&open={open}")).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer
}

fn heard(answer: &Answer) -> Vec<String> {
    answer.texts(".toast p")
}

#[tokio::test]
async fn who_writes_to_me_and_who_needs_a_person_is_told_once_and_only_to_who_may_see_it() {
    let house = WebHouse::build().await;
    house.user("anna@example.org", "Anna Berg", "agent", &[&house.page.id]).await;
    house.user("ben@example.org", "Ben Okafor", "agent", &[]).await;
    let (mut anna, mut ben) = (house.browser("anna@example.org").await, house.browser("ben@example.org").await);
    house.named(MIA, "Mia Wong").await;
    house.says(MIA, "m_1", "I want a human").await;
    house.says(NOAH, "m_2", "Hello bot").await;
    assert_eq!(heard(&news(&mut anna, "0", "").await), Vec::<String>::new(), "what the bot answers is no news");
    house.hands_over(MIA, r#"{"reason":"asked"}"#).await;
    let told = news(&mut anna, "0", "").await;
    assert_eq!(heard(&told), ["Mia Wong needs a person I want a human"]);
    let way = told.attribute(".toast a", "href").expect("a way there");
    assert!(way.starts_with(&house.conversation(MIA)) && way.contains("view=needs"), "{way}");
    assert_eq!(heard(&news(&mut ben, "0", "").await), Vec::<String>::new(), "Ben does not see this Page");
    let open = format!("{}/{MIA}", house.page.id);
    assert_eq!(heard(&news(&mut anna, "0", &open).await), Vec::<String>::new(), "she looks at it");
    let since = told.attribute("#news", "data-now").expect("a time");
    assert_eq!(heard(&news(&mut anna, &since, "").await), Vec::<String>::new(), "once");
    assert_eq!(anna.post(&format!("{}/control", house.conversation(MIA)), &[("action", "take")]).await.status, 303);
    house.says(MIA, "m_3", "Are you there?").await;
    assert_eq!(heard(&news(&mut anna, &since, "").await), ["Mia Wong wrote Are you there?"]);
    assert_eq!(anna.get("/inbox/news?since=soon").await.status, 400);
    assert_eq!(house.stranger().get("/inbox/news?since=0").await.status, 303, "to the login");
}

#[tokio::test]
async fn the_icon_of_the_tab_carries_a_number() {
    let house = WebHouse::build().await;
    house.user("anna@example.org", "Anna Berg", "agent", &[&house.page.id]).await;
    let mut anna = house.browser("anna@example.org").await;
    let icon = anna.get("/inbox").await.attribute("link[rel=icon]", "href").expect("an icon");
    let (bare, three, many) =
        (anna.get(&icon).await, anna.get(&format!("{icon}?count=3")).await, anna.get(&format!("{icon}?count=1234")).await);
    assert_eq!(three.headers["content-type"], "image/svg+xml");
    for (answer, text) in [(&bare, ""), (&three, "3"), (&many, "99")] {
        let svg = text_of(&answer.body);
        assert_eq!(svg, text);
    }
    assert_eq!(anna.get(&format!("{icon}?count=<script>")).await.status, 400);
}

/// The text in a well-formed picture.
fn text_of(svg: &str) -> String {
    let document = scraper::Html::parse_document(svg);
    assert!(svg.trim_end().ends_with("</svg>") && svg.matches("<svg").count() == 1 && svg.matches("</svg>").count() == 1);
    document.root_element().text().collect::<String>().trim().to_owned()
}
