-- Replaces the index by the newest row of any kind. Intake still changes one indexed column.
drop index conversations_open;
create index conversations_open on conversations (page_id, last_message_at desc, person_id desc) where closed_at is null;
