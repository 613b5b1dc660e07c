-- Sends that went wrong, newest first.
create index outbox_failed on outbox (page_id, done_at, person_id) where state in ('failed', 'unknown');
