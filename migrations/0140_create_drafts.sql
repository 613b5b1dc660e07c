-- What an agent has written in a conversation and not sent: a reply and a note, apart. Nobody else reads it.
create table drafts (
    user_id bigint not null references users (user_id) on delete cascade,
    page_id text not null,
    person_id text not null,
    kind text not null check (kind in ('reply', 'note')),
    -- The text; empty once it was sent or taken out.
    text text not null,
    -- The key of the form it was written in, and how often it had been changed there: an older save never replaces a newer one.
    key text not null,
    edits bigint not null,
    -- The same of what was sent last. A save that was on its way meanwhile does not bring back what has gone out.
    spent text,
    spent_edits bigint not null default 0,
    saved_at timestamptz not null default now(),
    primary key (user_id, page_id, person_id, kind)
);
