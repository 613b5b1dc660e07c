-- What the inbox holds and nobody has, longest waiting first, without walking past what the bots hold.
drop index conversations_waiting;
create index conversations_waiting on conversations (page_id, owner, owner_since, person_id)
    where closed_at is null and snoozed_until is null and assignee is null and owner_kind = 'app';
