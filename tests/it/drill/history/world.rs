//! A Page with everybody on it, who do whatever they may at random through two processes, while each notes what it asked, when, and what it
//! was told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::model::{Answer, App as Cast, Call, Ms, Rules};
use super::search::{NEVER, Op};
use crate::harness::running::{Agent, Answer as Told, App, PAGE, PLATFORM_APP, Person, Running};

/// The apps on the Page: bot, desk, clerk and inbox.
const CAST: usize = 4;

/// Two apps beside Baton.
const OUTSIDE: [(&str, Cast); 2] = [("263902037430900", Cast(10)), ("413038776280800", Cast(11))];

/// An app that is on no Page.
const STRANGER: &str = "777000777000";

const BOT: Cast = Cast(0);
const DESK: Cast = Cast(1);
const INBOX: Cast = Cast(3);

/// Short enough that leases end and deadlines come within a history.
const LEASE: Ms = 1_500;
const DEADLINE: Ms = 700;
const IMPLIED: Ms = 1_000;

/// Now, by the machine's clock.
pub fn now_ms() -> Ms {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    Ms::try_from(since.as_millis()).expect("milliseconds")
}

/// What has been noted: whose conversation, and the op.
#[derive(Clone, Default)]
pub struct Record(Arc<Mutex<Vec<(String, Op)>>>);

impl Record {
    fn note(&self, person: &Person, op: Op) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((person.psid.clone(), op));
    }

    /// How much so far.
    pub fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Everything, by conversation.
    pub fn by_person(&self) -> BTreeMap<String, Vec<Op>> {
        let mut all: BTreeMap<String, Vec<Op>> = BTreeMap::new();
        for (person, op) in self.0.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            all.entry(person.clone()).or_default().push(op.clone());
        }
        all
    }
}

/// The Page, its apps and agents.
pub struct World {
    /// In the order of the cast, without the inbox.
    apps: [App; 3],
    inbox: String,
    agents: [Agent; 2],
    agent_ids: [String; 2],
}

impl World {
    /// A bot that answers first, a desk that may take, a clerk who may not, and an inbox with two agents; leases and deadlines are short.
    pub async fn make(running: &Running) -> Self {
        let bot = running.add_app("Bot", &["--default", "--fields", "messages,standby"]).await;
        let desk = running.add_app("Desk", &["--may-take", "--fields", "messages,standby"]).await;
        let clerk = running.add_app("Clerk", &["--fields", "messages,standby"]).await;
        let inbox = running.add_inbox().await;
        let millis = |time: Ms| format!("{time}ms");
        let (lease, deadline, implied) = (millis(LEASE), millis(DEADLINE), millis(IMPLIED));
        running
            .command(&[
                "page",
                "set",
                "--page",
                PAGE,
                "--lease",
                &lease,
                "--request-deadline",
                &deadline,
                "--at-deadline",
                "grant",
                "--implied",
                &implied,
            ])
            .await;
        let mut agents = Vec::new();
        for (email, name) in [("anna@example.org", "Anna"), ("ben@example.org", "Ben")] {
            let password = running.add_user(email, name, "agent").await;
            agents.push(Agent::log_in(running.baton(), email, &password).await);
        }
        let agents: [Agent; 2] = agents.try_into().ok().expect("two");
        let ids: Vec<i64> =
            sqlx::query_scalar("select user_id from users order by email").fetch_all(&running.database.pool).await.expect("users");
        let agent_ids = [ids[0].to_string(), ids[1].to_string()];
        Self { apps: [bot, desk, clerk], inbox, agents, agent_ids }
    }

    /// The rules of the Page, for the model.
    pub fn rules() -> Rules {
        Rules { default: BOT, may_take: vec![DESK, INBOX], inbox: INBOX, lease: LEASE, deadline: DEADLINE, implied: IMPLIED }
    }

    fn id(&self, app: Cast) -> &str {
        match usize::from(app.0) {
            number @ 0..=2 => &self.apps[number].id,
            _ => &self.inbox,
        }
    }

    fn cast(&self, id: &str) -> Option<Cast> {
        let local = (0..CAST as u8).map(Cast).find(|app| self.id(*app) == id);
        local.or_else(|| OUTSIDE.iter().find(|(known, _)| *known == id).map(|(_, app)| *app))
    }

    /// Everybody acts so often, each one thing after another, in these conversations through both processes. What they noted, once all
    /// have finished.
    pub fn act(self: &Arc<Self>, running: &Running, people: &[Person], times: usize, seed: u64) -> (JoinSet<()>, Record) {
        let bases: Vec<String> = running.batons.iter().map(|baton| baton.base.clone()).collect();
        let record = Record::default();
        let mut actors = JoinSet::new();
        for actor in 0..6_u64 {
            let scene = Scene { world: Arc::clone(self), people: people.to_vec(), bases: bases.clone(), record: record.clone() };
            let dice = StdRng::seed_from_u64(seed + actor);
            let sandbox = running.sandbox.base.clone();
            let http = running.http.clone();
            actors.spawn(async move {
                match actor {
                    0..=2 => scene.app(Cast(u8::try_from(actor).expect("small")), dice, times).await,
                    3 | 4 => scene.agent(usize::from(actor == 4), dice, times).await,
                    _ => scene.platform(&sandbox, &http, dice, times).await,
                }
            });
        }
        (actors, record)
    }

    /// What the platform told Baton, as it noted itself: each event is an op from its first attempt to the attempt that was acknowledged.
    pub fn told_by_platform(&self, attempts: &[Value]) -> Vec<(String, Op)> {
        let mut ops: BTreeMap<String, (String, Op)> = BTreeMap::new();
        for attempt in attempts {
            let entry = &attempt["body"]["entry"][0];
            let standby = entry["standby"].is_array();
            let item = if standby { &entry["standby"][0] } else { &entry["messaging"][0] };
            let Some(call) = self.event(item, standby) else { continue };
            let start = attempt["at"].as_i64().expect("a time");
            let person = attempt["psid"].as_str().expect("a person").to_owned();
            let by = "the platform".to_owned();
            let (_, op) = ops.entry(item.to_string()).or_insert_with(|| (person, Op { by, call, start, end: NEVER, answer: Answer::Lost }));
            if attempt["status"] == 200 {
                op.end = op.end.min(start + attempt["took_ms"].as_i64().expect("a time") + 1);
                op.answer = Answer::Done;
            }
        }
        ops.into_values().collect()
    }

    /// What an event means for control, if anything.
    fn event(&self, item: &Value, standby: bool) -> Option<Call> {
        let at = item["timestamp"].as_i64()?;
        let echo_of = (item["message"]["is_echo"] == true).then(|| id_of(&item["message"]["app_id"]));
        for handover in ["take_thread_control", "pass_thread_control"] {
            if let Some(new) = item[handover]["new_owner_app_id"].as_str() {
                return Some(if new == PLATFORM_APP { Call::HandedBack(at) } else { Call::HandedOver(self.cast(new)?, at) });
            }
        }
        match (echo_of.as_deref(), standby) {
            (Some(PLATFORM_APP), _) => None,
            (Some(app), false) => Some(Call::Echo(self.cast(app)?, at)),
            (_, true) => Some(Call::Standby(at)),
            (None, false) => item["message"]["text"].is_string().then_some(Call::Message(at)),
        }
    }
}

fn id_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// What one actor has before it.
struct Scene {
    world: Arc<World>,
    people: Vec<Person>,
    bases: Vec<String>,
    record: Record,
}

impl Scene {
    fn person(&self, dice: &mut StdRng) -> Person {
        self.people[dice.random_range(0..self.people.len())].clone()
    }

    /// An app acts over the Graph API.
    async fn app(&self, me: Cast, mut dice: StdRng, times: usize) {
        for number in 0..times {
            let (person, process) = (self.person(&mut dice), dice.random_range(0..self.bases.len()));
            let app = self.world.apps[usize::from(me.0)].through(&self.bases[process]);
            let other = Cast(dice.random_range(0..CAST as u8));
            let call = match dice.random_range(0..100) {
                0..24 => Call::Send(me),
                24..36 => Call::Pass(me, dice.random_bool(0.9).then_some(other)),
                36..48 => Call::Take(me),
                48..60 => Call::Request(me),
                60..66 => Call::Decline(me, other),
                66..76 => Call::Release(me),
                76..80 => Call::Extend(me, 2_000),
                _ => Call::Read(me),
            };
            let start = now_ms();
            let told = self.ask(&app, &person, &call, number).await;
            let answer = match told {
                Err(error) if error.is_connect() => Answer::NotDone,
                Err(_) => Answer::Lost,
                Ok(told) => self.understand(&call, &told),
            };
            let by = format!("{} at process {process}", ["bot", "desk", "clerk"][usize::from(me.0)]);
            self.record.note(&person, Op { by, call, start, end: now_ms(), answer });
            tokio::time::sleep(Duration::from_millis(dice.random_range(0..120))).await;
        }
    }

    async fn ask(&self, app: &App, person: &Person, call: &Call, number: usize) -> reqwest::Result<Told> {
        let recipient = json!({"id": person.psid});
        let (edge, more) = match call {
            Call::Send(_) => return app.messages(person, json!({"text": format!("{} says {number}", app.id)}), None).await,
            Call::Read(_) => return app.thread_owner(person).await,
            Call::Pass(_, target) => {
                ("pass_thread_control", json!({"target_app_id": target.map_or(STRANGER, |target| self.world.id(target))}))
            }
            Call::Take(_) => ("take_thread_control", json!({})),
            Call::Request(_) => ("request_thread_control", json!({})),
            Call::Decline(_, requester) => ("decline_thread_control", json!({"target_app_id": self.world.id(*requester)})),
            Call::Release(_) => ("release_thread_control", json!({})),
            Call::Extend(_, by) => ("extend_thread_control", json!({"duration": by / 1000})),
            _ => panic!("no call of an app: {call:?}"),
        };
        let mut body = more;
        body["recipient"] = recipient;
        app.try_control(edge, &body).await
    }

    /// What an answer of the Graph API says. Code 2 on a send that is not to be repeated says that it was accepted.
    fn understand(&self, call: &Call, told: &Told) -> Answer {
        let error = &told.body["error"];
        let pending = error["message"].as_str().is_some_and(|message| message.contains("transfer of thread control is pending"));
        match (told.error(), call) {
            (None, Call::Read(_)) => match told.body["data"].get(0) {
                None => Answer::Idle,
                Some(shown) => {
                    shown["thread_owner"]["app_id"].as_str().and_then(|id| self.world.cast(id)).map_or(Answer::Held, Answer::HeldBy)
                }
            },
            (None, _) if told.status == 200 => Answer::Done,
            (Some((2, _)), _) if pending => Answer::NotDone,
            (Some((2, _)), Call::Send(_)) if error["is_transient"] != true => Answer::Done,
            (Some((1 | 2 | 613, _)), _) | (None, _) => Answer::Lost,
            (Some((code, subcode)), _) => Answer::Refused(code, subcode),
        }
    }

    /// An agent acts with the inbox's forms.
    async fn agent(&self, me: usize, mut dice: StdRng, times: usize) {
        for number in 0..times {
            let (person, process) = (self.person(&mut dice), dice.random_range(0..self.bases.len()));
            let agent = self.world.agents[me].through(&self.bases[process]);
            let (call, form, fields) = match dice.random_range(0..100) {
                0..30 => (Call::Take(INBOX), "control", vec![("action", "take".to_owned())]),
                30..50 => (Call::Send(INBOX), "send", vec![("text", format!("agent {me} writes {number}"))]),
                50..65 => (Call::Release(INBOX), "control", vec![("action", "release".to_owned())]),
                65..75 => (Call::Request(INBOX), "control", vec![("action", "request".to_owned())]),
                75..85 => (Call::Close, "control", vec![("action", "close".to_owned())]),
                85..93 => {
                    let to = self.world.agent_ids[dice.random_range(0..2)].clone();
                    (Call::Assign, "control", vec![("action", "assign".to_owned()), ("to", to)])
                }
                _ => {
                    let target = Cast(dice.random_range(0..3));
                    (
                        Call::Pass(INBOX, Some(target)),
                        "control",
                        vec![("action", String::new()), ("target", self.world.id(target).to_owned())],
                    )
                }
            };
            let start = now_ms();
            let told = agent.post(&format!("/inbox/{PAGE}/{}/{form}", person.psid), &fields).await;
            let answer = match told {
                Err(error) if error.is_connect() => Answer::NotDone,
                Err(_) => Answer::Lost,
                Ok(200 | 303) if call.may_be_pending() => Answer::Begun,
                Ok(200 | 303) => Answer::Done,
                // A conversation that the platform is just being asked about can be taken or requested by nobody.
                Ok(409) if call.may_be_pending() => Answer::NotDone,
                Ok(409) => Answer::Conflict,
                Ok(404) => Answer::NotDone,
                Ok(408 | 500..) => Answer::Lost,
                Ok(status) => panic!("{call:?}: {status}"),
            };
            let by = format!("{} at process {process}", ["Anna", "Ben"][me]);
            self.record.note(&person, Op { by, call, start, end: now_ms(), answer });
            tokio::time::sleep(Duration::from_millis(dice.random_range(0..120))).await;
        }
    }

    /// The person writes, and the platform tells of apps beside Baton. The platform notes itself what it told.
    async fn platform(&self, sandbox: &str, http: &reqwest::Client, mut dice: StdRng, times: usize) {
        for number in 0..times {
            let person = self.person(&mut dice);
            let (theirs, ours) = (json!({"id": person.psid}), json!({"id": PAGE}));
            let outside = OUTSIDE[dice.random_range(0..2)].0;
            let mid = format!("m_{number}_{}", person.psid);
            let handover = |kind: &str, new: &str| {
                let mut item = json!({"sender": theirs, "recipient": ours});
                item[kind] = json!({"new_owner_app_id": new, "metadata": number.to_string()});
                item
            };
            let (channel, item) = match dice.random_range(0..100) {
                0..55 => {
                    person.says(&format!("message {number}")).await;
                    tokio::time::sleep(Duration::from_millis(dice.random_range(0..120))).await;
                    continue;
                }
                55..70 => (
                    "messaging",
                    json!({"sender": ours, "recipient": theirs, "message": {"is_echo": true, "app_id": outside, "mid": mid, "text": "outside"}}),
                ),
                70..78 => ("standby", json!({"sender": theirs, "recipient": ours, "message": {"mid": mid, "text": "on standby"}})),
                78..92 => ("messaging", handover(["take_thread_control", "pass_thread_control"][dice.random_range(0..2)], outside)),
                _ => ("messaging", handover("pass_thread_control", PLATFORM_APP)),
            };
            let mut item = item;
            // Some of it is a little old.
            item["timestamp"] = json!(now_ms() - if dice.random_bool(0.2) { dice.random_range(0..1_500) } else { 0 });
            let event = json!({"page_id": PAGE, "psid": person.psid, "channel": channel, "item": item});
            http.post(format!("{sandbox}/sandbox/events")).json(&event).send().await.expect("the sandbox answers");
            tokio::time::sleep(Duration::from_millis(dice.random_range(0..120))).await;
        }
    }
}
