//! As much as the server takes: each connection posts its next webhook when the last is acknowledged.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::LocalSet;

use super::{Answer, Outcome, Plan, sum_up};
use crate::requests::Requests;

/// Posts until the time is over, or everything was posted.
pub fn run(plan: &Plan, requests: Requests) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    LocalSet::new().block_on(&runtime, post(plan, requests))
}

async fn post(plan: &Plan, requests: Requests) -> Outcome {
    let host = plan.address.split_once('/').expect("an address with a path").0;
    let mut streams = Vec::new();
    for _ in 0..plan.connections {
        let stream = TcpStream::connect(host).await.expect("a connection");
        stream.set_nodelay(true).expect("no delay");
        streams.push(stream);
    }
    let (requests, next) = (Rc::new(requests), Rc::new(Cell::new(0)));
    let began = Instant::now();
    let deadline = began + Duration::from_secs_f64(plan.seconds);
    let tasks: Vec<_> = streams
        .into_iter()
        .map(|stream| tokio::task::spawn_local(one_after_another(stream, Rc::clone(&requests), Rc::clone(&next), plan.again, deadline)))
        .collect();
    let (mut times, mut refused) = (Vec::new(), 0);
    for task in tasks {
        let (own, bad) = task.await.expect("a connection that works");
        times.extend(own);
        refused += bad;
    }
    sum_up(times, refused, began.elapsed().as_secs_f64(), Vec::new())
}

async fn one_after_another(
    mut stream: TcpStream,
    requests: Rc<Requests>,
    next: Rc<Cell<usize>>,
    again: bool,
    deadline: Instant,
) -> (Vec<u32>, usize) {
    let (mut times, mut refused, mut answer) = (Vec::new(), 0, Answer::new());
    let mut sent = Instant::now();
    while sent < deadline {
        let index = next.replace(next.get() + 1);
        if index >= requests.len() && !again {
            break;
        }
        stream.write_all(requests.get(index % requests.len())).await.expect("the server reads");
        let taken = loop {
            let bytes = stream.read(answer.room()).await.expect("the server answers");
            assert!(bytes > 0, "the server hung up");
            if let Some(taken) = answer.add(bytes) {
                break taken;
            }
        };
        let now = Instant::now();
        if taken {
            times.push(u32::try_from(now.duration_since(sent).as_micros()).unwrap_or(u32::MAX));
        } else {
            refused += 1;
        }
        sent = now;
    }
    (times, refused)
}
