-- What the agents' lists ask of `control`, readable by an index: how it is held (idle, app, external), and since when, in milliseconds.
-- Generated, so that neither can differ from `control`. Both change only when the owner does.
alter table conversations
    add column owner_kind text not null generated always as (control::jsonb -> 'owner' ->> 'kind') stored,
    add column owner_since bigint not null generated always as ((control::jsonb ->> 'changed_at')::bigint) stored;
