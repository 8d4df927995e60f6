-- +goose Up
create table document (
    document_id        text        not null,
    sender             text        not null,
    recipient          jsonb       not null,
    edoc_num           text        not null,
    certificate_digest text        not null,
    content_type       text        not null,
    file_name          text        not null,
    hash_algorithm     text        not null,
    hash_value         text        not null,
    content            bytea       not null,
    stored_at          timestamptz not null,
    constraint document_pk primary key (document_id)
);
alter table document alter column content set storage external;

grant select, insert on document to ${app};
