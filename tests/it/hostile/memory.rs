//! Memory under what the platform could send if it went mad: real processes, so that nobody else's memory is counted.

use baton::crypto::signature;
use serde_json::{Value, json};

use crate::harness::running::{PAGE, Running};

const SECRET: &str = "appSecretThatTheTestKnowsAsWell00";

/// How much more than at rest one webhook may take, in MiB: its body, the text read from it, and a reference to each of millions of values.
const MOST: u64 = 512;

/// The most memory that a process had so far, in MiB, as the kernel counts.
fn peak_memory(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("a running process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux");
    line.trim().trim_end_matches("kB").trim().parse::<u64>().expect("a number") / 1024
}

/// The status of the answer; 408 if there was none because the body did not come in time, which a busy machine may bring about.
async fn webhook(running: &Running, body: Vec<u8>) -> u16 {
    let signature = format!("sha256={}", signature::sha256_hex(SECRET.as_bytes(), &body));
    let url = format!("{}/platform/webhook", running.baton().base);
    // A client of its own each: what is left of a body that was given up must not meet the next one.
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    http.post(url).header("x-hub-signature-256", signature).body(body).send().await.map_or(408, |answer| answer.status().as_u16())
}

fn wrapped(before: &str, items: &str) -> Vec<u8> {
    format!(r#"{{"object":"page","entry":[{{"id":"{PAGE}","time":1458692752478{before},"messaging":[{items}]}}]}}"#).into_bytes()
}

fn message(mid: &str, text: &str) -> Value {
    json!({"sender": {"id": "9001900290039004"}, "recipient": {"id": PAGE}, "timestamp": 1_458_692_752_478_i64, "message": {"mid": mid, "text": text}})
}

/// Bodies of just under the 16 MiB that are taken, made so that what is read from them could be many times as large.
#[tokio::test(flavor = "multi_thread")]
async fn the_largest_webhooks_take_no_more_memory_than_is_reckoned() {
    const ALMOST: usize = 16 * 1024 * 1024 - 1024;
    let running = Running::with(1, &[("BATON_PLATFORM_APP_SECRET", SECRET)]).await;
    let at_rest = peak_memory(running.baton().id());
    // A thousand events (protocol page, section 2.3) as large as they can be.
    let text = "\u{fffd}".repeat(5_400);
    let large: Vec<String> = (0..1000).map(|number| message(&format!("m_large_{number}"), &text).to_string()).collect();
    let large = wrapped("", &large.join(","));
    assert!((15 << 20..16 << 20).contains(&large.len()), "{} bytes", large.len());
    // Nothing but items: each would cost a hundred times what it is written with.
    let crowd = wrapped("", "{},".repeat(ALMOST / 3 - 100).trim_end_matches(','));
    let numbers = wrapped("", "0,".repeat(ALMOST / 2 - 100).trim_end_matches(','));
    // Every item gets a copy of what stands beside them.
    let copied = wrapped(&format!(r#","hop_context":["{}"]"#, "x".repeat(ALMOST / 2)), "{},".repeat(5_000).trim_end_matches(','));
    // Channels without end, entries without end, brackets without end, escapes without end.
    let channels = format!(r#"{{"object":"page","entry":[{{"id":"1"{}}}]}}"#, r#","standby":1"#.repeat(ALMOST / 12)).into_bytes();
    let entries = format!(r#"{{"object":"page","entry":[{}0]}}"#, "0,".repeat(ALMOST / 2 - 100)).into_bytes();
    let brackets = wrapped("", &"[".repeat(ALMOST / 2));
    let escapes =
        wrapped("", &message("m_escapes", "X").to_string().replace("\"X\"", &format!("\"{}\"", "\\u0000".repeat(ALMOST / 6 - 100))));
    for (name, body) in [
        ("large", large.clone()),
        ("crowd", crowd),
        ("numbers", numbers),
        ("copied", copied),
        ("channels", channels),
        ("entries", entries),
        ("brackets", brackets),
        ("escapes", escapes),
    ] {
        assert!(body.len() < 16 << 20, "{name}: {} bytes", body.len());
        let status = webhook(&running, body).await;
        // 503: it could not be committed in time. Either way the platform comes again.
        assert!(matches!(status, 200 | 408 | 503), "{name}: {status}");
        let peak = peak_memory(running.baton().id());
        assert!(peak < at_rest + MOST, "{name}: {peak} MiB, {at_rest} MiB at rest");
    }
    // What comes until it is taken is there once, and one more goes through at once.
    while webhook(&running, large.clone()).await != 200 {}
    crate::harness::eventually("the large ones are stored", async || {
        let count: i64 = sqlx::query_scalar("select count(*) from log where mid like 'm_large_%'")
            .fetch_one(&running.database.pool)
            .await
            .expect("the log");
        (count == 1000).then_some(())
    })
    .await;
    assert_eq!(webhook(&running, wrapped("", &message("m_after", "hello").to_string())).await, 200);
}
