-- +goose Up
create table member (
    member_id     text        not null,
    name          text        not null,
    password_salt bytea       not null,
    password_hash bytea       not null,
    created_at    timestamptz not null,
    updated_at    timestamptz not null,
    constraint member_pk primary key (member_id),
    constraint member_id_form check (member_id ~ '^[A-Za-z0-9._-]{1,64}$'),
    constraint member_name_length check (char_length(name) between 1 and 100)
);

create table session (
    token_digest bytea       not null,
    member_id    text        not null,
    issued_at    timestamptz not null,
    expires_at   timestamptz not null,
    constraint session_pk primary key (token_digest),
    constraint session_member_fk foreign key (member_id) references member (member_id)
);
create index session_expiry_idx on session (expires_at);

create table document (
    document_id       uuid        not null,
    member_id         text        not null,
    hash              text        not null,
    attachment_hashes text[]      not null,
    -- The depositor's own key and for whom it deposited; empty for none.
    reference         text        not null,
    on_behalf_of      text        not null,
    -- What is registered once per member: the reference if there is one, else the hash; the document's id while a scenario has the
    -- archive recognise nothing.
    registered_once   text        not null,
    size              bigint      not null,
    file_name         text        not null,
    media_type        text        not null,
    registered_at     timestamptz not null,
    constraint document_pk primary key (document_id),
    constraint document_member_fk foreign key (member_id) references member (member_id),
    constraint document_once_key unique (member_id, registered_once),
    constraint document_reference_form check (reference ~ '^[A-Za-z0-9._-]{0,64}$'),
    constraint document_hash_form check (hash ~ '^[0-9a-f]{64}$'),
    constraint document_attachment_count check (cardinality(attachment_hashes) <= 10),
    constraint document_size check (size between 1 and 1073741824)
);
create index document_hash_idx on document (member_id, hash);
create index document_reference_idx on document (member_id, reference) where reference <> '';

-- Every certificate ever issued, so that the archive can recognise its own.
create table certificate (
    certificate_number text        not null,
    document_id        uuid        not null,
    kind               text        not null,
    digest             text        not null,
    der                bytea       not null,
    issued_at          timestamptz not null,
    valid_until        timestamptz not null,
    constraint certificate_pk primary key (certificate_number),
    constraint certificate_document_fk foreign key (document_id) references document (document_id),
    constraint certificate_digest_key unique (digest),
    constraint certificate_kind_known check (kind in ('registration', 'original')),
    constraint certificate_validity_order check (issued_at < valid_until)
);
create unique index certificate_registration_key on certificate (document_id) where kind = 'registration';
create index certificate_document_idx on certificate (document_id);

create sequence certificate_serial;

grant select, insert, update on member to ${app};
grant select, insert, delete on session to ${app};
grant select, insert on document, certificate to ${app};
grant usage on sequence certificate_serial to ${app};
