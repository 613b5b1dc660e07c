-- A search looks through what waits to be sorted in, so that must stay short.
create index search_lines_by_terms on search_lines using gin (terms) with (fastupdate = on, gin_pending_list_limit = 512);
