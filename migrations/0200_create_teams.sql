-- Groups of agents to whom conversations are assigned.
create table teams (
    team_id bigint generated always as identity primary key,
    name text not null,
    created_at timestamptz not null default now()
);
create unique index teams_by_name on teams (lower(name));
