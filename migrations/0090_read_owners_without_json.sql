-- PostgreSQL's JSON refuses strings with an escaped NUL, which an app may put into the metadata of a request inside `control`: such a request
-- could not be stored. A pattern does not mind. `owner` with its `kind` stands first in `control`, `changed_at` before anything an app writes.
drop index conversations_waiting;
alter table conversations
    drop column owner_kind,
    drop column owner_since,
    add column owner_kind text not null generated always as (coalesce(substring(control from '^\{"owner":\{"kind":"([a-z]+)"'), 'idle')) stored,
    add column owner_since bigint not null generated always as (coalesce(substring(control from '"changed_at":(\d{1,18})'), '0')::bigint) stored;
create index conversations_waiting on conversations (page_id, owner_since, person_id) where closed_at is null and assignee is null and owner_kind = 'app';
