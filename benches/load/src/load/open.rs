//! So many a second, whatever the answers do: a webhook that waits because the one before it on its connection is not answered counts from the
//! moment at which it was due.
//!
//! Each connection has a thread that sleeps until its next turn: the timers of an event loop count in milliseconds, which are most of what is
//! measured here.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::{Answer, Outcome, Plan, sum_up};
use crate::requests::Requests;

/// Posts until the time is over, or everything was posted.
pub fn run(plan: &Plan, requests: Requests) -> Outcome {
    let rate = plan.rate.expect("a rate");
    let host = plan.address.split_once('/').expect("an address with a path").0;
    let streams: Vec<TcpStream> = (0..plan.connections).map(|_| connect(host)).collect();
    let due = requests.len().min((plan.seconds * rate) as usize);
    let began = Instant::now() + Duration::from_millis(20);
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock") + Duration::from_millis(20);
    let (requests, connections) = (&requests, plan.connections);
    let lanes: Vec<Lane> = std::thread::scope(|scope| {
        let turns =
            |lane: usize| (lane..due).step_by(connections).map(move |index| (index, began + Duration::from_secs_f64(index as f64 / rate)));
        let threads: Vec<_> =
            streams.into_iter().enumerate().map(|(lane, stream)| scope.spawn(move || post(stream, requests, turns(lane)))).collect();
        threads.into_iter().map(|thread| thread.join().expect("a connection that works")).collect()
    });
    let seconds = began.elapsed().as_secs_f64();
    if let Some(path) = &plan.times {
        write_times(path, &lanes, due, began, u64::try_from(wall.as_micros()).expect("this century"));
    }
    let refused = lanes.iter().map(|lane| lane.refused).sum();
    let times = lanes.iter().flat_map(|lane| lane.times.iter().copied()).collect();
    let late = lanes.iter().flat_map(|lane| lane.late.iter().copied()).collect();
    sum_up(times, refused, seconds, late)
}

fn connect(host: &str) -> TcpStream {
    let stream = TcpStream::connect(host).expect("a connection");
    stream.set_nodelay(true).expect("no delay");
    stream
}

#[derive(Default)]
struct Lane {
    times: Vec<u32>,
    late: Vec<u32>,
    sent: Vec<(usize, Instant)>,
    refused: usize,
}

fn post(mut stream: TcpStream, requests: &Requests, turns: impl Iterator<Item = (usize, Instant)>) -> Lane {
    let (mut lane, mut answer) = (Lane::default(), Answer::new());
    for (index, due) in turns {
        // Its own lateness after a sleep is not the server's; a turn that is over already is.
        let begin = match due.checked_duration_since(Instant::now()) {
            Some(pause) => {
                std::thread::sleep(pause);
                let now = Instant::now();
                lane.late.push(micros(now.saturating_duration_since(due)));
                now
            }
            None => due,
        };
        lane.sent.push((index, begin));
        stream.write_all(requests.get(index)).expect("the server reads");
        let taken = loop {
            let bytes = stream.read(answer.room()).expect("the server answers");
            assert!(bytes > 0, "the server hung up");
            if let Some(taken) = answer.add(bytes) {
                break taken;
            }
        };
        if taken {
            lane.times.push(micros(begin.elapsed()));
        } else {
            lane.refused += 1;
        }
    }
    lane
}

fn micros(time: Duration) -> u32 {
    u32::try_from(time.as_micros()).unwrap_or(u32::MAX)
}

fn write_times(path: &str, lanes: &[Lane], due: usize, began: Instant, wall: u64) {
    let mut times = vec![0_u64; due];
    for (index, at) in lanes.iter().flat_map(|lane| &lane.sent) {
        times[*index] = wall + u64::from(micros(at.saturating_duration_since(began)));
    }
    let bytes: Vec<u8> = times.iter().flat_map(|time| time.to_le_bytes()).collect();
    std::fs::write(path, bytes).expect("the times are written");
}
