-- Every send, from its acceptance by the ledger to its outcome.
create table outbox (
    page_id text not null,
    send_id bigint not null,
    person_id text not null,
    -- The app that sends, and the agent behind it for the inbox.
    app_id text not null,
    user_id bigint,
    -- accepted -> sending -> sent | failed | unknown; accepted -> superseded | failed.
    state text not null check (state in ('accepted', 'sending', 'sent', 'failed', 'unknown', 'superseded')),
    -- Epoch of the conversation when it was accepted.
    epoch bigint not null,
    -- wire::Send as JSON.
    send text not null,
    -- What Baton puts into the upstream metadata to know its own echo.
    token text not null,
    idempotency_key text,
    accepted_at timestamptz not null,
    sending_at timestamptz,
    done_at timestamptz,
    -- Lease generation under which it was begun: what another process left behind becomes unknown.
    begun_by bigint,
    -- Not before then (throttled, or the connection was refused).
    not_before timestamptz,
    mid text,
    attachment_id text,
    error_code bigint,
    error_subcode bigint,
    error_message text,
    primary key (page_id, send_id)
);
create unique index outbox_idempotency on outbox (page_id, app_id, idempotency_key) where idempotency_key is not null;
create index outbox_open on outbox (page_id, send_id) where state in ('accepted', 'sending', 'unknown');
create index outbox_by_mid on outbox (page_id, mid) where mid is not null;
create index outbox_timeline on outbox (page_id, person_id, send_id);
