with head as materialized (
    select 1 from pages p join unnest($44::text[], $45::text[]) as n (page_id, version) on p.page_id = n.page_id and p.xmin::text = n.version
    order by p.page_id for update of p
), unchanged as materialized (
    select count(*) = cardinality($44::text[]) as holds from head
), named as (
    update committed_groups set group_id = $46, committed_at = clock_timestamp() from unchanged
    where holds and process_id = $47 and group_id = $48 returning 1
), seen as (
    insert into duplicates (page_id, hash, seen_at)
    select page_id, hash, $1 from unchanged, unnest($49::text[], $50::bytea[]) as n (page_id, hash) where holds
), logged as (
    insert into log (page_id, position, person_id, at, happened_at, kind, field, mid, app_id, user_id, audience, button_app, epoch, payload)
    select page_id, position, person_id, $1, happened_at, kind, field, mid, app_id, user_id, audience, button_app, epoch, payload
    from unchanged, unnest($2::text[], $3::bigint[], $4::text[], $5::bigint[], $6::text[], $7::text[], $8::text[], $9::text[], $10::bigint[],
        $11::text[], $12::text[], $13::bigint[], $14::text[])
        as n (page_id, position, person_id, happened_at, kind, field, mid, app_id, user_id, audience, button_app, epoch, payload)
    where holds
), conversation as materialized (
    select n.* from unchanged, unnest($15::text[]::tid[], $16::text[], $17::text[], $18::text[], $19::text[], $20::text[], $21::bigint[], $22::boolean[],
        $23::bigint[], $24::bigint[], $25::bigint[], $26::timestamptz[], $27::timestamptz[], $28::bigint[], $29::bigint[], $30::bigint[],
        $31::timestamptz[], $32::timestamptz[], $33::bigint[], $34::bigint[], $35::text[],
        $51::timestamptz[], $52::smallint[])
        as n (place, page_id, person_id, control, owner, owner_kind, owner_since, in_transfer, epoch, last_position, last_message_position,
        last_message_at, last_at, last_person_act, last_inbound_position, last_outbound_position, check_at, closed_at, assignee,
        requested_by, handover_note, snoozed_until, lane)
    where holds
), changed as (
    update conversations c set control = n.control, owner = n.owner, owner_kind = n.owner_kind, owner_since = n.owner_since,
        in_transfer = n.in_transfer, epoch = n.epoch, last_position = n.last_position, last_message_position = n.last_message_position,
        last_message_at = n.last_message_at, last_at = n.last_at, last_person_act = n.last_person_act,
        last_inbound_position = n.last_inbound_position, last_outbound_position = n.last_outbound_position, check_at = n.check_at,
        closed_at = n.closed_at, assignee = n.assignee, requested_by = n.requested_by, handover_note = n.handover_note,
        snoozed_until = n.snoozed_until, lane = n.lane
    from conversation n where c.ctid = n.place and c.page_id = n.page_id and c.person_id = n.person_id returning 1
), added as (
    insert into conversations (page_id, person_id, control, owner, owner_kind, owner_since, in_transfer, epoch, last_position,
        last_message_position, last_message_at, last_at, last_person_act, last_inbound_position, last_outbound_position, check_at,
        closed_at, assignee, requested_by, handover_note, snoozed_until, lane)
    select page_id, person_id, control, owner, owner_kind, owner_since, in_transfer, epoch, last_position,
        last_message_position, last_message_at, last_at, last_person_act, last_inbound_position, last_outbound_position, check_at,
        closed_at, assignee, requested_by, handover_note, snoozed_until, lane
    from conversation where place is null
), listing as materialized (
    select n.* from unchanged, unnest($36::text[], $37::text[], $38::timestamptz[], $39::timestamptz[], $53::smallint[], $54::smallint[], $55::bigint[])
        as n (page_id, person_id, before, after, before_lane, lane, assignee)
    where holds
), relisted as (
    update open_conversations o set last_message_at = n.after, lane = n.lane, assignee = n.assignee from listing n
    where n.after is not null and o.page_id = n.page_id and o.lane = n.before_lane and o.last_message_at = n.before and o.person_id = n.person_id
), unlisted as (
    delete from open_conversations o using listing n
    where n.after is null and o.page_id = n.page_id and o.lane = n.before_lane and o.last_message_at = n.before and o.person_id = n.person_id
), listed as (
    insert into open_conversations (page_id, last_message_at, person_id, lane, assignee)
    select page_id, after, person_id, lane, assignee from listing where before is null and after is not null
), moved as (
    update pages p set last_position = n.last_position, last_send = n.last_send
    from unchanged, unnest($40::text[], $41::bigint[], $42::bigint[]) as n (page_id, last_position, last_send)
    where holds and p.page_id = n.page_id returning p.page_id, p.last_position
), broken as (
    select (select count(*) from changed) <> (select count(place) from conversation)
        or ($48::text is not null and (select count(*) from named) <> 1) as so
)
select case when not holds then 0
    else 1 / (case when so then 0 else 1 end) + 0 * (select count(pg_notify('baton', $43::text || ':' || last_position || ':' || page_id)) from moved)
    end as "written!"
from unchanged, broken
