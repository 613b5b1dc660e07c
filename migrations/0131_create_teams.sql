-- Groups of agents, to filter by and to share views with.
create table teams (
    team_id bigint generated always as identity primary key,
    name text not null,
    archived_at timestamptz,
    created_at timestamptz not null default now()
);
create unique index teams_by_name on teams (lower(name)) where archived_at is null;
create table team_members (
    team_id bigint not null references teams on delete cascade,
    user_id bigint not null references users on delete cascade,
    primary key (team_id, user_id)
);
create index team_members_by_user on team_members (user_id);
