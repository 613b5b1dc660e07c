-- What a Page knows of a person.
create table people (
    page_id text not null,
    person_id text not null,
    name text,
    first_name text,
    last_name text,
    profile_pic text,
    -- Other profile fields the platform gave: locale, timezone, username, …
    more jsonb not null default '{}',
    fetched_at timestamptz not null default clock_timestamp(),
    primary key (page_id, person_id)
);
