-- Who takes turns with others wants to see what nobody has answered: then opening a conversation does not mark it as read, an answer does.
alter table preferences add column read_by_answering boolean not null default false;
