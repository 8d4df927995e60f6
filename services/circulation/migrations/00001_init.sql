-- +goose Up

-- Circulation records (유통정보): what is known about a document, whoever registers it, and the state of its two calls to the hub.
-- Whichever fact comes first inserts the row. Of several times for the same thing the earliest stays. Kept ten years after the
-- end of its year.
create table circulation_record (
    edoc_num          text        collate "C" not null,
    sender            text        not null,
    -- The commit of this unit's last fact that changed the row. Before there is one, the row follows from the frames named as its
    -- causes.
    commit_id         uuid,
    lane              smallint    not null constraint circulation_record_lane_known check (lane in (1, 2)),
    -- From DocumentReceived; all of them or none.
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
    -- The registration. State: 0 waiting or never to be made, 1 due, 2 confirming, 3 done, 4 queued, 5 given up; doc.go draws how they follow each
    -- other. It is claimed by the hub_call whose numbers it is among. Ineffective are the attempts that surely left nothing at the hub;
    -- the digest is the keyed hash of the content of the first attempt; refusals are the answers in a row that the hub may change, with the
    -- time of the first and the text of the last; call is the last hub_call; cause is the frame that made it due.
    registration_state           smallint not null default 0
        constraint circulation_record_registration_state_known check (registration_state between 0 and 5),
    registration_due_at          timestamptz,
    registration_attempts        integer not null default 0,
    registration_ineffective     integer not null default 0,
    registration_refusals        integer not null default 0,
    registration_refused_since   timestamptz,
    registration_refusal         text,
    registration_digest          bytea
        constraint circulation_record_registration_digest_length check (octet_length(registration_digest) = 32),
    registration_call            uuid,
    registration_result          smallint not null default 0,
    registration_acknowledged_at timestamptz,
    registration_reason          text,
    registration_queued_at       timestamptz,
    registration_cause           uuid,
    registration_traceparent     text,
    -- The same columns for the read time.
    read_time_state              smallint not null default 0
        constraint circulation_record_read_time_state_known check (read_time_state between 0 and 5),
    read_time_due_at             timestamptz,
    read_time_attempts           integer not null default 0,
    read_time_ineffective        integer not null default 0,
    read_time_refusals           integer not null default 0,
    read_time_refused_since      timestamptz,
    read_time_refusal            text,
    read_time_digest             bytea
        constraint circulation_record_read_time_digest_length check (octet_length(read_time_digest) = 32),
    read_time_call               uuid,
    read_time_result             smallint not null default 0,
    read_time_acknowledged_at    timestamptz,
    read_time_reason             text,
    read_time_queued_at          timestamptz,
    read_time_cause              uuid,
    read_time_traceparent        text,
    constraint circulation_record_pkey primary key (edoc_num),
    constraint circulation_record_facts_whole
        check (num_nonnulls(registrar, circulation, document_type, document_hash, sent_at, received_at) in (0, 6)),
    constraint circulation_record_sent_before_received check (sent_at <= received_at),
    -- A read time has its reporter's precision, at least seconds (docs/architecture.md, Times).
    constraint circulation_record_received_before_read
        check (date_trunc('second', received_at at time zone 'UTC') <= date_trunc('second', read_at at time zone 'UTC')),
    constraint circulation_record_registration_done_is_acknowledged
        check (registration_state <> 3 or (registration_result in (1, 2) and registration_acknowledged_at is not null)),
    constraint circulation_record_registration_queued_has_reason
        check ((registration_state in (4, 5)) = (registration_reason is not null and registration_queued_at is not null)),
    constraint circulation_record_registration_refusals_have_their_time
        check ((registration_refusals > 0) = (registration_refused_since is not null and registration_refusal is not null)),
    constraint circulation_record_registration_ineffective_bounded check (registration_ineffective <= registration_attempts),
    constraint circulation_record_read_time_done_is_acknowledged
        check (read_time_state <> 3 or (read_time_result in (1, 2) and read_time_acknowledged_at is not null)),
    constraint circulation_record_read_time_queued_has_reason
        check ((read_time_state in (4, 5)) = (read_time_reason is not null and read_time_queued_at is not null)),
    constraint circulation_record_read_time_refusals_have_their_time
        check ((read_time_refusals > 0) = (read_time_refused_since is not null and read_time_refusal is not null)),
    constraint circulation_record_read_time_ineffective_bounded check (read_time_ineffective <= read_time_attempts)
) partition by range (edoc_num);
alter table circulation_record alter column sealed_title set storage external;
-- These indexes hold only outstanding work: an ordinary record enters one of them once, and leaves it with its only update.
create index circulation_record_registration_due on circulation_record (registration_state, lane, registration_due_at)
    where registration_state in (1, 2);
create index circulation_record_read_time_due on circulation_record (lane, read_time_due_at) where read_time_state = 1;
create index circulation_record_queue on circulation_record (least(registration_queued_at, read_time_queued_at), edoc_num)
    where registration_state = 4 or read_time_state = 4;
create index circulation_record_refused on circulation_record (least(registration_refused_since, read_time_refused_since))
    where registration_refused_since is not null or read_time_refused_since is not null;
grant select, insert, update on circulation_record to ${app};

-- One row per batch of hub calls: the documents, the digest of each content before anything is sent, and each result; all arrays
-- have the order of numbers. The row is also the claim: while it is neither settled nor lapsed, no other claim takes its numbers.
-- It lapses when its lease has run out. A later result is stored in it but changes no record. Written values stay.
create table hub_call (
    id          uuid        not null,
    kind        smallint    not null constraint hub_call_kind_known check (kind in (1, 2)),
    lane        smallint    not null constraint hub_call_lane_known check (lane in (1, 2)),
    numbers     text[]      not null constraint hub_call_numbers_bounded check (cardinality(numbers) between 1 and 500),
    attempts    integer[]   not null constraint hub_call_attempts_whole check (cardinality(attempts) = cardinality(numbers)),
    claimed_at  timestamptz not null,
    lease_until timestamptz not null,
    lapsed_at   timestamptz,
    -- Null until something is about to be sent; elements are null for documents that are not sent.
    digests     bytea[]     constraint hub_call_digests_whole check (cardinality(digests) = cardinality(numbers)),
    settled_at  timestamptz,
    -- ANSWERED, LEFT_OUT, REFUSED or UNKNOWN; null for a document that was not sent.
    outcomes    text[]      constraint hub_call_outcomes_whole check (cardinality(outcomes) = cardinality(numbers)),
    results     smallint[]  constraint hub_call_results_whole check (cardinality(results) = cardinality(numbers)),
    -- Ids of the hub unit's exchanges; empty if unknown.
    exchanges   text[]      constraint hub_call_exchanges_whole check (cardinality(exchanges) = cardinality(numbers)),
    started_at  timestamptz[],
    ended_at    timestamptz[],
    -- The commit that states the results.
    commit_id   uuid,
    constraint hub_call_pkey primary key (id),
    constraint hub_call_settled_whole check (num_nonnulls(settled_at, outcomes, results, exchanges, started_at, ended_at, commit_id) in (0, 7))
) partition by range (id);
create index hub_call_open on hub_call (kind, lease_until) where settled_at is null and lapsed_at is null;
grant select, insert on hub_call to ${app};
grant update (lease_until, lapsed_at, digests, settled_at, outcomes, results, exchanges, started_at, ended_at, commit_id) on hub_call to ${app};

-- Replicas lock the row of a kind to claim calls one after the other, so that each sees the claims of the others.
create table hub_claim (
    kind smallint not null,
    constraint hub_claim_pkey primary key (kind)
);
insert into hub_claim (kind) values (1), (2);
grant select, update on hub_claim to ${app};

-- What operators decided about queued calls: accepted the hub's answer that it already has them, or gave them up. Append-only. The
-- reason is sealed (purpose ruling_reason, subject: id); its digest, which is stated, is salted with the id.
create table hub_ruling (
    edoc_num    text        collate "C" not null,
    kind        smallint    not null constraint hub_ruling_kind_known check (kind in (1, 2)),
    -- The attempt whose answer was ruled on.
    attempt     integer     not null,
    decision    text        not null constraint hub_ruling_decision_known check (decision in ('accepted', 'given_up')),
    id          uuid        not null,
    actor       text        not null,
    reason      bytea       not null,
    digest      bytea       not null constraint hub_ruling_digest_length check (octet_length(digest) = 32),
    ruled_at    timestamptz not null,
    commit_id   uuid        not null,
    constraint hub_ruling_pkey primary key (edoc_num, kind, attempt)
) partition by range (edoc_num);
grant select, insert on hub_ruling to ${app};
