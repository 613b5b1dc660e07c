-- How far an app has heard a Page's log: everything up to `position` is done. Apart from the subscription because it changes all the time.
create table cursors (
    page_id text not null,
    app_id text not null,
    position bigint not null,
    -- The process that delivers, and the number of the lease: a flush under an older number does nothing.
    process_id bigint,
    generation bigint not null default 0,
    -- The app called another process while it seemed to be down: whoever delivers tries again at once.
    woken_at timestamptz,
    primary key (page_id, app_id)
) with (fillfactor = 50);
