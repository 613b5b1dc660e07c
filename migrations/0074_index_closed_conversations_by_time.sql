-- Keyset pages of closed conversations need the person to tell two of the same moment apart.
create index conversations_closed_by_time on conversations (page_id, closed_at desc, person_id desc) where closed_at is not null;
