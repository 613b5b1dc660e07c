-- Which process sends for a Page.
create table outbox_leases (
    page_id text primary key,
    process_id bigint,
    generation bigint not null default 0
);
