-- Lists of several Pages are merged by time, which positions of different Pages cannot give. Replaces the index on `last_position`, so that
-- intake still changes one indexed column.
create index conversations_open on conversations (page_id, last_at desc, person_id desc) where closed_at is null;
