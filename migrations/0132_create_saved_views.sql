-- Lists that somebody keeps under a name: an address's query, for themselves, a team, or everybody.
create table saved_views (
    view_id bigint generated always as identity primary key,
    owner bigint not null references users on delete cascade,
    -- Null and `shared`: everybody.
    team_id bigint references teams on delete cascade,
    shared boolean not null,
    name text not null,
    query text not null,
    created_at timestamptz not null default now()
);
create index saved_views_by_owner on saved_views (owner);
create index saved_views_by_team on saved_views (team_id) where team_id is not null;
create index saved_views_shared on saved_views (shared) where shared;
