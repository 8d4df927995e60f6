-- +goose Up
-- What is needed of a document to judge who may have its certificate and whether a certificate is about it. Whichever fact comes
-- first makes the row; facts only fill what is empty, so their order does not matter.
create table document (
    edoc_num           text        collate "C" not null,
    sender             text,
    recipient          text,
    sender_address     text,
    sender_platform    text,
    recipient_address  text,
    recipient_platform text,
    hash_algorithm     text,
    hash               text,
    received_at        timestamptz,
    registered_at      timestamptz,
    read_at            timestamptz,
    read_registered_at timestamptz,
    constraint document_pk primary key (edoc_num),
    constraint document_edoc_num_length check (char_length(edoc_num) = 33),
    constraint document_hash_whole check ((hash is null) = (hash_algorithm is null))
) partition by range (edoc_num);
grant select, insert, update on document to ${app};

-- Who asked for which certificate, by what right and why. Append only.
create table certificate_request (
    id             uuid        not null,
    edoc_num       text        collate "C" not null,
    ordinal        integer     not null constraint certificate_request_ordinal_positive check (ordinal > 0),
    principal      text        not null,
    entitlement    text        not null constraint certificate_request_entitlement_known check (entitlement in ('sender', 'recipient')),
    request_id     text        not null,
    sender         text        not null,
    address        text        not null,
    reason         bytea       not null,
    digest         bytea       not null constraint certificate_request_digest_length check (octet_length(digest) = 32),
    requested_at   timestamptz not null,
    constraint certificate_request_pk primary key (id),
    constraint certificate_request_own_key unique (principal, request_id),
    constraint certificate_request_ordinal_key unique (edoc_num, ordinal)
);
create index certificate_request_list on certificate_request (principal, edoc_num, id);
grant select, insert on certificate_request to ${app};

-- Requests that were turned down. Append only.
create table certificate_refusal (
    id             uuid        not null constraint certificate_refusal_pk primary key,
    edoc_num       text        not null,
    principal      text        not null,
    principal_kind text        not null,
    request_id     text        not null,
    outcome        text        not null constraint certificate_refusal_outcome_known
                                        check (outcome in ('unknown_document', 'not_entitled', 'not_registered')),
    reason         bytea       not null,
    digest         bytea       not null,
    refused_at     timestamptz not null
);
grant select, insert on certificate_refusal to ${app};

-- How far a request is: 1 requested, 2 issued, 3 failed. Claimed by a replica while due.
create table certificate (
    id          uuid        not null constraint certificate_pk primary key
                                     constraint certificate_of_request references certificate_request (id),
    state       smallint    not null constraint certificate_state_known check (state in (1, 2, 3)),
    due_at      timestamptz,
    lease_until timestamptz,
    owner       text,
    attempt     integer     not null default 0,
    cert_num    text,
    pdf_digest  bytea,
    issued_at   timestamptz,
    valid_until timestamptz,
    reason      text,
    ended_at    timestamptz,
    signature   boolean     not null default false,
    chain       boolean     not null default false,
    identity    boolean     not null default false,
    validity    boolean     not null default false,
    hash        boolean     not null default false,
    edoc_num    boolean     not null default false,
    constraint certificate_due_while_requested check ((state = 1) = (due_at is not null) and (state = 1) = (ended_at is null)),
    constraint certificate_issued_whole check (state <> 2 or (cert_num is not null and pdf_digest is not null and issued_at is not null
                                                              and valid_until is not null and reason is null)),
    constraint certificate_issued_only_checked check (state <> 2 or (signature and chain and identity and validity and hash and edoc_num)),
    constraint certificate_failed_has_reason check ((state = 3) = (reason is not null))
);
create index certificate_due on certificate (due_at) where state = 1;
grant select, insert, update on certificate to ${app};

-- Every answer of the hub unit to a request, late ones included. Append only.
create table certificate_attempt (
    id         uuid        not null,
    attempt    integer     not null,
    outcome    text        not null constraint certificate_attempt_outcome_known
                                    check (outcome in ('passed', 'check_failed', 'refused', 'unavailable')),
    late       boolean     not null,
    exchange   text        not null,
    cert_num   text        not null,
    hub_code   text        not null,
    detail     text        not null,
    checks     text[]      not null,
    pdf_digest bytea,
    made_at    timestamptz not null,
    constraint certificate_attempt_pk primary key (id, attempt)
);
grant select, insert on certificate_attempt to ${app};

-- Every file that came, sealed in pieces; one that did not pass is kept as evidence and never handed out. Append only.
create table certificate_file (
    id        uuid        not null,
    attempt   integer     not null,
    digest    bytea       not null constraint certificate_file_digest_length check (octet_length(digest) = 32),
    pieces    bytea[]     not null,
    stored_at timestamptz not null,
    constraint certificate_file_pk primary key (id, attempt)
) partition by range (id);
alter table certificate_file alter column pieces set storage external;
grant select, insert on certificate_file to ${app};
