-- Files of saved replies, at most five each. An upload belongs to a Page, so each use uploads them to the Page it is used on.
create table saved_reply_files (
    file_id bigint generated always as identity primary key,
    reply_id bigint not null references saved_replies (reply_id) on delete cascade,
    name text not null,
    content bytea not null
);
create index saved_reply_files_by_reply on saved_reply_files (reply_id, file_id);
