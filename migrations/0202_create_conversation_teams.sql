-- Which team has which conversation; one at most. Apart from `conversations`, so that a person's message neither reads nor writes it. Only the
-- ledger puts a team there; besides it, deleting a team takes it off.
create table conversation_teams (
    page_id text not null,
    person_id text not null,
    team_id bigint not null references teams on delete cascade,
    primary key (page_id, person_id)
);
-- For the deletion of a team.
create index conversation_teams_by_team on conversation_teams (team_id, page_id, person_id);
