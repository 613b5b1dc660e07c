//! What a newcomer sees: a person writes, the bot answers, an agent takes over and gives back. On the programs as they are shipped, in real
//! browsers: one has the customer's chat, one an agent's inbox, and later a colleague's; once with scripts, once without.

mod chat;
mod demo;
mod inbox;

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::path::PathBuf;

use futures_util::FutureExt;

use crate::harness::browser::{Browser, Scripts};
use crate::harness::chromedriver::Driver;
use chat::Chat;
use demo::{Demo, Person};
use inbox::Inbox;

const MIA: &str = "Mia Berger";
const TOMAS: &str = "Tomás Rivera";
const JULES: &str = "Jules Martin";
const ANNA: &str = "Anna Lindqvist";

#[tokio::test(flavor = "multi_thread")]
async fn the_story_with_scripts() {
    perform(Scripts::On).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_story_without_scripts() {
    perform(Scripts::Off).await;
}

/// Everybody in it. Fields are dropped in order: the browsers' driver before the programs they look at.
struct Stage {
    customer: Browser,
    anna: Inbox,
    ben: Inbox,
    _driver: Driver,
    demo: Demo,
    scratch: PathBuf,
}

impl Stage {
    async fn set(scripts: Scripts) -> Self {
        let scratch = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("story-{scripts:?}"));
        let _ = std::fs::remove_dir_all(&scratch);
        std::fs::create_dir_all(&scratch).expect("a folder");
        let demo = Demo::start(&scratch).await;
        let driver = Driver::start(&scratch);
        let open = async |name: &str| Browser::open(&driver, name, scripts, "en-US").await;
        let customer = open("customer").await;
        let anna = Inbox::log_in(open("anna").await, &demo, "anna").await;
        let ben = Inbox::log_in(open("ben").await, &demo, "ben").await;
        Self { customer, anna, ben, _driver: driver, demo, scratch }
    }

    async fn chat_of(&self, name: &str) -> Chat<'_> {
        Chat::open(&self.customer, &self.demo, self.demo.person(name)).await
    }

    /// After a failure: what everybody saw.
    async fn keep(&self) {
        for browser in [&self.customer, &self.anna.browser, &self.ben.browser] {
            browser.keep().await;
        }
        std::io::Write::write_all(&mut std::io::stderr(), format!("what was on screen: {}\n", self.scratch.display()).as_bytes())
            .expect("standard error");
    }

    async fn strike(self) {
        for browser in [self.customer, self.anna.browser, self.ben.browser] {
            browser.quit().await;
        }
        let _ = std::fs::remove_dir_all(&self.scratch);
    }
}

async fn perform(scripts: Scripts) {
    let stage = Stage::set(scripts).await;
    match AssertUnwindSafe(story(&stage)).catch_unwind().await {
        Ok(()) => stage.strike().await,
        Err(failure) => {
            stage.keep().await;
            resume_unwind(failure);
        }
    }
}

async fn story(stage: &Stage) {
    stage.anna.sees_an_empty_list().await;
    let before = stage.anna.browser.loaded_at().await;
    the_bot_answers_and_hands_over(stage).await;
    stage.anna.sees_rise(MIA).await;
    if stage.anna.browser.scripts == Scripts::On {
        assert!((stage.anna.browser.loaded_at().await - before).abs() < 0.5, "the list grew without being loaded again");
    }
    an_agent_reads_takes_and_answers(stage).await;
    a_colleague_is_warned(stage).await;
    the_agent_gives_back(stage).await;
    the_platform_says_the_same(stage).await;
    an_agent_requests(stage).await;
    an_agent_takes(stage).await;
    nobody_complains(stage).await;
    the_inbox_speaks_german(stage).await;
}

async fn the_bot_answers_and_hands_over(stage: &Stage) {
    let mia = stage.chat_of(MIA).await;
    mia.writes("Hello!").await;
    mia.is_told("automated assistant").await;
    mia.offered("Talk to a person").await;
    mia.taps("My order").await;
    mia.reads("What is your name?", 1).await;
    mia.writes("Mia from Kiel").await;
    mia.reads("What is your order number?", 1).await;
    mia.writes("It is 20931").await;
    mia.reads("Thank you, Mia from Kiel. A person looks at order 20931.", 1).await;
}

async fn an_agent_reads_takes_and_answers(stage: &Stage) {
    let anna = &stage.anna;
    anna.opens(MIA).await;
    for text in ["Hello!", "automated assistant", "My order", "What is your name?", "Mia from Kiel", "It is 20931"] {
        anna.reads(text).await;
    }
    anna.reads_handover("Harbour Bot passed the conversation to Inbox").await;
    let facts = anna.sees("#timeline .control .facts div", |facts| facts.len() == 3).await;
    for fact in [["Reason", "Question about an order"], ["Name", "Mia from Kiel"], ["Order number", "20931"]] {
        assert!(facts.iter().any(|it| fact.iter().all(|part| it.contains(part))), "{fact:?} in {facts:?}");
    }
    anna.sees_holder("Nobody is assigned").await;
    anna.presses("Take").await;
    anna.sees_holder("Assigned to you").await;
    anna.answers("Hi Mia, this is Anna. Your parcel left this morning.").await;
    let mia = stage.chat_of(MIA).await;
    mia.reads("Hi Mia, this is Anna. Your parcel left this morning.", 1).await;
    // The bot would know an answer to this. It is on standby, so it stays silent: the transcript at the end proves it.
    mia.writes("Thank you! What are your opening hours?").await;
    anna.reads("What are your opening hours?").await;
}

/// Ben has had the conversation open since before Anna's answer.
async fn a_colleague_is_warned(stage: &Stage) {
    let (anna, ben) = (&stage.anna, &stage.ben);
    ben.goes_to("open").await;
    ben.opens(MIA).await;
    ben.sees_holder("Assigned to Anna Lindqvist").await;
    ben.drafts("Hello, Ben here.").await;
    anna.answers("We are open until six, on Fridays until five.").await;
    if ben.browser.scripts == Scripts::On {
        ben.reads("We are open until six").await;
    }
    ben.sends().await;
    // Anna's answer may be on its way still, or have been sent some seconds ago: the words tell, and both ask.
    let sent = format!("{ANNA} answered ");
    let sending = format!("{ANNA} is sending an answer right now. Send yours too?");
    let asks = |words: &str| (words.starts_with(&sent) && words.contains(" s ago. Send anyway?")) || words.starts_with(&sending);
    ben.browser.shows("#guard", |guard| guard.first().is_some_and(|it| asks(it) && it.contains("open until six"))).await;
    assert_eq!(ben.browser.value("#reply-text").await.as_deref(), Some("Hello, Ben here."), "what Ben wrote is still there");
    if ben.browser.scripts == Scripts::On {
        // What is told meanwhile takes neither the warning nor the text away.
        anna.notes("Ben asks as well.").await;
        ben.reads_note("Ben asks as well.").await;
        ben.browser.shows("#guard", |guard| guard.len() == 1).await;
        assert_eq!(ben.browser.value("#reply-text").await.as_deref(), Some("Hello, Ben here."), "and it still is");
    }
    let complaints = ben.browser.complaints().await;
    assert!(complaints.iter().all(|it| it.contains("409 (Conflict)")), "{complaints:?}");
}

async fn the_agent_gives_back(stage: &Stage) {
    let (anna, mia) = (&stage.anna, stage.chat_of(MIA).await);
    mia.reads("We are open until six, on Fridays until five.", 1).await;
    anna.presses("Give back").await;
    anna.sees_holder("Nobody holds this conversation.").await;
    anna.reads_handover(&format!("{ANNA} released the conversation")).await;
    mia.writes("And when do you deliver?").await;
    mia.reads("automated assistant", 2).await;
    mia.offered("Delivery").await;
    anna.sees_holder("Harbour Bot holds this conversation").await;
    anna.may_not_answer("Harbour Bot is talking to this customer").await;
    anna.goes_to("needs").await;
    anna.sees_an_empty_list().await;
}

/// Who said what, word for word as far as it does not hang on the hour of the day.
async fn the_platform_says_the_same(stage: &Stage) {
    let expected = [
        ("person", "Hello!"),
        ("page", "Hello! This is Harbour Coffee's automated assistant."),
        ("page", "What would you like to know?"),
        ("person", "My order"),
        ("page", "What is your name?"),
        ("person", "Mia from Kiel"),
        ("page", "What is your order number?"),
        ("person", "It is 20931"),
        ("page", "Thank you, Mia from Kiel. A person looks at order 20931."),
        ("page", ""),
        ("page", "Hi Mia, this is Anna. Your parcel left this morning."),
        ("person", "Thank you! What are your opening hours?"),
        ("page", "We are open until six, on Fridays until five."),
        ("person", "And when do you deliver?"),
        ("page", "Hello! This is Harbour Coffee's automated assistant."),
    ];
    let said = stage.demo.transcript(person(stage, MIA)).await;
    for (place, (from, text)) in expected.iter().enumerate() {
        let there = said.get(place).is_some_and(|said| said.from == *from && said.text.starts_with(text));
        assert!(there, "{from} says {text:?} at {place} of {said:#?}");
    }
    assert!(said[expected.len()..].iter().all(|said| said.from == "page"), "{said:#?}");
}

async fn an_agent_requests(stage: &Stage) {
    let (anna, tomas) = (&stage.anna, stage.chat_of(TOMAS).await);
    tomas.writes("Hello there").await;
    tomas.reads("automated assistant", 1).await;
    anna.goes_to("bot").await;
    anna.opens(TOMAS).await;
    anna.may_not_answer("Harbour Bot is talking to this customer").await;
    anna.presses("Request").await;
    anna.sees_holder("Assigned to you").await;
    anna.reads_handover(&format!("{ANNA} asked for the conversation")).await;
    anna.answers("Hello Tomás, may I help?").await;
    tomas.reads("Hello Tomás, may I help?", 1).await;
}

async fn an_agent_takes(stage: &Stage) {
    let (ben, jules) = (&stage.ben, stage.chat_of(JULES).await);
    jules.writes("hi").await;
    jules.reads("automated assistant", 1).await;
    ben.goes_to("bot").await;
    ben.opens(JULES).await;
    ben.presses("Take over").await;
    ben.sees_holder("Assigned to you").await;
    ben.reads_handover("Ben Okafor took over from Harbour Bot").await;
    ben.answers("Ben here. I look into it.").await;
    jules.reads("Ben here. I look into it.", 1).await;
    ben.presses("Close").await;
    // Another page comes by itself then.
    ben.browser.shows("#thread h1", |name| name != [JULES]).await;
    ben.goes_to("closed").await;
    ben.sees("#rows .name", |names| names == [JULES]).await;
}

async fn nobody_complains(stage: &Stage) {
    for browser in [&stage.customer, &stage.anna.browser, &stage.ben.browser] {
        assert_eq!(browser.complaints().await, Vec::<String>::new());
    }
}

async fn the_inbox_speaks_german(stage: &Stage) {
    let anna = &stage.anna;
    anna.turns_german().await;
    let views = anna.browser.texts("a.view span:not(.badge)").await.unwrap_or_default();
    let expected = [
        "Braucht Menschen",
        "Meine",
        "Nicht zugewiesen",
        "Warten auf Kunden",
        "Alle offenen",
        "Bot",
        "Endet bald",
        "Nicht gesendet",
        "Zurückgestellt",
        "Woanders",
        "Geschlossen",
    ];
    assert_eq!(views, expected, "the present one has come forward");
    anna.sees_holder("Ihnen zugewiesen").await;
    anna.reads_handover(&format!("{ANNA} hat die Unterhaltung angefragt")).await;
    anna.logs_out().await;
}

fn person<'a>(stage: &'a Stage, name: &str) -> &'a Person {
    stage.demo.person(name)
}
