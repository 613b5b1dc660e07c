-- Lists under a name, which stand beside the views that everybody has. At most some tens of each person.
create table saved_views (
    view_id bigint generated always as identity primary key,
    -- Who saved it.
    owner bigint not null references users (user_id) on delete cascade,
    name text not null,
    -- Who finds it among their views. What is in the list depends on who reads it.
    visibility text not null check (visibility in ('me', 'team', 'all')),
    team_id bigint references teams on delete cascade,
    -- The query of the list's address, as the inbox writes it.
    list text not null,
    created_at timestamptz not null default now(),
    check ((visibility = 'team') = (team_id is not null))
);
create index saved_views_by_owner on saved_views (owner);
-- For the deletion of a team.
create index saved_views_by_team on saved_views (team_id) where team_id is not null;
