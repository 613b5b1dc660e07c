//! The checker itself: it explains what is right, and nothing of what is wrong.

use super::model::{Answer, App, Call, MAY_NOT_TAKE, Ms, NOT_OWNER, NOT_OWNER_SEND, Rules};
use super::search::{NEVER, Op, Verdict, search};

const BOT: App = App(0);
const DESK: App = App(1);
const CLERK: App = App(2);
const INBOX: App = App(3);
const OUTSIDE: App = App(10);

fn rules() -> Rules {
    Rules { default: BOT, may_take: vec![DESK, INBOX], inbox: INBOX, lease: 10_000, deadline: 2_000, implied: 5_000 }
}

fn op(start: Ms, end: Ms, call: Call, answer: Answer) -> Op {
    Op { by: "somebody".to_owned(), call, start, end, answer }
}

/// One after the other, a second each, beginning with the person's hello, which makes the bot the owner.
fn in_turn(calls: impl IntoIterator<Item = (Call, Answer)>) -> Vec<Op> {
    let hello = (Call::Message(1_000_000), Answer::Done);
    let times = (1_000_000..).step_by(1_000);
    times.zip([hello].into_iter().chain(calls)).map(|(start, (call, answer))| op(start, start + 100, call, answer)).collect()
}

#[track_caller]
fn explained(history: &[Op]) {
    let verdict = search(&rules(), history);
    assert!(matches!(verdict, Verdict::Explained), "{verdict:?}");
}

#[track_caller]
fn impossible(history: &[Op]) {
    let verdict = search(&rules(), history);
    assert!(matches!(verdict, Verdict::Impossible { .. }), "{verdict:?}");
}

#[test]
fn two_apps_cannot_both_hold_a_conversation() {
    let both = |second: Answer| in_turn([(Call::Take(DESK), Answer::Done), (Call::Send(DESK), Answer::Done), (Call::Send(BOT), second)]);
    explained(&both(NOT_OWNER_SEND));
    impossible(&both(Answer::Done));
    // Both were told that they took it, and both released it, with nothing in between that would give it to the first again.
    let takes = [(Call::Take(DESK), Answer::Done), (Call::Take(INBOX), Answer::Done), (Call::Release(DESK), Answer::Done)];
    impossible(&in_turn(takes));
    let seen = |by_desk| in_turn([(Call::Take(DESK), Answer::Done), (Call::Take(INBOX), Answer::Done), (Call::Read(DESK), by_desk)]);
    explained(&seen(Answer::Held));
    impossible(&seen(Answer::HeldBy(DESK)));
}

#[test]
fn a_stale_send_cannot_be_accepted_after_a_take() {
    let overlapping = |answer: Answer, start: Ms| {
        let mut history = in_turn([(Call::Take(DESK), Answer::Done)]);
        history.push(op(start, 1_003_000, Call::Send(BOT), answer));
        history
    };
    explained(&overlapping(Answer::Done, 1_001_050));
    explained(&overlapping(NOT_OWNER_SEND, 1_001_050));
    impossible(&overlapping(Answer::Done, 1_001_200));
}

#[test]
fn a_release_is_not_lost() {
    let released = |read: Answer| in_turn([(Call::Release(BOT), Answer::Done), (Call::Read(BOT), read)]);
    explained(&released(Answer::Idle));
    impossible(&released(Answer::HeldBy(BOT)));
    // A message brings it back.
    explained(&in_turn([(Call::Release(BOT), Answer::Done), (Call::Message(1_002_000), Answer::Done), (Call::Release(BOT), Answer::Done)]));
    impossible(&in_turn([(Call::Release(BOT), Answer::Done), (Call::Release(BOT), Answer::Done)]));
}

#[test]
fn a_refusal_must_have_a_reason() {
    impossible(&in_turn([(Call::Send(BOT), NOT_OWNER_SEND)]));
    impossible(&in_turn([(Call::Take(DESK), MAY_NOT_TAKE)]));
    explained(&in_turn([(Call::Take(CLERK), MAY_NOT_TAKE)]));
    impossible(&in_turn([(Call::Take(CLERK), Answer::Done)]));
    impossible(&in_turn([(Call::Decline(BOT, CLERK), Answer::Done)]));
    explained(&in_turn([(Call::Request(CLERK), Answer::Done), (Call::Decline(BOT, CLERK), Answer::Done)]));
    explained(&in_turn([(Call::Release(INBOX), Answer::Conflict)]));
    impossible(&in_turn([(Call::Pass(BOT, Some(INBOX)), Answer::Done), (Call::Release(INBOX), Answer::Conflict)]));
    impossible(&in_turn([(Call::Pass(BOT, None), Answer::Done)]));
}

#[test]
fn time_ends_a_lease_neither_sooner_nor_later() {
    let after = |ms: Ms, answer: Answer| {
        let mut history = in_turn([]);
        history.push(op(1_000_000 + ms, 1_000_100 + ms, Call::Release(BOT), answer));
        history
    };
    explained(&after(9_800, Answer::Done));
    impossible(&after(9_800, NOT_OWNER));
    explained(&after(10_200, NOT_OWNER));
    impossible(&after(10_200, Answer::Done));
    // It may have been renewed at any moment of a call that took long.
    let mut history = in_turn([]);
    history.push(op(1_000_500, 1_009_000, Call::Message(1_000_500), Answer::Done));
    history.push(op(1_012_000, 1_012_100, Call::Release(BOT), Answer::Done));
    explained(&history);
}

#[test]
fn a_request_is_granted_at_its_deadline() {
    let later = |ms: Ms, answer: Answer| {
        let mut history = in_turn([(Call::Request(CLERK), Answer::Done)]);
        history.push(op(1_001_000 + ms, 1_001_050 + ms, Call::Read(CLERK), answer));
        history
    };
    explained(&later(1_900, Answer::Held));
    impossible(&later(1_900, Answer::HeldBy(CLERK)));
    explained(&later(2_200, Answer::HeldBy(CLERK)));
    impossible(&later(2_200, Answer::Held));
}

#[test]
fn stale_evidence_moves_nobody_and_fresh_evidence_does() {
    let told =
        |at: Ms, read: Answer| in_turn([(Call::Take(BOT), Answer::Done), (Call::Echo(OUTSIDE, at), Answer::Done), (Call::Read(BOT), read)]);
    explained(&told(900_000, Answer::HeldBy(BOT)));
    impossible(&told(900_000, Answer::HeldBy(OUTSIDE)));
    explained(&told(1_002_000, Answer::HeldBy(OUTSIDE)));
    impossible(&told(1_002_000, Answer::HeldBy(BOT)));
}

#[test]
fn a_form_is_refused_while_the_platform_is_asked() {
    let taken = |first: Call, refused: Call| {
        in_turn([
            (first, Answer::Done),
            (Call::Take(INBOX), Answer::Begun),
            (refused, Answer::Conflict),
            (Call::Read(BOT), Answer::HeldBy(INBOX)),
        ])
    };
    explained(&taken(Call::HandedOver(OUTSIDE, 1_001_000), Call::Release(INBOX)));
    impossible(&taken(Call::Take(DESK), Call::Release(INBOX)));
    impossible(&in_turn([(Call::Take(DESK), Answer::Done), (Call::Take(INBOX), Answer::Begun), (Call::Read(BOT), Answer::HeldBy(DESK))]));
}

#[test]
fn what_the_platform_refuses_may_have_been_accepted_first() {
    // The bot waits for the desk, which lets go; the clerk asks. If the bot became the owner by its send, it waits no longer, and the clerk comes next.
    let told_at = |standby: Ms| {
        let mut history =
            in_turn([(Call::Take(DESK), Answer::Done), (Call::Request(BOT), Answer::Done), (Call::Release(DESK), Answer::Done)]);
        history.push(op(1_003_200, 1_003_250, Call::Request(CLERK), Answer::Done));
        history.push(op(1_003_400, 1_003_500, Call::Send(BOT), NOT_OWNER_SEND));
        history.push(op(standby, standby + 60, Call::Standby(standby), Answer::Done));
        history.push(op(1_005_500, 1_005_600, Call::Read(CLERK), Answer::HeldBy(CLERK)));
        history
    };
    explained(&told_at(1_003_420));
    impossible(&told_at(1_004_700));
}

#[test]
fn what_was_lost_may_have_been_done_at_any_time_or_never() {
    let with = |answer: Answer, read: Answer| {
        let mut history = in_turn([]);
        history.push(op(1_001_000, NEVER, Call::Take(DESK), answer));
        history.push(op(1_005_000, 1_005_100, Call::Read(BOT), read));
        history
    };
    explained(&with(Answer::Lost, Answer::HeldBy(BOT)));
    explained(&with(Answer::Lost, Answer::HeldBy(DESK)));
    impossible(&with(Answer::Lost, Answer::HeldBy(INBOX)));
    impossible(&with(Answer::NotDone, Answer::HeldBy(DESK)));
    // But not before it was asked.
    let mut history = with(Answer::Lost, Answer::HeldBy(DESK));
    history.push(op(1_000_500, 1_000_600, Call::Read(BOT), Answer::HeldBy(DESK)));
    impossible(&history);
}
