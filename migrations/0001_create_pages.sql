-- One row a Page (or Instagram account). The row is the head of its log: whoever holds its lock may read and write everything of the Page.
create table pages (
    page_id text primary key,
    object text not null check (object in ('page', 'instagram')),
    name text not null,
    -- The Page's own token on the platform, sealed. Null: no token yet, so nothing can be sent.
    token_sealed bytea,
    -- For Instagram: the linked Page through which control calls go.
    linked_page_id text,
    -- Place of the newest log row; positions are consecutive from 1.
    last_position bigint not null default 0,
    -- Id of the newest send; consecutive from 1.
    last_send bigint not null default 0,
    -- Grows with every change of the Page's rules or apps, so that cached rules are known to be old.
    rules_version bigint not null default 1,
    default_app text,
    fallback_app text,
    -- Platform apps beside Baton to which passes are allowed.
    external_apps text[] not null default '{}',
    -- Platform apps whose echoes never count as taking control.
    automation_apps text[] not null default '{}',
    lease_ms bigint not null default 86400000 check (lease_ms > 0),
    request_deadline_ms bigint not null default 30000 check (request_deadline_ms >= 0),
    at_deadline text not null default 'grant' check (at_deadline in ('grant', 'lapse')),
    implied_ms bigint not null default 3600000 check (implied_ms >= 0),
    -- Content older than this may be forgotten. Null: kept.
    retention_days integer check (retention_days >= 15),
    created_at timestamptz not null default now()
);
