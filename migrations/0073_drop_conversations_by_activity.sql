-- Replaced by `conversations_open`.
drop index conversations_by_activity;
