-- What agents have, by the alarm that is set for the end of its lease.
create index conversations_ending on conversations (page_id, check_at, person_id) where assignee is not null and closed_at is null and check_at is not null;
