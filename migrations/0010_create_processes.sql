-- The processes that share this database. One that has not renewed its heartbeat for 8 seconds holds no lease.
create table processes (
    process_id bigint generated always as identity primary key,
    name text not null,
    started_at timestamptz not null default clock_timestamp(),
    heartbeat_at timestamptz not null default clock_timestamp()
);
