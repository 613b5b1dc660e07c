//! The rules of control as the design's table has them, written a second time: what a conversation is, what a call does to it, what time does
//! to it by itself. It shares nothing with `baton::control`, and knows no more of time than an outsider can: when something was is a span.

/// Milliseconds of the machine's clock.
pub type Ms = i64;

/// How far two clock readings of one machine may be apart, with rounding to milliseconds.
const SLACK: Ms = 5;

/// A grant counts from its deadline on, but its lease begins when somebody writes it down: a command that changes something, or the sweeper,
/// which comes by every half second and may be held up.
const NOTICED: Ms = 5_000;

/// Somewhere from the first moment to the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Span {
    pub from: Ms,
    pub to: Ms,
}

impl Span {
    pub fn later(self, by: Ms) -> Self {
        Self { from: self.from.saturating_add(by), to: self.to.saturating_add(by) }
    }

    /// The later of both, wherever each was.
    fn max(self, other: Self) -> Self {
        Self { from: self.from.max(other.from), to: self.to.max(other.to) }
    }

    fn maybe_by(self, moment: Ms) -> bool {
        self.from - SLACK <= moment
    }

    fn surely_by(self, moment: Ms) -> bool {
        self.to + SLACK < moment
    }
}

/// An app, by its place in the cast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct App(pub u8);

/// The rules of the Page.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Answers first.
    pub default: App,
    /// May take control from others, besides the default app.
    pub may_take: Vec<App>,
    /// The app behind the agents' forms.
    pub inbox: App,
    pub lease: Ms,
    pub deadline: Ms,
    pub implied: Ms,
}

/// Who holds a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Holder {
    Nobody,
    Local {
        app: App,
        until: Span,
    },
    /// An app beside Baton; `until` where only its echo was seen, which can be taken from locally and lapses.
    Outside {
        app: Option<App>,
        until: Option<Span>,
    },
}

/// A conversation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    pub holder: Holder,
    /// When the holder last changed.
    pub changed: Span,
    /// Who waits for control, earliest first, and when the Page decides.
    pub requests: Vec<(App, Span)>,
    /// What the platform is being asked for an app, while whoever asked has an answer already: a take or a request.
    pub asked: Option<(Wish, App)>,
}

/// What the platform can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wish {
    Take,
    Request,
}

/// What is asked of a conversation, or happens to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    Send(App),
    /// To this app, or to one that is not on the Page.
    Pass(App, Option<App>),
    Take(App),
    Request(App),
    Decline(App, App),
    Release(App),
    Extend(App, Ms),
    /// `thread_owner`, asked by this app.
    Read(App),
    /// An agent closes the conversation: the inbox lets go of what it holds.
    Close,
    /// An agent makes it theirs, which the inbox must hold.
    Assign,
    /// The person wrote; the platform's time of it.
    Message(Ms),
    /// The platform told it on standby.
    Standby(Ms),
    /// Somebody else's message.
    Echo(App, Ms),
    /// The platform says that control went to an app beside Baton.
    HandedOver(App, Ms),
    /// The platform says that control came to Baton.
    HandedBack(Ms),
}

impl Call {
    /// Whether it may ask the platform, and holds everybody else up until that has answered.
    pub fn may_be_pending(&self) -> bool {
        matches!(self, Self::Take(_) | Self::Request(_))
    }

    /// Whether one of Baton's apps wants to move control or to speak.
    fn moves(&self) -> bool {
        matches!(
            self,
            Self::Send(_) | Self::Pass(..) | Self::Take(_) | Self::Request(_) | Self::Decline(..) | Self::Release(_) | Self::Extend(..)
        )
    }
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Done,
    /// Code and subcode of a refusal by the Graph API.
    Refused(i64, Option<i64>),
    /// A form was refused.
    Conflict,
    /// A form that takes or requests was accepted: it is done, or the platform is being asked.
    Begun,
    /// Nobody holds it.
    Idle,
    /// This app holds it.
    HeldBy(App),
    /// Somebody does.
    Held,
    /// Not done, for reasons that are none of the rules': nobody was there to ask, or a transfer was pending.
    NotDone,
    /// Nothing came back: it may have been done, or be done later, or never.
    Lost,
}

pub const NOT_OWNER_SEND: Answer = Answer::Refused(10, Some(2_018_300));
pub const NOT_OWNER: Answer = Answer::Refused(100, None);
pub const UNKNOWN_TARGET: Answer = Answer::Refused(100, Some(2_018_164));
pub const MAY_NOT_TAKE: Answer = Answer::Refused(27, None);

/// Whether an answer that came back is the one that the rules give. A form has one word for every refusal.
pub fn agrees(given: &Answer, ruled: &Answer) -> bool {
    match given {
        Answer::Conflict => matches!(ruled, Answer::Conflict | Answer::Refused(..)),
        Answer::Begun => matches!(ruled, Answer::Begun | Answer::Done),
        _ => given == ruled,
    }
}

impl Default for State {
    fn default() -> Self {
        Self { holder: Holder::Nobody, changed: Span { from: Ms::MIN / 4, to: Ms::MIN / 4 }, requests: Vec::new(), asked: None }
    }
}

impl State {
    /// What a call does at a moment in this span, and how it is answered: every way that is possible. `pending` tells whether the platform
    /// may just be asked to move control.
    pub fn call(&self, rules: &Rules, call: &Call, when: Span, pending: bool) -> Vec<(Answer, Self)> {
        let same = || self.clone();
        let pending = pending || self.asked.is_some();
        if self.asked.is_some() && call.moves() {
            // Everybody is told to come again, for which a form has no word of its own.
            return vec![(Answer::Conflict, same())];
        }
        match *call {
            Call::Send(app) if self.is_held_by(app) => vec![(Answer::Done, same())],
            Call::Send(app) if self.may_begin(rules, app) => vec![(Answer::Done, self.held(rules, app, when))],
            Call::Send(_) => vec![(NOT_OWNER_SEND, same())],
            Call::Pass(app, _) if !self.is_held_by(app) && !self.may_begin(rules, app) => vec![(NOT_OWNER, same())],
            Call::Pass(_, None) => vec![(UNKNOWN_TARGET, same())],
            Call::Pass(_, Some(target)) if self.is_held_by(target) => vec![(Answer::Done, same())],
            Call::Pass(_, Some(target)) => vec![(Answer::Done, self.held(rules, target, when))],
            Call::Take(app) if self.is_held_by(app) => vec![(Answer::Done, same())],
            Call::Take(app) if app != rules.default && !rules.may_take.contains(&app) => vec![(MAY_NOT_TAKE, same())],
            Call::Take(app) => {
                let mut ways = vec![(Answer::Done, self.held(rules, app, when))];
                ways.extend(self.asking(Wish::Take, app));
                ways
            }
            Call::Request(app) => self.request(rules, app, when),
            Call::Decline(app, requester) => vec![self.decline(rules, app, requester)],
            Call::Release(app) if self.is_held_by(app) => vec![(Answer::Done, self.with_holder(Holder::Nobody, when))],
            Call::Extend(app, by) => vec![self.extend(app, when.later(by))],
            Call::Release(_) => vec![(NOT_OWNER, same())],
            Call::Read(app) => vec![(self.seen_by(rules, app), same())],
            Call::Close if self.is_held_by(rules.inbox) => vec![(Answer::Done, self.with_holder(Holder::Nobody, when))],
            Call::Close => vec![(Answer::Done, same())],
            Call::Assign if self.is_held_by(rules.inbox) => vec![(Answer::Done, same())],
            Call::Assign => vec![(Answer::Conflict, same())],
            Call::Message(at) => {
                self.evidence(at, pending, |state| state.message_on_messaging(rules, when), |state| state.message(rules, when))
            }
            Call::Standby(at) => self.evidence(at, pending, |state| state.outside(None, when), same_as),
            Call::Echo(app, at) => self.evidence(at, pending, |state| state.echo(rules, app, when), same_as),
            Call::HandedOver(app, at) => self.evidence(at, pending, |state| state.outside(Some(app), when), same_as),
            Call::HandedBack(at) => self.evidence(at, pending, |state| state.welcome(rules, when), same_as),
        }
    }

    /// What the platform tells moves control if it is not older than the last change, and if the platform is not just being asked to move
    /// it: then the answer says more.
    fn evidence(&self, at: Ms, pending: bool, fresh: impl Fn(&Self) -> Self, stale: impl Fn(&Self) -> Self) -> Vec<(Answer, Self)> {
        let mut ways = Vec::new();
        if self.changed.from - SLACK <= at {
            let mut after = fresh(self);
            // It counts from when it happened there, if that was earlier than when Baton heard of it.
            let changed = Span { from: after.changed.from.min(at), to: after.changed.to.min(at) };
            after.changed = changed.max(self.changed);
            ways.push((Answer::Done, after));
        }
        if self.changed.to + SLACK > at || (pending && self.is_outside_for_sure()) {
            ways.push((Answer::Done, stale(self)));
        }
        ways
    }

    /// What time may do by itself up to the end of this span, one thing at a time: when that is, and the state afterwards.
    pub fn elapse(&self, rules: &Rules, when: Span) -> Vec<(Ms, Self)> {
        let mut ways = Vec::new();
        let (lapse, deadline) = (self.lapse(), self.deadline());
        let first = |due: Span, other: Option<Span>| other.is_none_or(|other| due.from - SLACK <= other.to + SLACK);
        if let Some(due) = lapse.filter(|due| due.maybe_by(when.to) && first(*due, deadline)) {
            ways.push((due.from, self.with_holder(Holder::Nobody, due)));
        }
        if let Some(due) = deadline.filter(|due| due.maybe_by(when.to) && first(*due, lapse)) {
            let now = Span { from: when.from.max(due.from), to: when.to + NOTICED };
            ways.push((due.from, self.decided(rules, now)));
        }
        if let Some((wish, app)) = self.asked {
            ways.extend(self.granted(rules, wish, app, when).into_iter().map(|after| (when.from, after)));
        }
        // An app outside that has no name is asked for, and the platform says that there is none.
        if self.holder == (Holder::Outside { app: None, until: None }) {
            // That counts from when it was asked.
            let mut after = self.with_holder(Holder::Nobody, when);
            after.changed.from = self.changed.from;
            ways.push((when.from, after));
        }
        ways
    }

    /// Whether time must have done something by now that is not done here.
    pub fn is_overdue(&self, now: Ms, pending: bool) -> bool {
        let waits = self.asked.is_some() || (pending && self.is_outside_for_sure());
        self.lapse().is_some_and(|due| due.surely_by(now)) || (!waits && self.deadline().is_some_and(|due| due.surely_by(now)))
    }

    fn lapse(&self) -> Option<Span> {
        match self.holder {
            Holder::Local { until, .. } | Holder::Outside { until: Some(until), .. } => Some(until),
            Holder::Nobody | Holder::Outside { until: None, .. } => None,
        }
    }

    fn deadline(&self) -> Option<Span> {
        self.requests.first().map(|(_, deadline)| *deadline)
    }

    /// The earliest request is granted at its deadline, and the others lapse; all lapse where an app outside holds the conversation for sure.
    fn decided(&self, rules: &Rules, now: Span) -> Self {
        let mut after = self.clone();
        after.requests.clear();
        match self.requests.first() {
            Some((app, _)) if !self.is_outside_for_sure() => after.held(rules, *app, now),
            _ => after,
        }
    }

    fn is_held_by(&self, wanted: App) -> bool {
        matches!(self.holder, Holder::Local { app, .. } if app == wanted)
    }

    fn is_outside_for_sure(&self) -> bool {
        matches!(self.holder, Holder::Outside { until: None, .. })
    }

    fn may_begin(&self, rules: &Rules, app: App) -> bool {
        self.holder == Holder::Nobody && app == rules.default
    }

    fn held(&self, rules: &Rules, app: App, now: Span) -> Self {
        self.with_holder(Holder::Local { app, until: now.later(rules.lease) }, now)
    }

    /// Another holder from this moment on, unless it is the same: to learn its name, or to have it for longer, is no change.
    fn with_holder(&self, holder: Holder, now: Span) -> Self {
        let same = match (&self.holder, &holder) {
            (Holder::Nobody, Holder::Nobody) => true,
            (Holder::Local { app: one, .. }, Holder::Local { app: two, .. }) => one == two,
            (Holder::Outside { app: one, .. }, Holder::Outside { app: two, .. }) => one.is_none() || two.is_none() || one == two,
            _ => false,
        };
        let mut after = self.clone();
        if !same {
            after.changed = self.changed.max(now);
        }
        if let Holder::Local { app, .. } = holder {
            after.requests.retain(|(waiting, _)| *waiting != app);
        }
        after.holder = holder;
        after
    }

    /// A repetition keeps its deadline. Where an app outside holds the conversation the platform is asked, and may give it at once.
    fn request(&self, rules: &Rules, app: App, when: Span) -> Vec<(Answer, Self)> {
        if self.is_held_by(app) {
            return vec![(NOT_OWNER, self.clone())];
        }
        let mut waiting = self.clone();
        if !self.requests.iter().any(|(known, _)| *known == app) {
            waiting.requests.push((app, when.later(rules.deadline)));
        }
        let mut ways = vec![(Answer::Done, waiting)];
        if self.is_outside_for_sure() {
            ways.push((Answer::Done, self.held(rules, app, when)));
            ways.extend(self.asking(Wish::Request, app));
        }
        ways
    }

    /// Where an app outside holds the conversation for sure, the platform is asked.
    fn asking(&self, wish: Wish, app: App) -> Option<(Answer, Self)> {
        self.is_outside_for_sure().then(|| (Answer::Begun, Self { asked: Some((wish, app)), ..self.clone() }))
    }

    /// The platform does what it was asked.
    fn granted(&self, rules: &Rules, wish: Wish, app: App, now: Span) -> Vec<Self> {
        let before = Self { asked: None, ..self.clone() };
        match wish {
            Wish::Take => vec![before.held(rules, app, now)],
            Wish::Request => {
                before.request(rules, app, now).into_iter().map(|(_, after)| after).filter(|after| after.asked.is_none()).collect()
            }
        }
    }

    fn decline(&self, rules: &Rules, app: App, requester: App) -> (Answer, Self) {
        let mut after = self.clone();
        after.requests.retain(|(waiting, _)| *waiting != requester);
        let may = self.is_held_by(app) || app == rules.default;
        if may && after.requests.len() < self.requests.len() { (Answer::Done, after) } else { (NOT_OWNER, self.clone()) }
    }

    fn extend(&self, app: App, wanted: Span) -> (Answer, Self) {
        match self.holder {
            Holder::Local { app: owner, until } if owner == app => {
                (Answer::Done, Self { holder: Holder::Local { app, until: until.max(wanted) }, ..self.clone() })
            }
            _ => (NOT_OWNER, self.clone()),
        }
    }

    fn seen_by(&self, rules: &Rules, reader: App) -> Answer {
        let knows = reader == rules.default || self.is_held_by(reader);
        match self.holder {
            Holder::Nobody => Answer::Idle,
            Holder::Local { app, .. } | Holder::Outside { app: Some(app), .. } if knows => Answer::HeldBy(app),
            _ => Answer::Held,
        }
    }

    /// Told on `messaging`: no app outside holds the conversation for sure.
    fn message_on_messaging(&self, rules: &Rules, now: Span) -> Self {
        let state = if self.is_outside_for_sure() { self.with_holder(Holder::Nobody, now) } else { self.clone() };
        state.message(rules, now)
    }

    /// The owner's lease is renewed; what nobody holds goes to the default app.
    fn message(&self, rules: &Rules, now: Span) -> Self {
        match self.holder {
            Holder::Nobody => self.held(rules, rules.default, now),
            Holder::Local { app, until } => {
                Self { holder: Holder::Local { app, until: until.max(now.later(rules.lease)) }, ..self.clone() }
            }
            Holder::Outside { .. } => self.clone(),
        }
    }

    fn outside(&self, named: Option<App>, now: Span) -> Self {
        let known = match self.holder {
            Holder::Outside { app, .. } if named.is_none() => app,
            _ => named,
        };
        self.with_holder(Holder::Outside { app: known, until: None }, now)
    }

    fn echo(&self, rules: &Rules, app: App, now: Span) -> Self {
        let lapse = now.later(rules.implied);
        match self.holder {
            Holder::Outside { until: None, .. } => self.outside(Some(app), now),
            Holder::Outside { app: known, until: Some(until) } if known == Some(app) => {
                Self { holder: Holder::Outside { app: known, until: Some(until.max(lapse)) }, ..self.clone() }
            }
            _ => self.with_holder(Holder::Outside { app: Some(app), until: Some(lapse) }, now),
        }
    }

    /// Control that comes back goes to whoever waits for it, else to the default app.
    fn welcome(&self, rules: &Rules, now: Span) -> Self {
        match self.holder {
            Holder::Local { .. } => self.clone(),
            _ => self.held(rules, self.requests.first().map_or(rules.default, |(app, _)| *app), now),
        }
    }
}

fn same_as(state: &State) -> State {
    state.clone()
}
