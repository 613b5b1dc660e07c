-- The local apps: bots, other vendors' apps, the built-in bot, the inbox.
create table apps (
    app_id text primary key,
    name text not null,
    kind text not null check (kind in ('webhook', 'bot', 'inbox')),
    -- Signs the app's webhooks and keys its appsecret_proof. Sealed.
    secret_sealed bytea not null,
    verify_token text not null,
    callback_url text,
    -- App-level webhook fields. Null: whatever the Page subscription says.
    fields text[],
    -- People write through it.
    human boolean not null default false,
    -- Most events one POST to it may carry; half of the SDKs read only the first.
    batch integer not null default 1 check (batch between 1 and 1000),
    created_at timestamptz not null default now()
);
