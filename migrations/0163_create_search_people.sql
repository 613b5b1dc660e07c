-- Who can be found: everybody who is in the log, with the name that the platform told, if it told one.
create table search_people (
    page_id text not null,
    person_id text not null,
    -- As in search_lines, of the name and the id.
    words text not null,
    terms tsvector not null,
    primary key (page_id, person_id)
);
