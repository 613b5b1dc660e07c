-- A send that is under way while its conversation is taken away may still have to be sent again later, when the platform asks for patience. By then it is
-- somebody else's conversation, so what was taken away under it is written down: its turn does not come again.
alter table outbox add column withdrawn boolean not null default false;
