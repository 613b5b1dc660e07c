#![allow(clippy::unwrap_used, reason = "tests")]

use serde_json::json;

use super::*;

/// 2026-11-23 is a Monday. 09:00 UTC is 10:00 in Berlin (open), 20:00 UTC is 21:00 (closed).
const OPEN: Timestamp = Timestamp::from_millis(1_795_424_400_000);
const CLOSED: Timestamp = Timestamp::from_millis(1_795_464_000_000);

struct Chat {
    script: Script,
    known: Known,
    now: Timestamp,
    epoch: Epoch,
}

impl Chat {
    fn new() -> Self {
        Self { script: Script::built_in().unwrap(), known: Known::default(), now: OPEN, epoch: Epoch(1) }
    }

    fn hear(&mut self, heard: &Heard) -> Turn {
        let (known, turn) = answer(&self.script, &self.known, heard, self.epoch, self.now);
        self.known = known;
        turn
    }

    fn says(&mut self, text: &str) -> Turn {
        self.hear(&Heard::Text(text.to_owned()))
    }
}

fn texts(turn: &Turn) -> Vec<&str> {
    turn.replies.iter().map(|reply| reply.text.as_str()).collect()
}

#[test]
fn hello_is_answered_with_who_it_is_and_a_menu() {
    let turn = Chat::new().says("hello");
    assert_eq!(turn.replies.len(), 2);
    assert!(texts(&turn)[0].contains("automated assistant"));
    let titles: Vec<_> = turn.replies[1].choices.iter().map(|(title, _)| title.as_str()).collect();
    assert_eq!(titles, ["Opening hours", "Delivery", "My order", "Talk to a person"]);
    assert!(turn.handover.is_none());
}

#[test]
fn german_words_are_answered_in_german() {
    let turn = Chat::new().says("Hallo");
    assert!(texts(&turn)[0].contains("automatische Assistent"));
    assert_eq!(turn.replies[1].choices[0].0, "Öffnungszeiten");
}

#[test]
fn asking_for_a_person_hands_over_with_a_reason_and_says_what_happens_next() {
    let mut chat = Chat::new();
    chat.says("hello");
    let turn = chat.says("I want to talk to a person");
    assert!(texts(&turn)[0].contains("handing you over"));
    assert_eq!(turn.handover.unwrap().reason, "Asked for a person");
}

#[test]
fn an_order_is_asked_for_name_and_number_and_both_go_along() {
    let mut chat = Chat::new();
    chat.says("hello");
    assert!(texts(&chat.hear(&Heard::Choice("baton:topic:order".into())))[0].contains("your name"));
    assert!(texts(&chat.says("Mia Order"))[0].contains("order number"), "an answer may contain a keyword");
    let turn = chat.says("it is #48-151");
    assert_eq!(texts(&turn)[0], "Thank you, Mia Order. A person looks at order 48151.");
    let handover = serde_json::to_value(turn.handover.unwrap()).unwrap();
    assert_eq!(handover, json!({"reason": "Question about an order", "name": "Mia Order", "order_number": "48151"}));
}

#[test]
fn a_wish_for_a_person_interrupts_a_question() {
    let mut chat = Chat::new();
    chat.says("my order");
    assert!(chat.says("just give me a human").handover.is_some());
}

#[test]
fn the_second_misunderstanding_in_a_row_hands_over_and_an_understood_message_forgives() {
    let mut chat = Chat::new();
    chat.says("hello");
    assert!(chat.says("qwertz uiop").handover.is_none());
    chat.says("opening hours");
    assert!(chat.says("asdf ghjkl").handover.is_none());
    assert!(chat.hear(&Heard::Wordless).handover.is_some());
}

#[test]
fn outside_business_hours_it_says_when_people_are_back() {
    let mut chat = Chat::new();
    chat.now = CLOSED;
    let turn = chat.says("person please");
    assert!(texts(&turn)[1].contains("not in at the moment") && texts(&turn)[1].contains("24/11 at 09:00"), "{:?}", texts(&turn));
    assert!(turn.handover.is_some());
}

#[test]
fn after_somebody_else_had_the_conversation_it_greets_again() {
    let mut chat = Chat::new();
    chat.says("hello");
    assert!(!texts(&chat.says("delivery")).iter().any(|text| text.contains("automated")));
    chat.epoch = Epoch(4);
    assert!(texts(&chat.says("delivery"))[0].contains("automated assistant"));
}

#[test]
fn echoes_and_unsends_are_not_answered() {
    assert_eq!(Heard::read(&json!({"message": {"is_echo": true, "text": "x"}})), None);
    assert_eq!(Heard::read(&json!({"message": {"mid": "m", "is_deleted": true}})), None);
    assert_eq!(Heard::read(&json!({"read": {"watermark": 1}})), None);
    assert_eq!(Heard::read(&json!({"message": {"attachments": []}})), Some(Heard::Wordless));
    assert_eq!(
        Heard::read(&json!({"postback": {"payload": "GET_STARTED", "title": "Get Started"}})),
        Some(Heard::Choice("GET_STARTED".into()))
    );
}
