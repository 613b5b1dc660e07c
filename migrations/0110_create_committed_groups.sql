-- The newest group that each process's ledger has committed. A COMMIT whose answer was lost is looked up here: unlike a transaction's number,
-- which a server may give out again after a crash or a failover, the row is there if and only if the group is.
create table committed_groups (
    process_id bigint primary key,
    group_id text not null,
    committed_at timestamptz not null
);
