-- What agents sort conversations by. A tag that is no longer wanted is archived: conversations that carry it keep it.
create table tags (
    tag_id bigint generated always as identity primary key,
    name text not null,
    -- One of a fixed palette, so that every colour reads well in both schemes.
    colour text not null check (colour in ('red', 'orange', 'yellow', 'green', 'teal', 'blue', 'violet', 'grey')),
    archived_at timestamptz,
    created_at timestamptz not null default now()
);
create unique index tags_by_name on tags (lower(name)) where archived_at is null;
