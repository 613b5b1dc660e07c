-- Conversations from before there was such a time got that of its migration, in microseconds. Baton counts in milliseconds, so a list never got past them.
update conversations set last_message_at = date_trunc('milliseconds', last_message_at)
where last_message_at <> date_trunc('milliseconds', last_message_at);
update open_conversations set last_message_at = date_trunc('milliseconds', last_message_at)
where last_message_at <> date_trunc('milliseconds', last_message_at);
