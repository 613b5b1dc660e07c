-- How far the search has read the log of a Page. The row is locked while somebody reads on.
create table search_cursors (
    page_id text primary key,
    position bigint not null default 0,
    -- For names of people, in the row without a Page: what was fetched before is known.
    people_until timestamptz not null default '-infinity'
);
insert into search_cursors (page_id) values ('');
