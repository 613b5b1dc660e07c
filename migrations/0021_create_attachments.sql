-- Attachments uploaded to the platform through an app. The id is the platform's and belongs to the Page; it expires there after 90 days.
create table attachments (
    page_id text not null,
    attachment_id text not null,
    app_id text not null,
    kind text not null,
    url text,
    created_at timestamptz not null default clock_timestamp(),
    primary key (page_id, attachment_id)
);
