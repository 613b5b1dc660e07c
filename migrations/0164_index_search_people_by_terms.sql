create index search_people_by_terms on search_people using gin (terms) with (fastupdate = on, gin_pending_list_limit = 512);
