-- What is written into the fields. An empty field has no row.
create table person_fields (
    page_id text not null,
    person_id text not null,
    field_id bigint not null references fields,
    value text not null,
    written_by bigint references users on delete set null,
    written_at timestamptz not null default now(),
    primary key (page_id, person_id, field_id)
);
create index person_fields_by_field on person_fields (field_id);
create index person_fields_by_user on person_fields (written_by) where written_by is not null;
