-- The order of the lists: one row for each conversation that is not closed, by its newest message. Apart from `conversations`, so that a message
-- changes nothing there that is indexed: such a change is made in place (HOT), another would touch every index of the conversation.
create table open_conversations (
    page_id text not null,
    last_message_at timestamptz not null,
    person_id text not null,
    primary key (page_id, last_message_at, person_id)
);
insert into open_conversations select page_id, last_message_at, person_id from conversations where closed_at is null;
