-- Replaced by `conversations_closed_by_time`.
drop index conversations_closed;
