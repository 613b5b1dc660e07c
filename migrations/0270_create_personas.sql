-- Which ids are personas of which Page: a call about a bare id reaches the platform for these alone, and for nothing else that the Page has there.
create table personas (
    page_id text not null,
    persona_id text not null,
    primary key (page_id, persona_id)
);
