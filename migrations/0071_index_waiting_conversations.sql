-- Open conversations in the order in which they came to their owner: those that need a person, longest waiting first.
create index conversations_waiting on conversations (page_id, owner_since, person_id) where closed_at is null and assignee is null and owner_kind = 'app';
