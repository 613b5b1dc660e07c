-- What could not be read or stored: kept raw, counted, acknowledged, shown to the admin.
create table quarantine (
    quarantine_id bigint generated always as identity primary key,
    page_id text,
    received_at timestamptz not null default clock_timestamp(),
    reason text not null,
    raw text not null
);
