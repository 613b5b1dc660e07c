-- An app subscribes to Pages and to Instagram accounts apart, and some fields have another name on each: one list was overwritten by the other.
alter table apps add column instagram_fields text[];
update apps set instagram_fields = fields where fields is not null;
