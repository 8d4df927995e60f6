-- +goose Up
create table platform (
    platform_id   text        not null,
    client_id     text        not null,
    secret_digest bytea       not null,
    name          text        not null,
    created_at    timestamptz not null,
    constraint platform_pk primary key (platform_id),
    constraint platform_client_id_key unique (client_id),
    constraint platform_id_length check (char_length(platform_id) between 1 and 25)
);

-- The management code of document numbers is chosen by the relay that gives them; no other relay may use it.
create table platform_code (
    code        text collate "C" not null,
    platform_id text             not null,
    constraint platform_code_pk primary key (code)
);

create table token (
    digest      bytea       not null,
    platform_id text        not null,
    kind        text        not null,
    issued_at   timestamptz not null,
    expires_at  timestamptz not null,
    revoked_at  timestamptz,
    constraint token_pk primary key (digest),
    constraint token_platform_fk foreign key (platform_id) references platform (platform_id),
    constraint token_kind_known check (kind in ('access', 'refresh'))
);
create index token_platform_idx on token (platform_id, kind);

-- valid_*: when it was true; recorded_*: when the hub recorded it as true.
-- A row with recorded_until is superseded, and is never changed again.
create table address (
    address_id     bigint      generated always as identity,
    platform_id    text        not null,
    eaddr          text        not null,
    eaddr_folded   text        not null,
    idn            text        not null,
    owner_type     smallint    not null,
    name           text        not null,
    birth_date     text,
    phone          text,
    registered_at  timestamptz not null,
    valid_from     timestamptz not null,
    valid_until    timestamptz,
    ended_by       text,
    recorded_from  timestamptz not null,
    recorded_until timestamptz,
    constraint address_pk primary key (address_id),
    constraint address_platform_fk foreign key (platform_id) references platform (platform_id),
    constraint address_owner_type_known check (owner_type in (0, 1, 2, 3, 4, 5, 9)),
    constraint address_valid_order check (valid_until is null or valid_until >= valid_from),
    constraint address_recorded_order check (recorded_until is null or recorded_until >= recorded_from),
    constraint address_end_named check ((valid_until is null) = (ended_by is null)),
    constraint address_ended_by_known check (ended_by in ('change', 'withdrawal'))
);
create unique index address_open_key on address (platform_id, eaddr_folded)
    where valid_until is null and recorded_until is null;
create index address_history_idx on address (platform_id, eaddr_folded, valid_from);
create index address_idn_idx on address (idn);
create index address_person_idx on address (name, birth_date, phone);

create table address_document (
    address_document_id bigint      generated always as identity,
    platform_id         text        not null,
    eaddr_folded        text        not null,
    file_name           text        not null,
    digest              bytea       not null,
    size                integer     not null,
    received_at         timestamptz not null,
    constraint address_document_pk primary key (address_document_id)
);

create table circulation (
    edoc_num         text        collate "C" not null,
    subject          text        not null,
    send_eaddr       text        not null,
    send_folded      text        not null,
    send_sub_eaddr   text,
    recv_eaddr       text        not null,
    recv_folded      text        not null,
    recv_sub_eaddr   text,
    send_platform_id text        not null,
    recv_platform_id text        not null,
    registered_by    text        not null,
    send_date        timestamptz not null,
    recv_date        timestamptz not null,
    read_date        timestamptz,
    doc_type         smallint,
    content_hash     text        not null,
    file_hashes      jsonb       not null,
    registered_at    timestamptz not null,
    read_recorded_at timestamptz,
    constraint circulation_pk primary key (edoc_num),
    constraint circulation_time_order check (send_date <= recv_date and (read_date is null or recv_date <= read_date)),
    constraint circulation_read_recorded check ((read_date is null) = (read_recorded_at is null)),
    constraint circulation_doc_type_known check (doc_type in (0, 1, 2)),
    constraint circulation_without_read_time check (doc_type is distinct from 2 or read_date is null)
) with (fillfactor = 85);

create table certificate_serial (
    day  date   not null,
    last bigint not null,
    constraint certificate_serial_pk primary key (day)
);

create table certificate (
    cert_num     text        not null,
    edoc_num     text        not null,
    applicant    text        not null,
    reason       text        not null,
    platform_id  text        not null,
    issued_at    timestamptz not null,
    scenario     text        not null,
    digest       bytea       not null,
    pdf          bytea       not null,
    constraint certificate_pk primary key (cert_num),
    constraint certificate_circulation_fk foreign key (edoc_num) references circulation (edoc_num)
);
create index certificate_edoc_num_idx on certificate (edoc_num);
create index certificate_digest_idx on certificate (digest);

create table exchange_count (
    method   text   not null,
    path     text   not null,
    calls    bigint not null,
    failures bigint not null,
    items    bigint not null,
    constraint exchange_count_pk primary key (method, path)
);

grant select, insert, update on platform, token, address, certificate_serial, exchange_count to ${app};
grant select, insert, update on circulation to ${app};
grant select, insert on platform_code, address_document, certificate to ${app};
