//! Many calls that are almost right: a search for one that breaks something. Seeded and bounded.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use serde_json::Value;

use super::fuzz_calls::{Call, Encoding, calls};
use super::house::{Answer, House, RIVAL_TOKEN, RIVALS_SECRET};

/// How long the search may take, wherever it is by then.
const BUDGET: Duration = Duration::from_secs(40);
/// How many calls it tries within that.
const CASES: u32 = 3_000;

/// What must hold of every answer.
fn sound_answer(call: &Call, answer: &Answer) -> Result<(), String> {
    let no_body = call.method == "HEAD" && !matches!(call.encoding, Encoding::Batch);
    if no_body {
        return if answer.status < 500 { Ok(()) } else { Err(format!("a 5xx: {answer:?}")) };
    }
    answer.check_graph()?;
    if call.token != RIVAL_TOKEN && answer.text.contains(RIVALS_SECRET) {
        return Err(format!("another Page's conversation: {answer:?}"));
    }
    if answer.headers.contains_key("x-injected") || answer.headers.contains_key("set-cookie") {
        return Err(format!("a header that is not ours: {answer:?}"));
    }
    for item in serde_json::from_str::<Value>(&answer.text).unwrap_or_default().as_array().into_iter().flatten() {
        if item["code"].as_i64().is_none_or(|code| code >= 500) {
            return Err(format!("a 5xx in a batch: {answer:?}"));
        }
    }
    Ok(())
}

/// Whether the answer, and in a batch its one item, says no.
fn refused(answer: &Answer) -> bool {
    let body = serde_json::from_str::<Value>(&answer.text).unwrap_or_default();
    answer.status >= 400 || body.as_array().is_some_and(|items| items.iter().all(|item| item["code"].as_i64() != Some(200)))
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_are_almost_right_get_an_answer_and_never_break_anything() {
    let house = House::build().await;
    let began = Instant::now();
    let (house, seen) = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Handle::current();
        let config = Config { cases: CASES, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
        let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, b"strangers come in many disguises"));
        let seen = std::cell::RefCell::new(BTreeMap::<(u16, i64), u32>::new());
        let outcome = runner.run(&calls(), |call| {
            if began.elapsed() > BUDGET {
                return Ok(());
            }
            runtime.block_on(async {
                let before = house.state().await;
                let asked = Instant::now();
                let answer = Answer::of(call.request(&house)).await;
                sound_answer(&call, &answer).map_err(TestCaseError::fail)?;
                prop_assert!(asked.elapsed() < Duration::from_secs(10), "took {:?}: {answer:?}", asked.elapsed());
                // What the platform refuses has been tried, and is on record.
                if refused(&answer) {
                    let after = house.state().await;
                    prop_assert_eq!(after, before, "refused, but something has changed: {:?} {:?}", answer, house.newest().await);
                }
                let code = serde_json::from_str::<Value>(&answer.text).unwrap_or_default()["error"]["code"].as_i64().unwrap_or(0);
                *seen.borrow_mut().entry((answer.status, code)).or_default() += 1;
                Ok(())
            })
        });
        outcome.unwrap_or_else(|why| panic!("{why}"));
        (house, seen.into_inner())
    })
    .await
    .expect("the search ends");
    // The search reaches both sides of every check: accepted calls, and each kind of refusal.
    for reached in [(200, 0), (400, 100), (401, 190), (400, 10)] {
        assert!(seen.contains_key(&reached), "never reached {reached:?}: {seen:?}");
    }
    house.stands().await;
}
