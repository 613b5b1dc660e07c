//! Webhooks as the platform might send them one day: signed, and otherwise anything.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use serde_json::{Value, json};

use super::house::{FOLLOWER, House, INSTAGRAM, PAGE, PERSON, RIVAL};

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        prop::sample::select(vec![
            PAGE,
            PERSON,
            INSTAGRAM,
            FOLLOWER,
            RIVAL,
            "",
            "\u{0}",
            "page",
            "m_1",
            "baton.000000000000",
            "react",
            "111"
        ])
        .prop_map(Value::from),
        "\\PC{0,30}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        let key = prop::sample::select(vec![
            "id",
            "mid",
            "text",
            "is_echo",
            "app_id",
            "metadata",
            "attachments",
            "payload",
            "url",
            "type",
            "quick_reply",
            "reply_to",
            "watermark",
            "mids",
            "action",
            "emoji",
            "num_edit",
            "title",
            "referral",
            "new_owner_app_id",
            "previous_owner_app_id",
            "requested_owner_app_id",
            "is_deleted",
            "product",
            "\u{0}",
        ]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((key, inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())),
        ]
    })
}

fn mad_webhook() -> impl Strategy<Value = Value> {
    let kind = prop::sample::select(vec![
        "message",
        "postback",
        "reaction",
        "read",
        "delivery",
        "message_edit",
        "optin",
        "referral",
        "pass_thread_control",
        "take_thread_control",
        "request_thread_control",
        "app_roles",
        "account_linking",
        "order",
        "policy_enforcement",
        "no_such_event",
        "standby",
        "hop_context",
    ]);
    let id =
        prop_oneof![4 => Just(json!({"id": PERSON})), 2 => Just(json!({"id": PAGE})), 1 => Just(json!({"id": FOLLOWER})), 1 => value()];
    let time = prop_oneof![3 => Just(json!(1_458_692_752_478_i64)), 1 => value()];
    let item = (
        prop::option::weighted(0.9, id.clone()),
        prop::option::weighted(0.9, id),
        time.clone(),
        prop::collection::vec((kind, value()), 0..3),
    );
    let item = item.prop_map(|(sender, recipient, time, events)| {
        let mut item = json!({"timestamp": time});
        if let Some(sender) = sender {
            item["sender"] = sender;
        }
        if let Some(recipient) = recipient {
            item["recipient"] = recipient;
        }
        for (kind, event) in events {
            item[kind] = event;
        }
        item
    });
    let channel = prop::sample::select(vec!["messaging", "standby", "changes", "hop_context", "messaging"]);
    let entry = (prop::sample::select(vec![PAGE, INSTAGRAM, RIVAL, "31337"]), time, channel, prop::collection::vec(item, 0..4));
    let entry = entry.prop_map(|(page, time, channel, items)| json!({"id": page, "time": time, channel: items}));
    let object = prop::sample::select(vec!["page", "page", "instagram"]);
    (object, prop::collection::vec(entry, 0..3)).prop_map(|(object, entries)| json!({"object": object, "entry": entries}))
}

/// Whatever the platform may come up with is acknowledged: it would otherwise send it again for hours and then cut the Page off.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_signed_is_acknowledged_and_can_be_shown() {
    let house = House::build().await;
    let login = house.log_in("carol@baton.example").await;
    let began = Instant::now();
    let house = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Handle::current();
        let config = Config { cases: 400, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
        let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, b"the platform may change any day!"));
        let outcome = runner.run(&mad_webhook(), |body| {
            if began.elapsed() > Duration::from_secs(25) {
                return Ok(());
            }
            runtime.block_on(async {
                let answer = house.webhook(body.to_string()).await;
                prop_assert_eq!(answer.status, 200, "{:?}", answer);
                for path in [format!("/inbox/{PAGE}/{PERSON}"), format!("/inbox/{INSTAGRAM}/{FOLLOWER}"), "/inbox?view=open".to_owned()] {
                    let page = house.look(&login, &path).await;
                    prop_assert_eq!(page.status, 200, "{}: {}", path, page.text);
                }
                Ok::<(), TestCaseError>(())
            })
        });
        outcome.unwrap_or_else(|why| panic!("{why}"));
        house
    })
    .await
    .expect("the search ends");
    house.stands().await;
}
