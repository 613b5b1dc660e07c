-- Conversations whose delivery to one app waits: their events from `position` on are read from the timeline once it goes on.
create table parked (
    page_id text not null,
    app_id text not null,
    -- Empty: what concerns the Page rather than a person.
    person_id text not null,
    -- First event that is not delivered.
    position bigint not null,
    -- How often that event has failed. 0: nothing failed, the conversation had more to hear than is held in memory.
    attempts integer not null,
    next_attempt_at timestamptz not null,
    last_error text,
    parked_at timestamptz not null default clock_timestamp(),
    primary key (page_id, app_id, person_id)
);
create index parked_due on parked (page_id, app_id, next_attempt_at);
