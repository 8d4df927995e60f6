-- +goose Up

-- Documents that can be viewed: the facts of a received document that viewing needs, as delivery stated them when the first token
-- was requested, and the numbers of tokens and verifications. The facts never change. Kept ten years after the end of its year,
-- and longer while its number is under legal hold.
create table document (
    edoc_num           text collate "C" not null,
    sender             text             not null constraint document_sender_present check (sender <> ''),
    lane               smallint         not null constraint document_lane_known check (lane in (1, 2)),
    recipient          text             not null constraint document_recipient_present check (recipient <> ''),
    to_address         text             not null constraint document_to_address_present check (to_address <> ''),
    document_type      smallint         not null constraint document_type_known check (document_type in (1, 2, 3)),
    -- A hash is written algorithm:hex; several are separated by commas.
    document_hash      text             not null constraint document_hash_form check (document_hash ~ '^SHA-(256|384|512):[0-9a-f]+$'),
    attachment_hashes  text             not null,
    registered_hash    text             not null,
    certificate_digest text             not null,
    -- naru.platform.v1.ViewingMode: 1 the sender's viewing system shows it at the URL, 2 this relay shows its contents: the uploads
    -- of the document and of its attachments.
    viewing_mode       smallint         not null constraint document_viewing_mode_known check (viewing_mode in (1, 2)),
    viewing_system     text             not null,
    viewing_url        text             not null,
    contents           text[]           not null,
    viewing_deadline   timestamptz      not null,
    sent_at            timestamptz      not null,
    received_at        timestamptz      not null,
    sealed_identifier  bytea            not null,
    -- The commit of delivery that states the receipt.
    received_commit_id uuid             not null,
    tokens             integer          not null default 0,
    verifications      integer          not null default 0,
    constraint document_pk primary key (edoc_num),
    constraint document_shown_somewhere check (case viewing_mode when 1 then viewing_system <> '' and viewing_url <> '' and cardinality(contents) = 0
                                                                 else viewing_system = '' and cardinality(contents) > 0 end),
    constraint document_sent_before_received check (sent_at <= received_at),
    constraint document_counts check (tokens >= 0 and verifications between 0 and tokens)
) partition by range (edoc_num);
alter table document alter column sealed_identifier set storage external;
grant select, insert, update (tokens, verifications) on document to ${app};

-- Numbers of cancelled documents. A cancel may be known before the document, or without it.
create table cancellation (
    edoc_num     text collate "C" not null,
    cancelled_at timestamptz      not null,
    frame_id     uuid             not null,
    constraint cancellation_pk primary key (edoc_num)
) partition by range (edoc_num);
grant select, insert on cancellation to ${app};

-- Viewing systems, the senders they serve, and whether they are suspended, in the newest version stated by the gateway.
create table viewing_system (
    id        text    not null constraint viewing_system_pk primary key,
    suspended boolean not null,
    senders   text[]  not null,
    version   bigint  not null,
    frame_id  uuid    not null
);
grant select, insert, update on viewing_system to ${app};

-- Viewing tokens (열람인증토큰): first unused, then used once. doc.go draws the states.
create table viewing_token (
    edoc_num        text collate "C" not null,
    jti             uuid             not null,
    ordinal         integer          not null constraint viewing_token_ordinal_positive check (ordinal > 0),
    digest          bytea            not null constraint viewing_token_digest_sha256 check (octet_length(digest) = 32),
    key_id          text             not null,
    recipient       text             not null,
    -- The person who asked for it, if the recipient is an organisation.
    acted_by        text             not null,
    viewing_system  text             not null,
    issued_at       timestamptz      not null,
    expires_at      timestamptz      not null,
    used_at         timestamptz,
    request_id      text,
    verification_id uuid,
    -- The commits that issued and used the token.
    commit_id       uuid             not null,
    used_commit_id  uuid,
    constraint viewing_token_pk primary key (edoc_num, jti),
    constraint viewing_token_number unique (edoc_num, ordinal),
    constraint viewing_token_life check (issued_at < expires_at and expires_at <= issued_at + interval '10 minutes'),
    constraint viewing_token_used_whole check ((used_at is null) = (request_id is null) and (used_at is null) = (verification_id is null)
                                                     and (used_at is null) = (used_commit_id is null)),
    constraint viewing_token_used_in_life check (used_at >= issued_at and used_at < expires_at)
) partition by range (edoc_num);
-- For whose documents tokens were given, by time (jti is a UUIDv7).
create index viewing_token_recipient on viewing_token (recipient, jti);
grant select, insert, update (used_at, request_id, verification_id, used_commit_id) on viewing_token to ${app};

-- Viewings of this relay itself: each is the verification that used a viewing token up. served_at is when bytes of the document
-- first went out, by the comparison with the digest.
create table hosted_viewing (
    id                uuid             not null,
    edoc_num          text collate "C" not null,
    recipient         text             not null,
    acted_by          text             not null,
    -- What the viewing token says of the document (algorithm:hex).
    token_hash        text             not null,
    opened_at         timestamptz      not null,
    expires_at        timestamptz      not null,
    served_at         timestamptz,
    comparison_digest text,
    commit_id         uuid             not null,
    constraint hosted_viewing_pk primary key (id),
    constraint hosted_viewing_life check (opened_at < expires_at),
    constraint hosted_viewing_served_by_comparison check ((served_at is null) = (comparison_digest is null))
) partition by range (id);
grant select, insert, update (served_at, comparison_digest) on hosted_viewing to ${app};

-- Every attempt to verify a token, including refused ones. The id of an accepted attempt is its verification id. Append only.
create table token_check (
    id              uuid        not null,
    viewing_system  text        not null,
    request_id      text        not null,
    token_digest    bytea       not null constraint token_check_digest_sha256 check (octet_length(token_digest) = 32),
    edoc_num        text collate "C",
    jti             uuid,
    outcome         text        not null constraint token_check_outcome_known
                                check (outcome in ('ACCEPTED', 'REPEATED', 'MALFORMED', 'FORGED', 'EXPIRED', 'FOREIGN', 'REPLAYED', 'NOT_AUTHORISED')),
    verification_id uuid,
    checked_at      timestamptz not null,
    commit_id       uuid        not null,
    constraint token_check_pk primary key (id),
    constraint token_check_verified check ((outcome in ('ACCEPTED', 'REPEATED')) = (verification_id is not null)),
    constraint token_check_own_id check (outcome <> 'ACCEPTED' or verification_id = id)
) partition by range (id);
create index token_check_document on token_check (edoc_num) where edoc_num is not null;
grant select, insert on token_check to ${app};

-- The read time (열람일시), from the first accepted report, for ever. Append only.
create table read_time (
    edoc_num        text collate "C" not null,
    read_at         timestamptz      not null,
    verified_at     timestamptz      not null,
    reported_at     timestamptz      not null,
    verification_id uuid             not null,
    viewing_system  text             not null,
    log_digest      text             not null,
    report_id       uuid             not null,
    commit_id       uuid             not null,
    constraint read_time_pk primary key (edoc_num),
    -- A read time has its reporter's precision, at least seconds.
    constraint read_time_after_verified check (read_at >= date_trunc('second', verified_at)),
    -- The greatest difference that report.ahead may allow.
    constraint read_time_before_reported check (read_at <= reported_at + interval '10 seconds')
) partition by range (edoc_num);
grant select, insert on read_time to ${app};

-- Every read report, including refused ones. Number and verification are as the reporter sent them. Append only.
create table read_report (
    id              uuid             not null,
    edoc_num        text collate "C" not null,
    verification_id uuid             not null,
    viewing_system  text             not null,
    read_at         timestamptz      not null,
    shown_hash      text             not null,
    log_digest      text             not null,
    outcome         text             not null constraint read_report_outcome_known
                                     check (outcome in ('ACCEPTED', 'REPEATED', 'DIFFERS', 'VERIFICATION_UNKNOWN', 'OUT_OF_WINDOW',
                                                        'SHOWN_HASH_DIFFERS', 'READ_TIME_NOT_KEPT')),
    reported_at     timestamptz      not null,
    -- The reporter's own clock when it sent the report, if it said so.
    sent_at         timestamptz,
    commit_id       uuid             not null,
    constraint read_report_pk primary key (id)
) partition by range (id);
create index read_report_document on read_report (edoc_num);
grant select, insert on read_report to ${app};

-- Sessions that began, as the member is shown them: a person's own by the id of the login, an organisation's by the id of the token.
-- Append only.
create table session_opened (
    id        uuid        not null,
    -- Whose session it is.
    recipient text        not null,
    -- Who took it.
    person    text        not null,
    opened_at timestamptz not null,
    commit_id uuid        not null,
    constraint session_opened_pk primary key (id)
) partition by range (id);
create index session_opened_recipient on session_opened (recipient, id);
-- What a person took of organisations.
create index session_opened_person on session_opened (person, id) where person <> recipient;
grant select, insert on session_opened to ${app};

-- Logins at the identity provider (본인확인). Each can be completed once within five minutes. Nothing here reveals who logged in.
create table login (
    id              uuid        not null,
    state_digest    bytea       not null constraint login_state_digest_sha256 check (octet_length(state_digest) = 32),
    nonce_digest    bytea       not null constraint login_nonce_digest_sha256 check (octet_length(nonce_digest) = 32),
    sealed_verifier bytea       not null,
    redirect_uri    text        not null,
    started_at      timestamptz not null,
    expires_at      timestamptz not null,
    used_at         timestamptz,
    constraint login_pk primary key (id),
    constraint login_used_in_life check (used_at >= started_at and used_at < expires_at)
) partition by range (id);
grant select, insert, update (used_at) on login to ${app};
