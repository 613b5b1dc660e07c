-- Replaced by the table `open_conversations`.
drop index conversations_open;
