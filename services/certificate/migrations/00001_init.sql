-- +goose Up
-- Who asked for which certificate and why. Recorded before other units are asked about the document, whatever the outcome. Append
-- only.
create table certificate_request (
    id             uuid        not null constraint certificate_request_pk primary key,
    edoc_num       text        collate "C" not null,
    principal      text        not null,
    principal_kind text        not null constraint certificate_request_kind_known check (principal_kind in ('sender', 'recipient', 'agent')),
    request_id     text        not null,
    reason         bytea       not null,
    digest         bytea       not null constraint certificate_request_digest_length check (octet_length(digest) = 32),
    requested_at   timestamptz not null,
    -- Id of the authorisation that an agent named, whatever it is worth.
    authorisation  uuid        constraint certificate_request_authorisation_of_agent check (authorisation is null or principal_kind = 'agent'),
    commit_id      uuid        not null,
    constraint certificate_request_own_key unique (principal, principal_kind, request_id)
);
create index certificate_request_list on certificate_request (principal, principal_kind, edoc_num, id);
grant select, insert on certificate_request to ${app};

-- When a request was refused, and why. The same request may be made again. Append only.
create table certificate_refusal (
    id         uuid        not null constraint certificate_refusal_pk primary key,
    request    uuid        not null constraint certificate_refusal_of_request references certificate_request (id),
    outcome    text        not null constraint certificate_refusal_outcome_known
                                    check (outcome in ('unknown_document', 'not_entitled', 'not_registered', 'ended', 'without_circulation', 'given_up', 'not_deposited',
                                                      'no_mandate', 'mandate_unknown', 'mandate_differs', 'mandate_not_in_force')),
    refused_at timestamptz not null,
    commit_id  uuid        not null
);
grant select, insert on certificate_refusal to ${app};

-- How many requests of one party for a document were accepted. Requests lock this row one after the other, so that each gets its
-- own number.
create table certificate_count (
    edoc_num    text    collate "C" not null,
    entitlement text    not null constraint certificate_count_entitlement_known check (entitlement in ('sender', 'recipient')),
    requests    integer not null constraint certificate_count_positive check (requests > 0),
    constraint certificate_count_pk primary key (edoc_num, entitlement)
);
grant select, insert, update (requests) on certificate_count to ${app};

-- An accepted request: its entitlement, and what the certificate is compared with, as delivery and circulation stated it at that
-- time; none of this changes. Then its state: 1 requested, 2 issued, 3 failed. A replica claims it while it is due.
create table certificate (
    id                uuid        not null constraint certificate_pk primary key
                                           constraint certificate_of_request references certificate_request (id),
    ordinal           integer     not null constraint certificate_ordinal_positive check (ordinal > 0),
    entitlement       text        not null constraint certificate_entitlement_known check (entitlement in ('sender', 'recipient')),
    sender            text        not null,
    sender_address    text        not null,
    recipient_address text        not null,
    hash_algorithm    text        not null,
    document_hash     text        not null,
    -- Each is written <algorithm>:<hex>; sorted.
    attachments       text[]      not null,
    sent_at           timestamptz not null,
    received_at       timestamptz not null,
    registered_at     timestamptz not null,
    accepted_at       timestamptz not null,
    state             smallint    not null constraint certificate_state_known check (state in (1, 2, 3)),
    due_at            timestamptz,
    lease_until       timestamptz,
    owner             text,
    attempt           integer     not null default 0,
    -- While the hub refuses it and is asked again: since when, and its code, or the reason where it gave none.
    refused_since     timestamptz,
    refusal           text,
    cert_num          text,
    pdf_digest        bytea,
    issued_at         timestamptz,
    valid_until       timestamptz,
    reason            text,
    ended_at          timestamptz,
    -- Names of the checks that passed, and of those that could not be made, since the file does not say what they need.
    passed            text[]      not null default '{}',
    not_checkable     text[]      not null default '{}',
    -- The commit that accepted the request, later the one that ended it.
    commit_id         uuid        not null,
    constraint certificate_due_while_requested check ((state = 1) = (due_at is not null) and (state = 1) = (ended_at is null)),
    constraint certificate_issued_whole check (state <> 2 or (cert_num is not null and pdf_digest is not null and issued_at is not null
                                                              and (valid_until is not null or 'validity' = any (not_checkable)) and reason is null)),
    constraint certificate_issued_only_checked
        check (state <> 2 or (passed @> array['format', 'signature', 'chain', 'identity']
                              and (passed || not_checkable) @> array['validity', 'hash', 'edoc_num', 'cert_num', 'parties', 'attachments', 'sent_at',
                                                                     'received_at', 'read_at'])),
    constraint certificate_failed_has_reason check ((state = 3) = (reason is not null))
);
create index certificate_due on certificate (due_at) where state = 1;
grant select, insert,
      update (state, due_at, lease_until, owner, attempt, refused_since, refusal, cert_num, pdf_digest, issued_at, valid_until, reason, ended_at, passed, not_checkable,
              commit_id)
   on certificate to ${app};

-- Every attempt, even a late one, with what the read time in the file was compared with: our read time, and whether the hub was
-- known to have it before the hub was asked. Append only.
create table certificate_attempt (
    id              uuid        not null,
    attempt         integer     not null,
    outcome         text        not null constraint certificate_attempt_outcome_known
                                         check (outcome in ('passed', 'check_failed', 'refused', 'unavailable')),
    late            boolean     not null,
    exchange        text        not null,
    cert_num        text        not null,
    hub_code        text        not null,
    detail          text        not null,
    passed          text[]      not null,
    not_checkable   text[]      not null,
    pdf_digest      bytea,
    read_at         timestamptz,
    read_registered boolean     not null,
    made_at         timestamptz not null,
    commit_id       uuid        not null,
    constraint certificate_attempt_pk primary key (id, attempt)
);
grant select, insert on certificate_attempt to ${app};

-- Every received file, sealed in pieces. A file that failed a check is never handed out. Append only; the attempt names the
-- commit.
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

-- A certificate bundle (전자증명서): of an accepted request, whose distribution certificate goes into it. What it is made of, as the archive unit and delivery
-- stated it when it was requested; none of this changes. Then its state: 1 requested, 2 issued, 3 failed, and what it waits for: 1 the distribution
-- certificate, 2 the archive, 3 a time stamp, 4 the proofs of what led to it.
create table bundle (
    id                  uuid        not null constraint bundle_pk primary key
                                             constraint bundle_of_certificate references certificate (id),
    -- Uploads of the content unit.
    document_content    text        not null,
    attachment_contents text[]      not null,
    -- Hashes of the attachments in their order, which certificate.attachments has lost.
    attachment_hashes   text[]      not null,
    sender_platform     text        not null,
    recipient_platform  text        not null,
    registration_digest text        not null,
    form                text        not null constraint bundle_form_known check (form in ('submission', 'evidence')),
    state               smallint    not null constraint bundle_state_known check (state in (1, 2, 3)),
    waits_for           smallint    not null default 1 constraint bundle_wait_known check (waits_for in (1, 2, 3, 4)),
    due_at              timestamptz,
    lease_until         timestamptz,
    owner               text,
    attempt             integer     not null default 0,
    -- While the archive refuses to issue the document and is asked again.
    refused_since       timestamptz,
    stamped_at          timestamptz,
    reason              text,
    ended_at            timestamptz,
    commit_id           uuid        not null,
    constraint bundle_due_while_requested check ((state = 1) = (due_at is not null) and (state = 1) = (ended_at is null)),
    constraint bundle_issued_whole check ((state = 2) = (stamped_at is not null)),
    constraint bundle_failed_has_reason check ((state = 3) = (reason is not null))
);
create index bundle_due on bundle (due_at) where state = 1;
grant select, insert, update (state, waits_for, due_at, lease_until, owner, attempt, refused_since, stamped_at, reason, ended_at, commit_id) on bundle to ${app};

-- The files of an issued bundle in their order. Small ones are kept here, sealed; the documents' bytes are kept by the content unit or, when it has them no
-- more, by the archive. Append only.
create table bundle_file (
    bundle    uuid     not null,
    n         smallint not null,
    name      text     not null,
    size      bigint   not null,
    crc       bigint   not null,
    digest    bytea    not null constraint bundle_file_digest_length check (octet_length(digest) = 32),
    pieces    bytea[],
    constraint bundle_file_pk primary key (bundle, n)
) partition by range (bundle);
alter table bundle_file alter column pieces set storage external;
grant select, insert on bundle_file to ${app};

-- The newest time stamp of an issued bundle: until when it is believed by itself, and when the next one is due; no due_at where the bundle is kept no longer than
-- that.
create table bundle_stamp (
    bundle         uuid        not null constraint bundle_stamp_pk primary key
                                        constraint bundle_stamp_of_bundle references bundle (id),
    stamps         smallint    not null constraint bundle_stamp_positive check (stamps > 0),
    believed_until timestamptz not null,
    kept_until     timestamptz not null,
    due_at         timestamptz,
    lease_until    timestamptz,
    owner          text,
    attempt        integer     not null default 0,
    commit_id      uuid        not null
);
create index bundle_stamp_due on bundle_stamp (due_at) where due_at is not null;
grant select, insert, update (stamps, believed_until, due_at, lease_until, owner, attempt, commit_id) on bundle_stamp to ${app};

-- Requests for certificates of monthly figures (hub-interface 5.2) with their state: 1 requested, 2 issued, 3 failed. The address is the caller's own
-- when it asked. A replica claims a row while it is due.
create table figures (
    id               uuid        not null constraint figures_pk primary key,
    principal        text        not null,
    principal_kind   text        not null constraint figures_kind_known check (principal_kind in ('sender', 'recipient')),
    request_id       text        not null,
    address          text        not null,
    -- A month in Korea, yyyy-mm.
    period           text        not null constraint figures_period_form check (period ~ '^[0-9]{4}-(0[1-9]|1[0-2])$'),
    requested_at     timestamptz not null,
    state            smallint    not null constraint figures_state_known check (state in (1, 2, 3)),
    due_at           timestamptz,
    lease_until      timestamptz,
    owner            text,
    attempt          integer     not null default 0,
    refused_since    timestamptz,
    refusal          text,
    received_of_sent bigint,
    read_of_sent     bigint,
    received         bigint,
    read             bigint,
    pdf_digest       bytea       constraint figures_pdf_digest_length check (octet_length(pdf_digest) = 32),
    statement_digest bytea       constraint figures_statement_digest_length check (octet_length(statement_digest) = 32),
    issued_at        timestamptz,
    reason           text,
    ended_at         timestamptz,
    commit_id        uuid        not null,
    constraint figures_own_key unique (principal, principal_kind, request_id),
    constraint figures_due_while_requested check ((state = 1) = (due_at is not null) and (state = 1) = (ended_at is null)),
    constraint figures_issued_whole check (state <> 2 or (pdf_digest is not null and statement_digest is not null and issued_at is not null)),
    constraint figures_failed_has_reason check ((state = 3) = (reason is not null))
);
create index figures_due on figures (due_at) where state = 1;
create index figures_list on figures (principal, principal_kind, id);
grant select, insert,
      update (state, due_at, lease_until, owner, attempt, refused_since, refusal, received_of_sent, read_of_sent, received, read, pdf_digest,
              statement_digest, issued_at, reason, ended_at, commit_id)
   on figures to ${app};

-- Every received file: the PDF and the JSON part beside it, sealed in pieces. Append only.
create table figures_file (
    id        uuid        not null,
    attempt   integer     not null,
    part      text        not null constraint figures_file_part_known check (part in ('pdf', 'statement')),
    pieces    bytea[]     not null,
    stored_at timestamptz not null,
    constraint figures_file_pk primary key (id, attempt, part)
) partition by range (id);
alter table figures_file alter column pieces set storage external;
grant select, insert on figures_file to ${app};

-- Certificates that the hub pushed, once for each of its pushes, and what came of them. A replica claims a row while it has no outcome.
create table certificate_push (
    push        uuid        not null constraint certificate_push_pk primary key,
    cert_num    text        not null,
    edoc_num    text        collate "C" not null,
    -- The applicant that the hub names.
    applicant   text        not null,
    received_at timestamptz not null,
    due_at      timestamptz,
    lease_until timestamptz,
    owner       text,
    attempt     integer     not null default 0,
    outcome     text        constraint certificate_push_outcome_known check (outcome in ('taken', 'check_failed', 'duplicate', 'late', 'no_request')),
    certificate uuid        constraint certificate_push_of_certificate references certificate (id),
    ended_at    timestamptz,
    commit_id   uuid        not null,
    constraint certificate_push_due_without_outcome check ((outcome is null) = (due_at is not null) and (outcome is null) = (ended_at is null))
);
create index certificate_push_due on certificate_push (due_at) where outcome is null;
create index certificate_request_edoc_num on certificate_request (edoc_num);
create index certificate_cert_num on certificate (cert_num) where cert_num is not null;
grant select, insert, update (due_at, lease_until, owner, attempt, outcome, certificate, ended_at, commit_id) on certificate_push to ${app};
