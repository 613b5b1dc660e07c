-- What can be found in the log. Written a moment after it by a reader of the log, so that whoever writes the log pays nothing; what is shown of
-- a line is read from the log itself, so that what was taken back there is gone here at once.
create table search_lines (
    page_id text not null,
    position bigint not null,
    person_id text not null,
    at timestamptz not null,
    -- The newest change of its text, a row of the log.
    edit_position bigint,
    -- Its words in small letters without accents, each between two spaces: what is asked for is looked up here.
    words text not null,
    -- Beginnings of its words, and what narrows a search: Page, author, spans of time. One index answers all of it together.
    terms tsvector not null,
    primary key (page_id, position)
);
