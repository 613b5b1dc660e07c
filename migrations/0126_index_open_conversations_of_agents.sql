-- What an agent has, newest first. What nobody has is not in it, so that a message to a bot changes nothing here.
create index open_conversations_of_agent on open_conversations (assignee, last_message_at, page_id, person_id) where assignee is not null;
