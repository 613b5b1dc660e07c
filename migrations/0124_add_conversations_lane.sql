-- Where a conversation stands in the lists: 0 people hold it and nobody has it, and its person waits; 1 the same, answered; 2 an agent has it and
-- its person waits; 3 the same, answered; 4 nobody holds it and nobody would, and its person waits; 5 an app talks, or nothing is to be done;
-- 6 held elsewhere. Written by the ledger; not indexed here, since answers change it.
alter table conversations add column lane smallint not null default 5;
update conversations c set lane = case
    when owner_kind = 'external' then 6
    when owner_kind = 'app' and owner in (select app_id from apps where kind = 'inbox')
        then case when assignee is null then 0 else 2 end + case when last_inbound_position > last_outbound_position then 0 else 1 end
    when owner_kind = 'idle' and last_inbound_position > last_outbound_position
        and exists (select from pages p where p.page_id = c.page_id and p.default_app is null) then 4
    else 5 end;
