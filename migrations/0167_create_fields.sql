-- What agents write down about people, besides what the platform tells: customer number, size, and so on. One that is no longer wanted is
-- archived: what was written into it stays.
create table fields (
    field_id bigint generated always as identity primary key,
    name text not null,
    archived_at timestamptz,
    created_at timestamptz not null default now()
);
create unique index fields_by_name on fields (lower(name)) where archived_at is null;
