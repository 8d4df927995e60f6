-- +goose Up
-- Data keys for personal data, wrapped under the unit's key-encryption key. A row is never changed or deleted: keys outlive every
-- record they protect. Rows with made_here are this unit's own; the others were given by the unit that made them.
create table sealed_key (
    key_id     uuid        not null,
    purpose    text        not null,
    month      date,
    wrapped    bytea       not null,
    made_here  boolean     not null,
    created_at timestamptz not null,
    constraint sealed_key_pk primary key (key_id),
    constraint sealed_key_purpose_form check (purpose ~ '^[a-z][a-z0-9_]{0,62}$'),
    constraint sealed_key_month_is_first_day check (extract(day from month) = 1),
    constraint sealed_key_wrapped_bounded check (octet_length(wrapped) between 32 and 1024)
);
-- One key of ours per purpose and month; index keys have no month, and nulls count as equal so that there is one of them too.
create unique index sealed_key_made on sealed_key (purpose, month) nulls not distinct where made_here;
grant select, insert on sealed_key to ${app};
