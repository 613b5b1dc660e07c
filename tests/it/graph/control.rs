//! Thread control over HTTP.

use std::time::Duration;

use baton::apps::graph::Settings;
use baton::control::{Command, PlatformRefusal, TransferOutcome};
use baton::ledger::Order;
use serde_json::{Value, json};

use super::house::{BOT_TOKEN, House, OTHER_TOKEN, PERSON, id, text, whose};
use crate::harness::eventually;
use crate::harness::page::person_id;

async fn owner(house: &House, token: &str) -> Value {
    let answer = house.get(&format!("/v19.0/me/thread_owner?recipient={PERSON}&access_token={token}")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body
}

#[tokio::test(flavor = "multi_thread")]
async fn control_goes_from_app_to_app_and_back() {
    let house = House::build().await;
    let success = json!({"success": true});
    let (bot, other) = (id(&house.page.bot), id(&house.page.other));
    assert_eq!(owner(&house, BOT_TOKEN).await["data"][0]["thread_owner"]["app_id"], bot);

    let to_other = json!({"recipient": {"id": PERSON}, "target_app_id": 333, "metadata": "to the desk"});
    assert_eq!(house.post("/me/pass_thread_control", &to_other).await.body, success);
    let seen = owner(&house, BOT_TOKEN).await;
    assert_eq!(seen["data"][0]["thread_owner"]["app_id"], other);
    assert!(seen["data"][0]["thread_owner"]["expiration"].is_i64());
    assert_eq!(house.post("/me/messages", &text("x")).await.error(), (10, Some(2_018_300), 400));

    assert_eq!(house.post("/100200300/take_thread_control/", &whose()).await.body, success);
    assert_eq!(owner(&house, BOT_TOKEN).await["data"][0]["thread_owner"]["app_id"], bot);
    let other_sees = owner(&house, OTHER_TOKEN).await;
    assert_eq!(other_sees["data"][0]["thread_owner"].get("app_id"), None, "only owner and default app see who");
    assert!(other_sees["data"][0]["thread_owner"]["expiration"].is_i64());

    assert_eq!(house.post("/me/release_thread_control", &whose()).await.body, success);
    assert_eq!(owner(&house, BOT_TOKEN).await, json!({"data": []}));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rules_refusals_have_the_platforms_codes() {
    let house = House::build().await;
    let other = async |edge: &str, body: &Value| house.post_as(OTHER_TOKEN, &format!("/me/{edge}_thread_control"), body).await.error();
    assert_eq!(other("take", &whose()).await, (27, None, 400));
    assert_eq!(other("pass", &whose()).await, (100, None, 400));
    assert_eq!(other("release", &whose()).await, (100, None, 400));
    let bot = async |edge: &str, body: &Value| house.post(&format!("/me/{edge}_thread_control"), body).await.error();
    let with = |key: &str, value: Value| json!({"recipient": {"id": PERSON}, key: value});
    assert_eq!(bot("pass", &with("target_app_id", json!("404"))).await, (100, Some(2_018_164), 400));
    assert_eq!(bot("extend", &whose()).await.0, 100);
    assert_eq!(bot("extend", &with("duration", json!(604_801))).await.0, 100);
    assert_eq!(bot("extend", &with("duration", json!("soon"))).await.0, 100);
    assert_eq!(bot("decline", &with("target_app_id", json!(333))).await.0, 100);
    assert_eq!(bot("take", &json!({"recipient": {"id": "404"}})).await, (100, Some(2_018_001), 400));
    assert_eq!(bot("take", &json!({})).await.0, 100);
    assert_eq!(bot("pass", &with("metadata", json!("m".repeat(1001)))).await.0, 100);
    let answer = house.get(&format!("/me/thread_owner?recipient=404&access_token={BOT_TOKEN}")).await;
    assert_eq!(answer.error(), (100, Some(2_018_001), 400));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_waits_for_the_owner_and_may_be_declined() {
    let house = House::build().await;
    let ask = json!({"recipient": {"id": PERSON}, "metadata": "please"});
    assert_eq!(house.post_as(OTHER_TOKEN, "/me/request_thread_control", &ask).await.body, json!({"success": true}));
    assert_eq!(owner(&house, BOT_TOKEN).await["data"][0]["thread_owner"]["app_id"], id(&house.page.bot));
    let decline = json!({"recipient": {"id": PERSON}, "target_app_id": "333"});
    assert_eq!(house.post("/me/decline_thread_control", &decline).await.body, json!({"success": true}));
    assert_eq!(
        house.post("/me/extend_thread_control", &json!({"recipient": {"id": PERSON}, "duration": "604800"})).await.body,
        json!({"success": true})
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn inline_control_is_applied_after_the_message() {
    let house = House::build().await;
    let mut send = text("one moment");
    send["thread_control"] = json!({"control_type": "pass", "app_id": 333});
    assert_eq!(house.post("/me/messages", &send).await.status, 200);
    assert_eq!(owner(&house, BOT_TOKEN).await["data"][0]["thread_owner"]["app_id"], id(&house.page.other));
    assert_eq!(house.sent_texts(), ["one moment"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_default_app_lists_the_others() {
    let house = House::build().await;
    let listed = house.get(&format!("/me/secondary_receivers?fields=id,%20name&access_token={BOT_TOKEN}")).await;
    assert_eq!(listed.body, json!({"data": [{"id": "222", "name": "222"}, {"id": "333", "name": "333"}]}));
    let refused = house.get(&format!("/me/secondary_receivers?access_token={OTHER_TOKEN}")).await;
    assert_eq!(refused.error(), (10, Some(2_018_234), 403));
    house.execute("update pages set default_app = null, rules_version = rules_version + 1").await;
    let open = house.get(&format!("/me/secondary_receivers?fields=id&access_token={OTHER_TOKEN}")).await;
    assert_eq!(open.body, json!({"data": [{"id": "111"}, {"id": "222"}]}));
}

/// Plays the platform's part in the transfer that is pending.
async fn platform_answers(house: &House, outcome: TransferOutcome) {
    let begun_at = eventually("a transfer is pending", || async {
        let control = house.database.store.control_of(&house.page.id, &person_id(PERSON)).await.expect("read")?;
        control.transfer.map(|transfer| transfer.begun_at)
    })
    .await;
    let command = Command::TransferDone { begun_at, outcome };
    house.ledger.order(Order { page: house.page.id.clone(), person: person_id(PERSON), command, user: None }).await.expect("told");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_to_an_app_beside_baton_waits_for_the_platforms_word() {
    let house = House::build().await;
    house.execute("update pages set external_apps = '{263902037430900}', rules_version = rules_version + 1").await;
    let pass = json!({"recipient": {"id": PERSON}, "target_app_id": "263902037430900"});
    let why = PlatformRefusal { code: 10, subcode: Some(2_018_300), message: "(#10) not yours".into() };

    let no = TransferOutcome::Refused { why: Some(why) };
    let (refused, ()) = tokio::join!(house.post("/me/pass_thread_control", &pass), platform_answers(&house, no));
    assert_eq!(refused.error(), (10, Some(2_018_300), 400));
    assert_eq!(refused.body["error"]["message"], "(#10) not yours");
    let (silent, ()) =
        tokio::join!(house.post("/me/pass_thread_control", &pass), platform_answers(&house, TransferOutcome::Refused { why: None }));
    assert_eq!(silent.error(), (100, None, 400));
    assert_eq!(owner(&house, BOT_TOKEN).await["data"][0]["thread_owner"]["app_id"], id(&house.page.bot));

    let (done, ()) = tokio::join!(house.post("/me/pass_thread_control", &pass), platform_answers(&house, TransferOutcome::Done));
    assert_eq!(done.body, json!({"success": true}));
    assert_eq!(owner(&house, BOT_TOKEN).await["data"][0]["thread_owner"]["app_id"], "263902037430900");
    let take = whose();
    let (taken, ()) = tokio::join!(
        house.post_as(BOT_TOKEN, "/me/take_thread_control", &take),
        platform_answers(&house, TransferOutcome::Refused { why: None })
    );
    assert_eq!(taken.error().0, 27);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_without_an_answer_is_called_unknown() {
    let house = House::with(Settings { transfer_patience: Duration::from_millis(300), ..Settings::default() }).await;
    house.execute("update pages set external_apps = '{263902037430900}', rules_version = rules_version + 1").await;
    let pass = json!({"recipient": {"id": PERSON}, "target_app_id": "263902037430900"});
    let unknown = house.post("/me/pass_thread_control", &pass).await;
    assert_eq!(unknown.error(), (2, None, 500));
    assert_eq!(unknown.body["error"].get("is_transient"), None);
    let pending = house.post("/me/messages", &text("x")).await;
    assert_eq!(pending.error().0, 2);
    assert_eq!(pending.body["error"]["is_transient"], true);
}
