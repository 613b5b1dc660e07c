-- How somebody wants their pages. Without a row everything is as it comes; the language is with the account.
create table preferences (
    user_id bigint primary key references users on delete cascade,
    -- Null: as the system says.
    theme text check (theme in ('light', 'dark')),
    -- Shortcuts of one key.
    single_keys boolean not null default true,
    -- Enter sends, Shift+Enter starts a new line; else Ctrl+Enter sends.
    enter_sends boolean not null default false,
    -- Where closing a conversation leads: to the next one of the list, else it stays.
    next_after_close boolean not null default true
);
