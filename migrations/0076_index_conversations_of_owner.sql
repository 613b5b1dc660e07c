-- Who holds what, without a column that every event changes.
create index conversations_of_owner on conversations (page_id, owner, person_id) where owner is not null;
