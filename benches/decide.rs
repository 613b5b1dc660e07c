//! How long the rules take for the commands of every day.

use std::hint::black_box;

use baton::control::{AppRules, Command, Control, Owner, PageRules, audience_of, decide};
use baton::wire::{AppId, BadId, Object, Timestamp};
use criterion::{Criterion, criterion_group, criterion_main};

/// A Page with three apps, and a conversation that its default app holds.
struct Scene {
    rules: PageRules,
    held: Control,
    bot: AppId,
    inbox: AppId,
    now: Timestamp,
}

impl Scene {
    fn new() -> Result<Self, BadId> {
        let (bot, inbox) = (AppId::parse("1919718111377911")?, AppId::parse("2262510160704936")?);
        let mut rules = PageRules::new(Object::Page);
        rules.default_app = Some(bot.clone());
        rules.inbox_app = Some(inbox.clone());
        rules.apps.insert(bot.clone(), AppRules::default());
        rules.apps.insert(inbox.clone(), AppRules { may_take: true, human: true, ..AppRules::default() });
        rules.apps.insert(AppId::parse("413038776280800")?, AppRules::default());
        let now = Timestamp::from_millis(1_800_000_000_000);
        let owner = Owner::App { app: bot.clone(), until: now.plus_millis(rules.lease_ms) };
        Ok(Self { rules, held: Control { owner, changed_at: now, ..Control::default() }, bot, inbox, now })
    }

    fn commands(&self) -> [(&'static str, Control, Command); 7] {
        let (bot, inbox, at) = (|| self.bot.clone(), || self.inbox.clone(), self.now);
        let (held, idle) = (|| self.held.clone(), Control::default);
        [
            ("message, owned", held(), Command::PersonActs { message: true, at }),
            ("message, idle", idle(), Command::PersonActs { message: true, at }),
            ("send by the owner", held(), Command::Send { app: bot(), action: false, epoch: None }),
            ("send, refused", held(), Command::Send { app: inbox(), action: false, epoch: None }),
            ("pass", held(), Command::Pass { app: bot(), target: Some(inbox()), metadata: None }),
            ("take", held(), Command::Take { app: inbox(), metadata: None }),
            ("request", held(), Command::Request { app: inbox(), metadata: None }),
        ]
    }
}

fn measure(criterion: &mut Criterion) {
    // Ids that are written here are good ones.
    let Ok(scene) = Scene::new() else { return };
    let mut group = criterion.benchmark_group("decide");
    for (name, control, command) in scene.commands() {
        group.bench_function(name, |bencher| bencher.iter(|| decide(black_box(&control), &scene.rules, black_box(&command), scene.now)));
    }
    group.finish();
    criterion.bench_function("audience_of", |bencher| bencher.iter(|| audience_of(black_box(&scene.held), &scene.rules, scene.now)));
}

criterion_group!(benches, measure);
criterion_main!(benches);
