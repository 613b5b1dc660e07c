-- Which app sent a button with this payload to this person last: it hears the tap whoever owns the conversation.
create table buttons (
    page_id text not null,
    person_id text not null,
    -- 16 bytes of SHA-256 over the payload.
    payload_hash bytea not null,
    app_id text not null,
    seen_at timestamptz not null,
    primary key (page_id, person_id, payload_hash)
);
