-- Whether a switched-off app may come back by itself, by subscribing again: after an outage, or because it unsubscribed itself. Never when an
-- admin has switched it off.
alter table subscriptions add column may_return boolean not null default false;
