-- Texts that agents put into their replies. At most some hundreds of everybody's, and as many of each agent.
create table saved_replies (
    reply_id bigint generated always as identity primary key,
    -- Whose it is; null: everybody's, kept by admins.
    owner bigint references users (user_id) on delete cascade,
    title text not null,
    -- What is typed after the slash; empty: none.
    shortcut text not null,
    category text not null,
    -- With variables such as {customer_first_name|there}, which are filled in when it is used.
    body text not null,
    changed_at timestamptz not null default now()
);
create index saved_replies_by_owner on saved_replies (owner, lower(title));
