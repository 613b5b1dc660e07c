-- Replaced by `conversations_of_owner` and `conversations_open`.
drop index conversations_by_owner;
