-- Page tokens that Baton issues to apps: only their SHA-256 is kept.
create table app_tokens (
    token_hash bytea primary key,
    page_id text not null,
    app_id text not null,
    created_at timestamptz not null default now(),
    revoked_at timestamptz
);
create index app_tokens_by_app on app_tokens (page_id, app_id);
