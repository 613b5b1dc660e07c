-- Sends that the platform wants later: pages of conversations say until when, whoever it was that had to wait.
create index outbox_waiting on outbox (page_id, not_before) where state = 'accepted' and not_before is not null;
