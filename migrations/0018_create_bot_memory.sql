-- What an in-process app has collected in a conversation. Written in the transaction that accepts its reply, guarded by `version`.
create table bot_memory (
    page_id text not null,
    person_id text not null,
    app_id text not null,
    version bigint not null,
    value jsonb not null,
    primary key (page_id, person_id, app_id)
);
