-- Whether a move of control waits for the platform's word. An index that looked into `control` kept every change of it from being made in place.
alter table conversations add column in_transfer boolean not null default false;
update conversations set in_transfer = true where control like '%"transfer":{%';
