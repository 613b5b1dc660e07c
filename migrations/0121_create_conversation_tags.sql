-- Which conversations carry which tags. Apart from `conversations`, which only the ledger writes.
create table conversation_tags (
    page_id text not null,
    person_id text not null,
    tag_id bigint not null references tags,
    added_by bigint references users on delete set null,
    added_at timestamptz not null default now(),
    primary key (page_id, person_id, tag_id)
);
create index conversation_tags_by_tag on conversation_tags (tag_id, page_id, person_id);
create index conversation_tags_by_user on conversation_tags (added_by) where added_by is not null;
