-- An app on a Page.
create table subscriptions (
    page_id text not null,
    app_id text not null,
    -- Webhook field -> position at which it was subscribed: {"messages": 17}.
    fields jsonb not null default '{}',
    may_take boolean not null default false,
    -- Start of the present outage, if any.
    down_since timestamptz,
    -- Switched off, and by whom or what.
    disabled_at timestamptz,
    disabled_reason text,
    -- Taken off the Page. The sweeper ends what it still held; the row stays for the history.
    removed_at timestamptz,
    created_at timestamptz not null default now(),
    primary key (page_id, app_id)
);
create index subscriptions_by_app on subscriptions (app_id);
