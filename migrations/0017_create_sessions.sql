-- Logins that can be revoked. The cookie is a JWT whose id is here.
create table sessions (
    session_id text primary key,
    user_id bigint not null references users on delete cascade,
    csrf_token text not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    revoked_at timestamptz
);
create index sessions_by_user on sessions (user_id);
