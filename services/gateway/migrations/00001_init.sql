-- +goose Up
-- A commit_id names the commit whose facts last changed the row.

-- Who may use this relay's public doors, recipients aside. Version counts the facts stated about it (PrincipalChanged).
create table principal (
    id         uuid        not null constraint principal_pk primary key,
    kind       text        not null constraint principal_kind_known check (kind in ('sender', 'viewing_system', 'admin')),
    name       text        not null constraint principal_name_length check (char_length(name) between 1 and 40),
    suspended  boolean     not null default false,
    version    integer     not null default 1 constraint principal_version_counts check (version > 0),
    created_at timestamptz not null,
    commit_id  uuid        not null
);
grant select, insert, update on principal to ${app};

-- Sending institutions. The address is folded to lower case and never used twice.
create table institution (
    principal       uuid     not null constraint institution_pk primary key constraint institution_of references principal (id),
    business_number text     not null constraint institution_business_number_digits check (business_number ~ '^[0-9]{10}$'),
    type            smallint not null constraint institution_type_known check (type in (1, 2, 3, 4, 5, 9)),
    address         text     collate "C" not null constraint institution_address_folded check (address = lower(address)),
    commit_id       uuid     not null,
    constraint institution_address_key unique (address)
);
grant select, insert on institution to ${app};

-- Which senders' documents a viewing system shows.
create table viewing_system_sender (
    viewing_system uuid not null constraint viewing_system_sender_of references principal (id),
    sender         uuid not null constraint viewing_system_sender_sender references institution (principal),
    commit_id      uuid not null,
    constraint viewing_system_sender_pk primary key (viewing_system, sender)
);
grant select, insert on viewing_system_sender to ${app};

-- OAuth2 client credentials: the SHA-256 of a random secret of 256 bits, or a public key for private_key_jwt.
create table client (
    id            text        collate "C" not null constraint client_pk primary key,
    principal     uuid        not null constraint client_of references principal (id),
    scopes        text[]      not null constraint client_scopes_given check (cardinality(scopes) > 0),
    secret_digest bytea       constraint client_secret_digest_size check (octet_length(secret_digest) = 32),
    public_jwk    text,
    created_at    timestamptz not null,
    revoked_at    timestamptz,
    commit_id     uuid        not null,
    constraint client_one_proof           check ((secret_digest is null) <> (public_jwk is null)),
    constraint client_revoked_after_made  check (revoked_at >= created_at)
);
create index client_principal on client (principal);
grant select, insert, update on client to ${app};

-- Client assertions that were used, until they would have expired: each is good once (RFC 7523 section 3, jti).
create table client_assertion (
    client     text        collate "C" not null,
    jti        text        collate "C" not null,
    expires_at timestamptz not null,
    constraint client_assertion_pk primary key (client, jti)
);
create index client_assertion_expiry on client_assertion (expires_at);
grant select, insert, delete on client_assertion to ${app};

-- Institutions on their way to the address unit. The two documents (encrypted) are kept only until it took them.
--   due -> taken    the address unit keeps it durably and registers it at the hub
--   due -> refused  the address belongs to somebody else there; an operator has to act
--   taken, refused -> due  with other documents, as the next submission; the hub refused the address, or somebody else had it
create table address_registration (
    principal             uuid        not null constraint address_registration_pk primary key
                                      constraint address_registration_of references institution (principal),
    state                 text        not null default 'due' constraint address_registration_state_known check (state in ('due', 'taken', 'refused')),
    -- Which submission of name and papers it is about, counted from 1.
    submission            integer     not null default 1 constraint address_registration_submission_counts check (submission > 0),
    business_document     bytea,
    registration_document bytea,
    due_at                timestamptz not null,
    attempt               integer     not null default 0 constraint address_registration_attempt_counts check (attempt >= 0),
    settled_at            timestamptz,
    commit_id             uuid        not null,
    constraint address_registration_documents_until_settled
        check ((state = 'due') = (business_document is not null) and (state = 'due') = (registration_document is not null)),
    constraint address_registration_settled check ((state = 'due') = (settled_at is null))
);
create index address_registration_due on address_registration (due_at) where state = 'due';
grant select, insert, update on address_registration to ${app};

-- What operators submitted after refusals. The first submission is the making of the institution. Append-only.
create table institution_submission (
    principal    uuid        not null constraint institution_submission_of references institution (principal),
    submission   integer     not null constraint institution_submission_after_first check (submission > 1),
    operator     text        not null,
    request_id   text        collate "C" not null,
    digest       bytea       not null constraint institution_submission_digest_size check (octet_length(digest) = 32),
    refused_by   text        not null constraint institution_submission_refused_by_known check (refused_by in ('hub', 'relay')),
    submitted_at timestamptz not null,
    commit_id    uuid        not null,
    constraint institution_submission_pk          primary key (principal, submission),
    constraint institution_submission_request_key unique (operator, request_id)
);
grant select, insert on institution_submission to ${app};
