-- One person on one Page: the present state, which replaying the log gives as well.
create table conversations (
    page_id text not null,
    person_id text not null,
    -- control::Control as JSON: owner, epoch, requests, transfer.
    control text not null,
    -- Copies of what lists and guards ask for, written with `control` and never apart from it.
    owner text,
    epoch bigint not null,
    -- Newest log row of the conversation. The one indexed column that intake changes.
    last_position bigint not null,
    -- Newest row that shows in a list as the last message; 0: none.
    last_message_position bigint not null default 0,
    -- The database's time of that newest row: never goes back.
    last_at timestamptz not null,
    -- Newest act of the person that opens the messaging window, platform milliseconds.
    last_person_act bigint,
    -- Place of the person's newest message, and of the newest answer to it by anybody.
    last_inbound_position bigint not null default 0,
    last_outbound_position bigint not null default 0,
    -- When the sweeper looks next: an end of a lease or a deadline, re-armed by the sweeper. Null: never.
    check_at timestamptz,
    closed_at timestamptz,
    -- The agent who holds it while the inbox owns it.
    assignee bigint,
    -- The agent whose request for the inbox is pending: once granted, it is theirs.
    requested_by bigint,
    -- Why it needs a person: the metadata of the pass to the inbox, as its app wrote it.
    handover_note text,
    created_at timestamptz not null default now(),
    primary key (page_id, person_id)
);
create index conversations_by_activity on conversations (page_id, last_position desc);
create index conversations_to_check on conversations (check_at) where check_at is not null;
create index conversations_by_assignee on conversations (assignee, page_id, person_id) where assignee is not null;
create index conversations_by_owner on conversations (page_id, owner, last_position desc);
create index conversations_closed on conversations (page_id, closed_at) where closed_at is not null;
