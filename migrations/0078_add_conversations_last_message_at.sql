-- When the newest message came: lists are in this order, so that a receipt or a typing sign moves nothing.
alter table conversations add column last_message_at timestamptz not null default now();
