-- +goose Up

-- Circulation records (유통정보): what is known of a document's way, whoever registers it. A row is made by whichever fact comes first
-- and filled by the others; a time, once the earliest, never moves. Kept ten years after the end of its year.
create table circulation_record (
    edoc_num          text        collate "C" not null,
    sender            text        not null,
    lane              smallint    not null constraint circulation_record_lane_known check (lane in (1, 2)),
    -- From DocumentSent or DocumentReceived; all of them or none.
    registrar         text,
    circulation       boolean,
    recipient         text,
    from_platform     text,
    from_address      text,
    from_sub_address  text,
    from_valid_from   timestamptz,
    to_platform       text,
    to_address        text,
    to_sub_address    text,
    to_valid_from     timestamptz,
    document_type     smallint    constraint circulation_record_document_type_known check (document_type between 1 and 3),
    document_hash     text,
    attachment_hashes text[],
    sealed_title      bytea,
    sent_at           timestamptz,
    received_at       timestamptz,
    read_at           timestamptz,
    constraint circulation_record_pkey primary key (edoc_num),
    constraint circulation_record_facts_whole check (num_nonnulls(registrar, circulation, document_type, document_hash, sent_at) in (0, 5)),
    constraint circulation_record_received_is_sent check (received_at is null or sent_at is not null),
    constraint circulation_record_sent_before_received check (sent_at <= received_at),
    -- A read time has the precision its reporter gave, at least seconds (architecture, section 6).
    constraint circulation_record_received_before_read
        check (date_trunc('second', received_at at time zone 'UTC') <= date_trunc('second', read_at at time zone 'UTC'))
) partition by range (edoc_num);
alter table circulation_record alter column sealed_title set storage external;
grant select, insert, update on circulation_record to ${app};

-- The calls to the hub that a record needs: 1 registration, 2 read time. Narrow, and claimed by lease; doc.go draws the states.
create table hub_call (
    edoc_num        text        collate "C" not null,
    kind            smallint    not null constraint hub_call_kind_known check (kind in (1, 2)),
    lane            smallint    not null constraint hub_call_lane_known check (lane in (1, 2)),
    state           text        not null
        constraint hub_call_state_known check (state in ('WAITING', 'DUE', 'CONFIRMING', 'DONE', 'QUEUED')),
    due_at          timestamptz not null,
    lease_until     timestamptz,
    owner           uuid,
    -- Claims so far; the number fences a late result.
    attempts        integer     not null default 0,
    -- Those of them that surely left nothing at the hub.
    ineffective     integer     not null default 0,
    confirmations   integer     not null default 0,
    -- Keyed hash of the content as the hub gets it, from before the first attempt.
    content_digest  bytea       constraint hub_call_content_digest_length check (octet_length(content_digest) = 32),
    result          smallint    not null default 0,
    acknowledged_at timestamptz,
    queue_reason    text,
    queued_at       timestamptz,
    cause           uuid        not null,
    traceparent     text,
    constraint hub_call_pkey primary key (edoc_num, kind),
    constraint hub_call_done_is_acknowledged check (state <> 'DONE' or (result in (1, 2) and acknowledged_at is not null)),
    constraint hub_call_queued_has_reason check ((state = 'QUEUED') = (queue_reason is not null and queued_at is not null)),
    constraint hub_call_ineffective_bounded check (ineffective <= attempts)
) partition by range (edoc_num);
create index hub_call_due on hub_call (state, kind, lane, due_at) where state in ('DUE', 'CONFIRMING');
create index hub_call_queue on hub_call (queued_at, edoc_num, kind) where state = 'QUEUED';
grant select, insert, update on hub_call to ${app};

-- Every attempt that was sent, append-only. An attempt without a row was claimed by a replica that ended before it learned an outcome.
create table hub_attempt (
    edoc_num       text        collate "C" not null,
    kind           smallint    not null,
    attempt        integer     not null,
    outcome        text        not null constraint hub_attempt_outcome_known check (outcome in ('ANSWERED', 'LEFT_OUT', 'REFUSED', 'UNKNOWN')),
    result         smallint    not null constraint hub_attempt_result_of_answer check ((outcome = 'ANSWERED') = (result > 0)),
    -- Id of the hub unit's exchange, empty where none is known.
    exchange       text        not null,
    content_digest bytea       not null constraint hub_attempt_content_digest_length check (octet_length(content_digest) = 32),
    started_at     timestamptz not null,
    ended_at       timestamptz not null,
    constraint hub_attempt_pkey primary key (edoc_num, kind, attempt)
) partition by range (edoc_num);
grant select, insert on hub_attempt to ${app};
