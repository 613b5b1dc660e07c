-- Everything that happened on a Page, in the order of its commits. Append-only; the only copy of a message.
create table log (
    page_id text not null,
    position bigint not null,
    -- Null: about the Page rather than a conversation.
    person_id text,
    -- The database's time of the group that wrote it.
    at timestamptz not null,
    -- The platform's time of the event, milliseconds.
    happened_at bigint not null,
    -- message, echo, postback, …; for control `control`; for the inside `note`, `assigned`, `closed`, …
    kind text not null,
    -- The webhook field an app must have subscribed to hear it; empty: nobody hears it.
    field text not null,
    -- The message it is, or is about.
    mid text,
    -- The app that did it, where one did.
    app_id text,
    -- The agent who did it, where one did.
    user_id bigint,
    -- control::Audience as JSON: who hears it, decided in the transaction that wrote it.
    audience text not null,
    -- The app whose button was tapped.
    button_app text,
    epoch bigint not null,
    -- The item as JSON text, as apps get it; for `control` a control::ControlEvent.
    payload text not null,
    -- Set when an unsend or an erasure has scrubbed the content.
    scrubbed_at timestamptz,
    primary key (page_id, position)
);
create index log_timeline on log (page_id, person_id, position);
