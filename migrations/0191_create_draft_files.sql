-- Files that an agent has put beside a reply and not sent, at most ten. They are at the platform already, and in attachments.
create table draft_files (
    user_id bigint not null references users (user_id) on delete cascade,
    page_id text not null,
    person_id text not null,
    attachment_id text not null,
    added_at timestamptz not null default clock_timestamp(),
    primary key (user_id, page_id, person_id, attachment_id)
);
