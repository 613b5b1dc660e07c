//! Properties that hold over any history: random Pages, commands and moments.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

const NAMES: [&str; 5] = ["bot", "inbox", "guest", "spare", "stranger"];
const OUTSIDE: [&str; 3] = ["suite", "other", "autoreply"];

/// A command and how long after the one before it comes.
#[derive(Debug, Clone)]
struct Step {
    wait: i64,
    command: Command,
}

fn an_app() -> impl Strategy<Value = AppId> {
    select(&NAMES[..]).prop_map(app)
}

fn an_outsider() -> impl Strategy<Value = Option<AppId>> {
    prop::option::of(select(&OUTSIDE[..]).prop_map(app))
}

fn some_words() -> impl Strategy<Value = Option<Metadata>> {
    prop::option::of("[a-z]{0,8}".prop_map(|text| Metadata::parse(text).unwrap()))
}

/// A moment of the platform's clock, somewhere around the whole history.
fn a_moment() -> impl Strategy<Value = Timestamp> {
    prop_oneof![(-HOUR..HOUR).prop_map(after), (0..3 * DAY).prop_map(after)]
}

fn a_handover() -> impl Strategy<Value = PlatformHandover> {
    prop_oneof![
        (an_outsider(), some_words()).prop_map(|(previous, metadata)| PlatformHandover::ToUs { previous, metadata }),
        (an_outsider(), some_words()).prop_map(|(app, metadata)| PlatformHandover::ToExternal { app, metadata }),
        (an_outsider(), some_words())
            .prop_map(|(by, metadata)| PlatformHandover::RequestedBy { app: by.unwrap_or_else(|| app("suite")), metadata }),
    ]
}

fn an_outcome() -> impl Strategy<Value = TransferOutcome> {
    select(vec![TransferOutcome::Done, TransferOutcome::Refused { why: None }, TransferOutcome::Unknown])
}

fn from_an_app() -> impl Strategy<Value = Command> {
    let target = prop_oneof![3 => prop::option::of(an_app()), 1 => Just(Some(app("suite"))), 1 => Just(Some(app("263902037430900")))];
    prop_oneof![
        (an_app(), any::<bool>(), prop::option::of(0..12_u64)).prop_map(|(app, action, epoch)| Command::Send {
            app,
            action,
            epoch: epoch.map(Epoch)
        }),
        (an_app(), target, some_words()).prop_map(|(app, target, metadata)| Command::Pass { app, target, metadata }),
        (an_app(), some_words()).prop_map(|(app, metadata)| Command::Take { app, metadata }),
        (an_app(), some_words()).prop_map(|(app, metadata)| Command::Request { app, metadata }),
        (an_app(), an_app()).prop_map(|(app, requester)| Command::Decline { app, requester }),
        (an_app(), some_words()).prop_map(|(app, metadata)| Command::Release { app, metadata }),
        (an_app(), -DAY..8 * DAY).prop_map(|(app, duration_ms)| Command::Extend { app, duration_ms }),
    ]
}

fn from_the_platform() -> impl Strategy<Value = Command> {
    prop_oneof![
        4 => (any::<bool>(), a_moment()).prop_map(|(message, at)| Command::PersonActs { message, at }),
        1 => a_moment().prop_map(|at| Command::PlatformStandby { at }),
        1 => (an_outsider(), a_moment()).prop_map(|(app, at)| Command::ForeignEcho { app, at }),
        2 => (a_handover(), a_moment()).prop_map(|(event, at)| Command::PlatformHandover { event, at }),
        2 => (an_outsider(), any::<bool>(), a_moment()).prop_map(|(app, holds, at)| Command::ExternalOwner { app, holds, at }),
        1 => (a_moment(), an_outcome()).prop_map(|(begun_at, outcome)| Command::TransferDone { begun_at, outcome }),
        1 => Just(Command::Tick),
    ]
}

fn a_step() -> impl Strategy<Value = Step> {
    let wait = prop_oneof![4 => 0..10 * SECOND, 2 => Just(31 * SECOND), 1 => 0..2 * DAY];
    (wait, prop_oneof![3 => from_an_app(), 2 => from_the_platform()]).prop_map(|(wait, command)| Step { wait, command })
}

fn a_health() -> impl Strategy<Value = Health> {
    prop_oneof![4 => Just(Health::Up), 1 => (-2 * HOUR..HOUR).prop_map(|at| Health::Down { since: after(at) }), 1 => Just(Health::Disabled)]
}

fn a_page() -> impl Strategy<Value = PageRules> {
    let answering = (prop::option::of(an_app()), prop::option::of(an_app()));
    let times = (prop_oneof![Just(DAY), 0..2 * HOUR], 0..60 * SECOND, prop_oneof![Just(HOUR), Just(0)], any::<bool>());
    (answering, times, vec((a_health(), any::<bool>()), 4)).prop_map(|((default_app, fallback_app), times, apps)| {
        let (lease_ms, request_deadline_ms, implied_ms, lapse) = times;
        let mut rules = zero_config();
        for (name, (health, may_take)) in NAMES.iter().zip(apps) {
            rules.apps.insert(app(name), AppRules { may_take, human: false, health });
        }
        let at_deadline = if lapse { AtDeadline::Lapse } else { AtDeadline::Grant };
        PageRules { default_app, fallback_app, lease_ms, request_deadline_ms, implied_ms, at_deadline, ..rules }
    })
}

/// What the row of a person's message or of an echo does by itself, besides the control events written with it.
fn renewed_by(control: &Control, decided: &Control) -> Control {
    let mut renewed = control.clone();
    if renewed.owner.is_same_holder(&decided.owner) {
        renewed.owner = decided.owner.clone();
    }
    renewed
}

/// Everything a single decision must keep.
fn check(before: &Control, rules: &PageRules, command: &Command, now: Timestamp, decision: &Decision) -> Result<(), TestCaseError> {
    let mut last = before.clone();
    for event in &decision.events {
        let moved = !last.owner.is_same_holder(&event.after.owner);
        prop_assert_eq!(event.after.epoch, if moved { last.epoch.next() } else { last.epoch }, "the epoch counts changes of owner");
        prop_assert_eq!(&event.new_owner, &event.after.owner.app().cloned());
        prop_assert!(event.after.changed_at >= last.changed_at && event.after.changed_at <= now);
        prop_assert!(event.told.iter().all(|app| rules.is_active(app)), "only apps on the Page are told");
        last = event.after.clone();
    }
    let renews = matches!(command, Command::PersonActs { message: true, .. } | Command::ForeignEcho { .. });
    prop_assert_eq!(
        if renews { renewed_by(&last, &decision.control) } else { last },
        decision.control.clone(),
        "the events give the state"
    );
    prop_assert!(decision.control.owner.local().is_none_or(|app| rules.is_active(app)), "no gone app owns");
    let mut requesters: Vec<_> = decision.control.requests.iter().map(|request| &request.app).collect();
    requesters.sort_unstable();
    requesters.dedup();
    prop_assert_eq!(requesters.len(), decision.control.requests.len(), "one request an app");
    prop_assert!(!decision.control.requests.iter().any(|request| Some(&request.app) == decision.control.owner.app()));
    prop_assert!(check_at(&decision.control, rules).is_none_or(|due| due > now), "nothing is left due");
    if let Some(call) = &decision.transfer {
        prop_assert_eq!(decision.control.transfer.as_ref().map(|transfer| &transfer.call), Some(call));
    }
    if let Command::Send { app, action, .. } = command {
        let spoke_idle = *action && decision.control.owner == Owner::Idle;
        // A lease of no length ends in the moment it begins.
        prop_assert!(spoke_idle || rules.lease_ms == 0 || decision.control.owner.local() == Some(app), "only the owner speaks");
        prop_assert!(decision.control.transfer.is_none());
    }
    Ok(())
}

/// More than usual: a history is cheap.
fn many_cases() -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig { cases: 4 * usual.cases, failure_persistence: None, ..usual }
}

proptest! {
    #![proptest_config(many_cases())]

    #[test]
    fn every_history_keeps_the_rules(rules in a_page(), steps in vec(a_step(), 1..40)) {
        let (mut control, mut now) = (Control::default(), after(0));
        for Step { wait, command } in steps {
            now = now.plus_millis(wait);
            let decided = decide(&control, &rules, &command, now);
            prop_assert_eq!(&decided, &decide(&control, &rules, &command, now), "the same question has the same answer");
            if let Ok(decision) = decided {
                check(&control, &rules, &command, now, &decision)?;
                control = decision.control;
            }
        }
    }

    #[test]
    fn the_sweepers_time_makes_no_difference(rules in a_page(), steps in vec(a_step(), 1..20)) {
        let (mut control, mut now) = (Control::default(), after(0));
        for Step { wait, command } in steps {
            now = now.plus_millis(wait);
            let ticked = decide(&control, &rules, &Command::Tick, now).unwrap();
            prop_assert_eq!(&*control.as_of(&rules, now), &ticked.control);
            let direct = decide(&control, &rules, &command, now);
            match (direct, decide(&ticked.control, &rules, &command, now)) {
                (Ok(direct), Ok(second)) => {
                    prop_assert_eq!(&direct.control, &second.control);
                    let events: Vec<_> = ticked.events.into_iter().chain(second.events).collect();
                    prop_assert_eq!(direct.events, events);
                    control = direct.control;
                }
                (direct, second) => prop_assert_eq!(direct.map(|_| ()), second.map(|_| ())),
            }
        }
    }

    #[test]
    fn every_request_ends_by_its_deadline_or_with_the_transfer(rules in a_page(), steps in vec(a_step(), 1..40)) {
        let (mut control, mut now) = (Control::default(), after(0));
        for Step { wait, command } in steps {
            now = now.plus_millis(wait);
            if let Ok(decision) = decide(&control, &rules, &command, now) {
                control = decision.control;
            }
            // A refused command writes nothing; what is due by then counts as decided all the same.
            let present = control.as_of(&rules, now);
            for request in &present.requests {
                prop_assert!(present.transfer.is_some() || request.deadline > now);
            }
        }
        let mut rounds = 0;
        while !control.requests.is_empty() || control.transfer.is_some() {
            let command = control.transfer.as_ref().map_or(Command::Tick, |transfer| {
                Command::TransferDone { begun_at: transfer.begun_at, outcome: TransferOutcome::Refused { why: None } }
            });
            now = now.plus_millis(60 * SECOND);
            control = decide(&control, &rules, &command, now).unwrap().control;
            rounds += 1;
            prop_assert!(rounds <= 2 * NAMES.len(), "{control:?}");
        }
    }

    #[test]
    fn the_state_survives_storage(rules in a_page(), steps in vec(a_step(), 1..20)) {
        let (mut control, mut now) = (Control::default(), after(0));
        for Step { wait, command } in steps {
            now = now.plus_millis(wait);
            if let Ok(decision) = decide(&control, &rules, &command, now) {
                control = serde_json::from_str(&serde_json::to_string(&decision.control).unwrap()).unwrap();
                prop_assert_eq!(&control, &decision.control);
                let events: Vec<ControlEvent> = serde_json::from_str(&serde_json::to_string(&decision.events).unwrap()).unwrap();
                prop_assert_eq!(events, decision.events);
            }
        }
    }
}
