-- The Messenger profile of a Page (get started, greeting, persistent menu, …) as the apps set it, and who set each property.
create table page_profiles (
    page_id text not null,
    property text not null,
    value jsonb not null,
    app_id text not null,
    set_at timestamptz not null default clock_timestamp(),
    primary key (page_id, property)
);
