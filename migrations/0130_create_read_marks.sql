-- How far each agent has read each conversation. Apart from `conversations`, which only the ledger writes.
create table read_marks (
    user_id bigint not null references users on delete cascade,
    page_id text not null,
    person_id text not null,
    -- The newest position they have seen.
    position bigint not null,
    -- They marked it unread: seeing it change does not undo that, opening it does.
    kept_unread boolean not null default false,
    primary key (user_id, page_id, person_id)
);
