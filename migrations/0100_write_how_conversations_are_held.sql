-- Two regular expressions a row were the dearest part of taking an event in. The ledger, which alone writes `control`, now writes beside it what
-- was generated from it.
alter table conversations
    alter column owner_kind drop expression,
    alter column owner_kind set default 'idle',
    alter column owner_since drop expression,
    alter column owner_since set default 0;
