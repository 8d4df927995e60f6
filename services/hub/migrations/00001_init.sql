-- +goose Up
-- Every request to the distribution hub, recorded before it is sent. If a row has no answer, the process ended during the call
-- and the outcome is unknown. The access token and the secrets of the token call are left out.
create table exchange_request (
    exchange   uuid        not null,
    attempt    smallint    not null constraint exchange_request_attempt_known check (attempt in (1, 2)),
    operation  text        not null constraint exchange_request_operation_form check (operation ~ '^[a-z_]{1,40}$'),
    request_id uuid        not null,
    digest     bytea       not null constraint exchange_request_digest_length check (octet_length(digest) = 32),
    request    bytea[]     not null,
    sent_at    timestamptz not null,
    constraint exchange_request_pk primary key (exchange, attempt)
) partition by range (exchange);
alter table exchange_request alter column request set storage external;

-- The outcome of each request: the answer as received, or nothing.
create table exchange_response (
    exchange    uuid        not null,
    attempt     smallint    not null,
    -- try_later is no refusal: the operator has configured the code as one with which the hub asks to be called again.
    outcome     text        not null constraint exchange_response_outcome_known
                                     check (outcome in ('success', 'refused', 'token_refused', 'try_later', 'unknown')),
    error_code  text        not null,
    detail      text        not null,
    status      integer,
    digest      bytea                constraint exchange_response_digest_length check (octet_length(digest) = 32),
    response    bytea[],
    answered_at timestamptz not null,
    commit_id   uuid        not null,
    constraint exchange_response_pk primary key (exchange, attempt),
    constraint exchange_response_whole check ((status is null) = (response is null) and (status is null) = (digest is null)),
    constraint exchange_response_known_has_answer check (outcome = 'unknown' or status is not null),
    constraint exchange_response_code_only_refused check (error_code = '' or outcome in ('refused', 'token_refused', 'try_later'))
) partition by range (exchange);
alter table exchange_response alter column response set storage external;

-- Append only.
grant select, insert on exchange_request, exchange_response to ${app};

-- The platform's token at the hub, shared by all replicas. The replica that holds the lease renews it; version counts the tokens.
create table hub_token (
    platform_id        text        not null,
    version            bigint      not null constraint hub_token_version_not_negative check (version >= 0),
    access             bytea,
    refresh            bytea,
    issued_at          timestamptz,
    access_expires_at  timestamptz,
    refresh_expires_at timestamptz,
    lease_holder       uuid,
    lease_until        timestamptz,
    constraint hub_token_pk primary key (platform_id),
    constraint hub_token_issued_whole check ((version = 0) = (access is null) and (access is null) = (issued_at is null)),
    constraint hub_token_lease_whole check ((lease_holder is null) = (lease_until is null))
);
grant select, insert, update on hub_token to ${app};

-- Every push of the hub whose signature held, recorded before it is answered: signature, content type and body, sealed.
create table push_request (
    id          uuid        not null,
    cert_num    text        collate "C" not null,
    digest      bytea       not null constraint push_request_digest_length check (octet_length(digest) = 32),
    request     bytea[]     not null,
    received_at timestamptz not null,
    commit_id   uuid        not null,
    constraint push_request_pk primary key (id)
) partition by range (id);
alter table push_request alter column request set storage external;

-- The first push under each certificate number, with the digest of its PDF.
create table push (
    cert_num    text        collate "C" not null constraint push_pk primary key
                            constraint push_number_form check (cert_num ~ '^[0-9]{4}-[0-9]{4}-[0-9]{4}-[0-9]{4}$'),
    id          uuid        not null constraint push_id_key unique,
    edoc_num    text        collate "C" not null,
    address     text        not null,
    pdf_digest  bytea       not null constraint push_pdf_digest_length check (octet_length(pdf_digest) = 32),
    received_at timestamptz not null,
    commit_id   uuid        not null
);

-- Append only.
grant select, insert on push_request, push to ${app};
