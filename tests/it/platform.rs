//! The face towards the platform: transfers of control, profiles, calls for apps, tokens.

use std::time::Duration;

use baton::control::{Command, Owner};
use baton::crypto::seal::Sealer;
use baton::ledger::{Accepted, Ledger, NewSend, Order, Process, SendId, SendState};
use baton::platform::outbox::{self, Outbox};
use baton::platform::{Client, Connections, Profiles, Transfers, client, profiles, transfer, upstream};
use baton::store::admin::PageChange;
use baton::wire::upstream::{Upstream, UpstreamError, UpstreamMethod, UpstreamRequest};
use baton::wire::{AppId, Content, Incoming, Send, Timestamp, webhook};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::harness::page::{TestPage, app_id, person_id};
use crate::harness::{Database, database, eventually};
use crate::platform_fake::{FakePlatform, Reply};

/// Baton's own app on the platform.
pub const OWN_APP: &str = "555";
/// Meta's Page inbox: an app beside Baton.
pub const PAGE_INBOX: &str = "263902037430900";
const APP_SECRET: &str = "platform-secret";
const TOKEN: &str = "EAAG-page-token";

/// A Page, its ledger, and the platform's double.
pub struct House {
    pub database: Database,
    pub ledger: Ledger,
    pub page: TestPage,
    pub fake: FakePlatform,
    pub client: Client,
    pub stop: CancellationToken,
}

impl House {
    pub async fn build() -> Self {
        Self::on(FakePlatform::start().await).await
    }

    pub async fn on(fake: FakePlatform) -> Self {
        let database = database().await;
        let page = TestPage::insert(&database.pool).await;
        let (ledger, _) = Ledger::start(database.store.clone(), 0, app_id(OWN_APP));
        let settings = client::Settings {
            call_timeout: Duration::from_secs(5),
            ..client::Settings::new(fake.url(), app_id(OWN_APP), APP_SECRET.to_owned().into())
        };
        let client = Client::new(settings, database.store.clone(), sealer()).expect("a client");
        let house = Self { database, ledger, page, fake, client, stop: CancellationToken::new() };
        house.set_token(TOKEN).await;
        house
    }

    pub async fn set_token(&self, token: &str) {
        let sealed = sealer().seal(&format!("pages.token.{}", self.page.id), token.as_bytes()).expect("sealed");
        sqlx::query("update pages set token_sealed = $2 where page_id = $1")
            .bind(self.page.id.as_str())
            .bind(sealed)
            .execute(&self.database.pool)
            .await
            .expect("a token");
    }

    /// An admin gives the Page another token.
    pub async fn renews_token(&self, token: &str) {
        let sealed = sealer().seal(&format!("pages.token.{}", self.page.id), token.as_bytes()).expect("sealed");
        let change = PageChange { token_sealed: Some(sealed), ..PageChange::default() };
        self.database.store.change_page(&self.page.id, &change).await.expect("changed");
    }

    /// Settings that do not let a test wait.
    pub fn outbox_settings() -> outbox::Settings {
        let soon = Duration::from_millis(50);
        outbox::Settings {
            poll: soon,
            reach_first: soon,
            reach_longest: soon,
            throttle_first: soon,
            throttle_longest: soon,
            ..outbox::Settings::default()
        }
    }

    /// Starts an outbox in a process of its own.
    pub async fn start_outbox(&self, settings: outbox::Settings) -> (Process, tokio::task::JoinHandle<()>) {
        let (process, _) = Process::enter(&self.database.store, "test", self.stop.clone()).await.expect("a process");
        let outbox = Outbox::new(settings, self.ledger.clone(), self.database.store.clone(), self.client.clone(), process.clone());
        (process, tokio::spawn(outbox.run(self.stop.clone())))
    }

    pub fn start_transfers(&self) {
        let soon = Duration::from_millis(20);
        let settings = transfer::Settings { retries: vec![soon, soon], look: Duration::from_millis(100), ..transfer::Settings::default() };
        self.start_transfers_with(settings);
    }

    fn start_transfers_with(&self, settings: transfer::Settings) {
        let transfers = Transfers::new(settings, self.ledger.clone(), self.database.store.clone(), self.client.clone());
        tokio::spawn(transfers.run(self.stop.clone()));
    }

    /// The platform tells something about a person.
    pub async fn hears(&self, channel: &str, person: &str, event: &str) {
        let now = baton::clock::now().millis();
        let page = &self.page.id;
        self.receive(channel, &format!(r#"{{"sender":{{"id":"{person}"}},"recipient":{{"id":"{page}"}},"timestamp":{now},{event}}}"#))
            .await;
    }

    /// The platform tells that the Page has sent something.
    pub async fn hears_echo(&self, person: &str, message: &str) {
        let now = baton::clock::now().millis();
        let page = &self.page.id;
        let item = format!(r#"{{"sender":{{"id":"{page}"}},"recipient":{{"id":"{person}"}},"timestamp":{now},"message":{message}}}"#);
        self.receive("messaging", &item).await;
    }

    async fn receive(&self, channel: &str, item: &str) {
        let body = format!(r#"{{"object":"page","entry":[{{"id":"{}","time":1,"{channel}":[{item}]}}]}}"#, self.page.id);
        let batch = webhook::parse(body.as_bytes(), Timestamp::from_millis(1)).expect("a webhook");
        let events: Vec<Incoming> = batch.items.into_iter().map(|item| item.expect("an event")).collect();
        self.ledger.receive(events).await.expect("stored");
    }

    pub async fn says(&self, person: &str, mid: &str) {
        self.hears("messaging", person, &format!(r#""message":{{"mid":"{mid}","text":"hello"}}"#)).await;
    }

    pub fn new_send(&self, app: &AppId, person: &str, text: &str) -> NewSend {
        let Value::Object(message) = json!({ "text": text }) else { unreachable!() };
        let send = Send {
            person: person_id(person),
            content: Content::Message { message, metadata: Some("the app's own".to_owned()) },
            messaging_type: None,
            tag: None,
            extra: serde_json::Map::new(),
            thread_control: None,
        };
        NewSend {
            page: self.page.id.clone(),
            app: app.clone(),
            user: None,
            send,
            epoch: None,
            idempotency_key: None,
            seen: None,
            queued: None,
            memory: None,
        }
    }

    pub async fn sends(&self, person: &str, text: &str) -> SendId {
        let Accepted { send_id, .. } = self.ledger.accept(self.new_send(&self.page.bot, person, text)).await.expect("accepted");
        send_id
    }

    pub async fn state(&self, send: SendId) -> SendState {
        self.database.store.send_state(&self.page.id, send).await.expect("a state").expect("a send")
    }

    /// Waits until a send is no longer on its way.
    pub async fn outcome(&self, send: SendId) -> SendState {
        eventually("the outcome of a send", || async {
            Some(self.state(send).await).filter(|state| !matches!(state, SendState::Accepted | SendState::Sending))
        })
        .await
    }

    pub async fn owner(&self, person: &str) -> Owner {
        let control: String = sqlx::query_scalar("select control from conversations where person_id = $1")
            .bind(person)
            .fetch_one(&self.database.pool)
            .await
            .expect("a conversation");
        serde_json::from_str::<baton::control::Control>(&control).expect("control").owner
    }

    /// Waits until the owner is as expected.
    pub async fn owner_becomes(&self, person: &str, what: &str, expected: impl Fn(&Owner) -> bool) -> Owner {
        eventually(what, || async { Some(self.owner(person).await).filter(&expected) }).await
    }

    async fn allow_external(&self) {
        sqlx::query("update pages set external_apps = array[$1], rules_version = rules_version + 1")
            .bind(PAGE_INBOX)
            .execute(&self.database.pool)
            .await
            .expect("an external app");
    }

    async fn orders(&self, person: &str, command: Command) {
        let order = Order { page: self.page.id.clone(), person: person_id(person), command, user: None };
        self.ledger.order(order).await.expect("the rules agree");
    }

    fn pass_outside(&self) -> Command {
        let metadata = Some(baton::wire::Metadata::parse("wants a refund").expect("metadata"));
        Command::Pass { app: self.page.bot.clone(), target: Some(app_id(PAGE_INBOX)), metadata }
    }
}

fn sealer() -> Sealer {
    Sealer::new(&[7; 32])
}

pub fn is_external(owner: &Owner) -> bool {
    matches!(owner, Owner::External { app: Some(app), .. } if app.as_str() == PAGE_INBOX)
}

#[tokio::test]
async fn a_pass_to_an_external_app_is_done_once_the_platform_has_done_it() {
    let house = House::build().await;
    house.allow_external().await;
    house.start_transfers();
    house.says("9001", "m_1").await;
    house.orders("9001", house.pass_outside()).await;
    house.owner_becomes("9001", "the pass", is_external).await;
    let calls = house.fake.calls("/pass_thread_control");
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].body, json!({"recipient":{"id":"9001"},"metadata":"wants a refund","target_app_id":PAGE_INBOX}));
}

#[tokio::test]
async fn a_pass_that_the_platform_refuses_changes_nothing() {
    let house = House::build().await;
    house.allow_external().await;
    house
        .fake
        .reply_control(Reply::With(400, json!({"error":{"code":100,"error_subcode":2_018_164,"message":"(#100) Incorrect App ID."}})));
    house.start_transfers();
    house.says("9001", "m_1").await;
    house.orders("9001", house.pass_outside()).await;
    let ended = || async {
        let kinds: Vec<String> = sqlx::query_scalar("select payload::json->>'change' from log where kind = 'control'")
            .fetch_all(&house.database.pool)
            .await
            .expect("the log");
        kinds.contains(&"transfer_ended".to_owned()).then_some(())
    };
    eventually("the end of the transfer", ended).await;
    assert!(matches!(house.owner("9001").await, Owner::App { app, .. } if app == house.page.bot));
}

#[tokio::test]
async fn without_an_answer_thread_owner_decides_and_nothing_is_repeated() {
    let house = House::build().await;
    house.allow_external().await;
    house.fake.reply_control(Reply::Drop);
    house.fake.set_thread_owner(json!({"data":[{"thread_owner":{"app_id":PAGE_INBOX,"expiration":1_700_000_000}}]}));
    house.start_transfers();
    house.says("9001", "m_1").await;
    house.orders("9001", house.pass_outside()).await;
    house.owner_becomes("9001", "what thread_owner says", is_external).await;
    assert_eq!(house.fake.calls("/pass_thread_control").len(), 1);
    assert_eq!(house.fake.calls("/thread_owner")[0].query.get("recipient").map(String::as_str), Some("9001"));
}

#[tokio::test]
async fn a_transfer_left_by_a_dead_process_is_settled_by_thread_owner() {
    let house = House::build().await;
    house.allow_external().await;
    house.says("9001", "m_1").await;
    // Nobody carries it out: the process that began it is gone.
    house.orders("9001", house.pass_outside()).await;
    house.fake.set_thread_owner(json!({"data":[{"thread_owner":{"app_id":PAGE_INBOX}}]}));
    house.start_transfers_with(transfer::Settings {
        stale: Duration::ZERO,
        look: Duration::from_millis(50),
        ..transfer::Settings::default()
    });
    house.owner_becomes("9001", "what thread_owner says", is_external).await;
    assert!(house.fake.calls("/pass_thread_control").is_empty(), "the call is never repeated");
}

#[tokio::test]
async fn a_transfer_about_which_the_platform_tells_nothing_locks_nobody_out_for_ever() {
    let house = House::build().await;
    house.allow_external().await;
    house.says("9001", "m_1").await;
    house.orders("9001", house.pass_outside()).await;
    house.fake.set_thread_owner(json!({"error":{"code":10,"message":"(#10) not allowed"}}));
    let looks = transfer::Settings { stale: Duration::ZERO, look: Duration::from_millis(50), ..transfer::Settings::default() };
    house.start_transfers_with(looks.clone());
    eventually("it is asked again and again", || async { (house.fake.calls("/thread_owner").len() > 2).then_some(()) }).await;
    let in_transfer = async || {
        let found = sqlx::query_scalar("select in_transfer from conversations").fetch_one(&house.database.pool).await;
        found.expect("the conversation")
    };
    assert!(in_transfer().await, "it may still be told");
    house.start_transfers_with(transfer::Settings { given_up: Duration::ZERO, ..looks });
    eventually("it is given up", || async { (!in_transfer().await).then_some(()) }).await;
    assert!(matches!(house.owner("9001").await, Owner::App { app, .. } if app == house.page.bot), "as if it had been refused");
}

#[tokio::test]
async fn a_standby_event_makes_baton_ask_who_holds_the_thread() {
    let house = House::build().await;
    house.fake.set_thread_owner(json!({"data":[{"thread_owner":{"app_id":PAGE_INBOX}}]}));
    house.start_transfers();
    house.says("9001", "m_1").await;
    house.hears("standby", "9001", r#""message":{"mid":"m_2","text":"are you there"}"#).await;
    house.owner_becomes("9001", "the name of the owner", is_external).await;
}

#[tokio::test]
async fn a_person_is_asked_about_once() {
    let house = House::build().await;
    house.fake.set_profile(json!({"first_name":"Anna","last_name":"Kowalska","profile_pic":"https://cdn.example/p.jpg","id":"9001"}));
    let asking = Profiles::new(profiles::Settings::default(), house.ledger.clone(), house.database.store.clone(), house.client.clone());
    tokio::spawn(asking.run(house.stop.clone()));
    // The listener is subscribed before anything is said once it has been polled.
    tokio::task::yield_now().await;
    house.says("9001", "m_1").await;
    let name = || async {
        sqlx::query_scalar::<_, Option<String>>("select first_name from people where person_id = '9001'")
            .fetch_optional(&house.database.pool)
            .await
            .expect("people")
            .flatten()
    };
    assert_eq!(eventually("a profile", name).await, "Anna");
    house.says("9001", "m_2").await;
    house.says("9002", "m_3").await;
    eventually("the second person", || async { (house.fake.calls("/9002").len() == 1).then_some(()) }).await;
    assert_eq!(house.fake.calls("/9001").len(), 1);
}

#[tokio::test]
async fn calls_for_apps_carry_the_pages_token_and_its_proof() {
    let house = House::build().await;
    house.fake.set_profile(json!({"first_name":"Anna"}));
    let (asking, calls) = Upstream::channel();
    tokio::spawn(upstream::serve(house.client.clone(), calls, house.stop.clone()));
    let request = |path: &str| UpstreamRequest {
        page: house.page.id.clone(),
        method: UpstreamMethod::Get,
        path: path.to_owned(),
        query: vec![("fields".to_owned(), "first_name".to_owned())],
        body: serde_json::Map::new(),
        file: None,
    };
    let patience = Duration::from_secs(5);
    assert_eq!(asking.ask(request("9001"), patience).await, Ok(json!({"first_name":"Anna"})));
    let call = &house.fake.calls("/9001")[0];
    assert_eq!(call.path, "/graph/v25.0/9001");
    assert_eq!(call.query.get("access_token").map(String::as_str), Some(TOKEN));
    // printf 'EAAG-page-token' | openssl dgst -sha256 -hmac 'platform-secret'
    assert_eq!(call.query.get("appsecret_proof").map(String::as_str), Some(PROOF));
    house.fake.set_profile(json!({"error":{"code":100,"error_subcode":33,"message":"(#100) no such object"}}));
    let refused = asking.ask(request("9001"), patience).await;
    assert!(matches!(refused, Err(UpstreamError::Refused(error)) if (error.code, error.subcode, error.status) == (100, Some(33), 400)));
    house.fake.set_profile(json!({"error":{"code":190,"message":"Error validating access token"}}));
    assert_eq!(asking.ask(request("9001"), patience).await, Err(UpstreamError::Unavailable), "the app's own token is fine");
}

const PROOF: &str = "05ebc8a89a242751279e3e8290be5c0aec4f904f7dfece24275e35dc1b3fd268";

#[tokio::test]
async fn a_path_stays_below_the_version() {
    let house = House::build().await;
    let request = UpstreamRequest {
        page: house.page.id.clone(),
        method: UpstreamMethod::Get,
        path: "../../admin?x=1#y/%2e%2e/a b".to_owned(),
        query: Vec::new(),
        body: serde_json::Map::new(),
        file: None,
    };
    house.client.call(&request).await;
    let calls = house.fake.calls("");
    assert_eq!(calls.len(), 1);
    assert!(calls[0].path.starts_with("/graph/v25.0/"), "{}", calls[0].path);
}

#[tokio::test]
async fn connecting_a_page_subscribes_it_to_what_baton_needs() {
    let house = House::build().await;
    tokio::spawn(Connections::new(house.database.store.clone(), house.client.clone()).run(house.stop.clone()));
    let subscribed = async |times: usize| {
        let calls = house.fake.calls("/subscribed_apps");
        let noted = "select count(*) from page_connections where subscribed_at is not null";
        let noted: i64 = sqlx::query_scalar(noted).fetch_one(&house.database.pool).await.expect("a number");
        (calls.len() == times && noted == 1).then_some(calls)
    };
    let call = eventually("it is subscribed", || subscribed(1)).await.remove(0);
    assert_eq!(call.path, format!("/graph/v25.0/{}/subscribed_apps", house.page.id));
    let fields = &call.query["subscribed_fields"];
    for needed in ["messages", "standby", "messaging_handovers", "message_echoes", "messaging_postbacks"] {
        assert!(fields.split(',').any(|field| field == needed), "{needed} in {fields}");
    }
    // With another token it is done once more, and by itself before the platform has forgotten it.
    house.renews_token("EAAG-new").await;
    let calls = eventually("it is subscribed with the new token", || subscribed(2)).await;
    assert_eq!(calls[1].query["access_token"], "EAAG-new");
    sqlx::query("update page_connections set subscribed_at = now() - interval '61 minutes'")
        .execute(&house.database.pool)
        .await
        .expect("long ago");
    eventually("it is subscribed again", || subscribed(3)).await;
}
