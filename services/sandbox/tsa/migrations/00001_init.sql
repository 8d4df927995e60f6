-- +goose Up
-- What was stamped. Serial numbers come from the column's sequence, so that a removed row's is not given again.
create table stamp (
    serial     bigint      not null generated always as identity,
    hash       text        not null,
    stamped_at timestamptz not null,
    constraint stamp_pk primary key (serial),
    constraint stamp_hash_form check (hash ~ '^[0-9a-f]{64}$')
);
create index stamp_hash_idx on stamp (hash);
create index stamp_time_idx on stamp (stamped_at);

grant select, insert, delete on stamp to ${app};
