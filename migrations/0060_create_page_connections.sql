-- What the platform last said about a Page's token. Apart from `pages`, whose row is the head of the log.
create table page_connections (
    page_id text primary key,
    -- Since when the platform refuses the token. Null: it takes it.
    refused_at timestamptz,
    -- The platform's code, subcode and words.
    error_code bigint,
    error_subcode bigint,
    error_message text,
    -- When Baton's platform app was last subscribed to the Page's webhooks.
    subscribed_at timestamptz
);
