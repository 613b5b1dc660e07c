-- What an agent sends is shown by its name until the platform has taken it. Null for uploads of other apps.
alter table attachments add column name text, add column bytes bigint, add column user_id bigint;
