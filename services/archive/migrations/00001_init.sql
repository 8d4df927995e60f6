-- +goose Up
-- A document that this relay deposits for its sender, and claimed work while its deposit is due. A document that ended before it was
-- known here has a row, too (STOPPED, without facts), so that a late resolution begins nothing. Kept ten years with its circulation
-- record.
create table deposit (
    edoc_num           text collate "C" not null,
    state              text             not null
        constraint deposit_state_known check (state in ('DUE', 'DEPOSITED', 'FAILED', 'STOPPED')),
    -- Of the newest resolution that found the recipient here.
    sender             text,
    lane               smallint,
    facts              bytea,
    ordinal            integer          not null default 0,
    choices            integer          not null default 0,
    resolved_at        timestamptz,
    traceparent        text             not null default '',
    due_since          timestamptz,
    due_at             timestamptz,
    lease_until        timestamptz,
    owner              text,
    attempt            integer          not null default 0,
    -- The archive may hold a registration that is not known here: an attempt began whose outcome is unknown.
    uncertain          boolean          not null default false,
    -- It waits because the archive or the content unit was away, not because of what either answered.
    passing            boolean          not null default false,
    last_error         text,
    archive            text,
    archive_document   text,
    registered_at      timestamptz,
    certificate_digest text
        constraint deposit_certificate_digest_form check (certificate_digest ~ '^[0-9a-f]{64}$'),
    -- The attempt under which its certificate is kept.
    certificate_attempt integer,
    deposited_at       timestamptz,
    reason             text,
    ended_at           timestamptz,
    -- The commit of the last change of state, and the frame that led to it.
    commit_id          uuid             not null,
    frame_id           uuid             not null,
    constraint deposit_pk primary key (edoc_num),
    constraint deposit_resolved_whole check ((facts is null) = (sender is null) and (facts is null) = (lane is null) and (facts is null) = (resolved_at is null)
        and (facts is null) = (due_since is null) and (state = 'STOPPED' or facts is not null)),
    constraint deposit_due_has_a_time check ((state = 'DUE') = (due_at is not null)),
    constraint deposit_deposited_whole check ((state = 'DEPOSITED') = (certificate_digest is not null) and (state = 'DEPOSITED') = (registered_at is not null)
        and (state = 'DEPOSITED') = (archive_document is not null) and (state = 'DEPOSITED') = (deposited_at is not null)
        and (state = 'DEPOSITED') = (certificate_attempt is not null)),
    constraint deposit_failed_has_a_reason check ((state = 'FAILED') = (reason is not null)),
    constraint deposit_ended_has_a_time check ((state in ('FAILED', 'STOPPED')) = (ended_at is not null))
) partition by range (edoc_num);
-- A claim takes each sender's in turn; the queue lists the oldest first.
create index deposit_due on deposit (sender, lane, due_at) where state = 'DUE';
create index deposit_waiting on deposit (due_since, edoc_num) where state = 'DUE' and last_error is not null;
create index deposit_ended on deposit (due_since, edoc_num) where state in ('FAILED', 'STOPPED') and due_since is not null;
create index deposit_registration on deposit (archive_document) where archive_document is not null;
grant select, insert, update on deposit to ${app};

-- Every certificate that the archive gave, sealed, also those that were found wrong or came too late. Append only.
create table deposit_certificate (
    edoc_num         text collate "C" not null,
    attempt          integer          not null,
    -- Why it was not accepted; empty for one that was.
    finding          text             not null,
    late             boolean          not null,
    archive_document text             not null,
    digest           text             not null,
    pieces           bytea[]          not null,
    -- SHA-256 of the raw answer that held it.
    answer_digest    text             not null,
    kept_at          timestamptz      not null,
    commit_id        uuid             not null,
    constraint deposit_certificate_pk primary key (edoc_num, attempt)
) partition by range (edoc_num);
grant select, insert on deposit_certificate to ${app};
