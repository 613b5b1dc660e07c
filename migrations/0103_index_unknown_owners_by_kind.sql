-- The same rows as before, told without reading `control`.
drop index conversations_held_by_unknown;
create index conversations_held_by_unknown on conversations (page_id, person_id) where owner_kind = 'external' and owner is null;
