-- Events set aside at the end of their schedule. The only gap an app can see; told to the admin.
create table dead_letters (
    page_id text not null,
    app_id text not null,
    position bigint not null,
    person_id text,
    -- 0: never tried. The log no longer had it, or what followed, when its turn came; `last_error` says how much.
    attempts integer not null,
    last_error text,
    at timestamptz not null default clock_timestamp(),
    primary key (page_id, app_id, position)
);
