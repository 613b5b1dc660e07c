-- Put aside until then; null: not. Ended by the person's next message, by a handover to people, or by the sweeper when the time has come.
alter table conversations add column snoozed_until timestamptz;
