-- The same rows as before, told without reading `control`.
drop index conversations_in_transfer;
create index conversations_in_transfer on conversations (page_id, person_id) where in_transfer;
