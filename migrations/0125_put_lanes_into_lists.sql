-- Each list is one lane of a Page or a few of them, in the order of their newest messages, so that none has to look past the others.
alter table open_conversations add column lane smallint not null default 5, add column assignee bigint;
update open_conversations o set lane = c.lane, assignee = c.assignee from conversations c where c.page_id = o.page_id and c.person_id = o.person_id;
alter table open_conversations drop constraint open_conversations_pkey, add primary key (page_id, lane, last_message_at, person_id);
