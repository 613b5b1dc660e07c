-- Agents and admins.
create table users (
    user_id bigint generated always as identity primary key,
    email text not null,
    name text not null,
    -- argon2id, PHC string.
    password_hash text not null,
    role text not null check (role in ('admin', 'agent')),
    language text check (language in ('en', 'de')),
    disabled_at timestamptz,
    created_at timestamptz not null default now()
);
create unique index users_by_email on users (lower(email));
-- Pages an agent sees. Admins see all.
create table user_pages (
    user_id bigint not null references users on delete cascade,
    page_id text not null references pages on delete cascade,
    primary key (user_id, page_id)
);
create index user_pages_by_page on user_pages (page_id);
