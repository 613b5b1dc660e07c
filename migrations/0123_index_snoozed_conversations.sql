-- The view of what is put aside, what comes back first at its top. Only snoozing and waking change it.
create index conversations_snoozed on conversations (page_id, snoozed_until, person_id) where snoozed_until is not null;
