-- What has been seen: 16 bytes of SHA-256 over kind and mid (and a little more for some kinds). Forgotten after 7 days.
create table duplicates (
    page_id text not null,
    hash bytea not null,
    seen_at timestamptz not null,
    primary key (page_id, hash)
);
create index duplicates_by_age on duplicates using brin (seen_at);
