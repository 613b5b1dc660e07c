-- The search hears of new names by it.
create index people_by_time on people (fetched_at);
