-- +goose Up

-- Kinds of timeline entries. A code never changes its meaning. Codes have the order in which things happen; entries with the same
-- time are shown in this order.
create table timeline_kind (
    code smallint not null constraint timeline_kind_pkey primary key,
    name text     not null constraint timeline_kind_name_unique unique
);
insert into timeline_kind (code, name) values
    (10,  'naru.intake.v1.DocumentAccepted'),
    (20,  'naru.intake.v1.CancelRequested'),
    (30,  'naru.address.v1.RecipientResolved'),
    (35,  'naru.delivery.v1.RecipientInvited'),
    (36,  'naru.delivery.v1.RecipientUnreachable'),
    (40,  'naru.address.v1.DocumentCancelled'),
    (50,  'naru.archive.v1.DocumentDeposited'),
    (60,  'naru.delivery.v1.DocumentReceived'),
    (70,  'naru.delivery.v1.NoticeGiven'),
    (80,  'naru.delivery.v1.DeliveryExpired'),
    (90,  'naru.delivery.v1.DeliveryFailed'),
    (100, 'naru.delivery.v1.DocumentCancelled'),
    (110, 'naru.delivery.v1.CancelRefused'),
    (120, 'naru.viewing.v1.ViewingTokenIssued'),
    (130, 'naru.viewing.v1.ViewingTokenVerified'),
    (140, 'naru.viewing.v1.DocumentRead'),
    (150, 'naru.circulation.v1.CirculationRegistered'),
    (160, 'naru.circulation.v1.ReadTimeRegistered'),
    (170, 'naru.circulation.v1.CirculationRefused'),
    (175, 'naru.circulation.v1.CirculationGivenUp'),
    (180, 'naru.certificate.v1.CertificateIssued'),
    (190, 'naru.certificate.v1.CertificateFailed'),
    (200, 'naru.certificate.v1.BundleIssued'),
    (210, 'naru.certificate.v1.BundleFailed');
grant select on timeline_kind to ${app};

-- What happened to a document beyond the ordinary path; the summary holds the ordinary path. Append-only. The key is the identity
-- of the event.
create table timeline_entry (
    edoc_num        text        collate "C" not null,
    kind            smallint    not null,
    ordinal         integer     not null constraint timeline_entry_ordinal_positive check (ordinal > 0),
    occurred_at     timestamptz not null,
    recorded_at     timestamptz not null,
    acknowledged_at timestamptz,
    actor           text        not null,
    -- Named details as text, without personal data.
    details         jsonb,
    -- The frame that stated it.
    frame_id        uuid        not null,
    constraint timeline_entry_pkey primary key (edoc_num, kind, ordinal)
) partition by range (edoc_num);
grant select, insert on timeline_entry to ${app};

-- The facts of the ordinary path, from which the timeline shows them, and the present state. The facts only accumulate, so their
-- order of arrival does not matter; state and version are functions of them. A unit's own facts have the unit's name as actor.
create table document_summary (
    edoc_num                     text        collate "C" not null,
    sender                       uuid        not null,
    -- The frame that stated the latest change.
    frame_id                     uuid        not null,
    -- From the document's own facts; all of them or none.
    actor                        text,
    own_key                      text        collate "C",
    repeats                      text,
    -- The sender's own id of a group of documents; null for most.
    batch                        text        collate "C",
    accepted_at                  timestamptz,
    -- Null while the acceptance is known only from later facts.
    accepted_recorded_at         timestamptz,
    send_deadline                timestamptz,
    viewing_deadline             timestamptz,
    -- The latest outcome of the search (naru.address.v1.Resolution), by ordinal. A first outcome "own" is not stored, because the
    -- receipt implies it.
    resolution                   smallint    not null default 0,
    resolution_ordinal           integer     not null default 0,
    -- The latest outcome is that the recipient was found here, and the document is deposited before it is delivered.
    depositing                   boolean     not null default false,
    resolved_at                  timestamptz,
    -- When the recipient, a member nowhere, was last invited, and how often; and since when it is known that nothing says how to invite it.
    invited_at                   timestamptz,
    invitations                  integer     not null default 0,
    unreachable_at               timestamptz,
    sent_at                      timestamptz,
    received_at                  timestamptz,
    received_recorded_at         timestamptz,
    recipient_address            text,
    notice_given_at              timestamptz,
    notice_recorded_at           timestamptz,
    read_at                      timestamptz,
    read_recorded_at             timestamptz,
    -- Who reported the reading, from which viewing system, and the digest of its log.
    read_actor                   text,
    read_viewing_system          text,
    read_log_digest              text,
    expired_at                   timestamptz,
    failed_at                    timestamptz,
    failure_reason               text,
    cancelled_at                 timestamptz,
    cancel_refused_at            timestamptz,
    token_issued_at              timestamptz,
    tokens_issued                integer     not null default 0,
    token_verified_at            timestamptz,
    tokens_verified              integer     not null default 0,
    -- When the hub acknowledged it, when circulation stated it, and when it was recorded here.
    registered_at                timestamptz,
    registration_stated_at       timestamptz,
    registration_recorded_at     timestamptz,
    registration_result          smallint,
    registration_exchange        text,
    registration_refused_at      timestamptz,
    registration_refused_result  smallint,
    -- Of the refusal with the highest ordinal: what the hub has against it, and whether it goes again by itself.
    registration_refused_ordinal integer     not null default 0,
    registration_refusal         text,
    registration_retried         boolean     not null default false,
    -- An operator gave the call up.
    registration_given_up        boolean     not null default false,
    read_time_registered_at      timestamptz,
    read_time_stated_at          timestamptz,
    read_time_recorded_at        timestamptz,
    read_time_result             smallint,
    read_time_exchange           text,
    read_time_refused_at         timestamptz,
    read_time_refused_result     smallint,
    read_time_refused_ordinal    integer     not null default 0,
    read_time_refusal            text,
    read_time_retried            boolean     not null default false,
    read_time_given_up           boolean     not null default false,
    -- naru.status.v1.DocumentState. Nothing undoes a receipt; what ends a document before it beats what it waits for.
    state                        smallint    not null generated always as (
        case when read_at is not null      then 9
             when received_at is not null  then 8
             when cancelled_at is not null then 11
             when failed_at is not null    then
                  case failure_reason when 'NO_SUCH_PERSON' then 15 when 'INVITATION_REFUSED' then 16 when 'INVITATION_FAILED' then 17 else 12 end
             when resolution = 5 and unreachable_at is not null then 14 -- whether or not its deadline has passed
             when expired_at is not null   then 10
             when resolution = 3           then 5
             when resolution = 6           then 6
             when resolution = 2           then 3
             when resolution = 4           then 4
             when resolution = 5           then 2
             when depositing               then 13
             else 1 end) stored,
    -- Counts the facts, so it grows with each change.
    version                      bigint      not null generated always as (
        num_nonnulls(accepted_at, sent_at, received_at, read_at, expired_at, failed_at, cancelled_at, cancel_refused_at,
                     registered_at, read_time_registered_at, unreachable_at)::bigint
        + resolution_ordinal + invitations + tokens_issued + tokens_verified + registration_refused_ordinal + read_time_refused_ordinal) stored,
    constraint document_summary_pkey primary key (edoc_num),
    constraint document_summary_facts_whole check (num_nonnulls(accepted_at, own_key, actor) in (0, 3)),
    constraint document_summary_address_after_receipt check (recipient_address is null or received_at is not null)
) partition by range (edoc_num);
-- No column that changes is indexed, so that a summary can be updated within its own page.
create index document_summary_accepted on document_summary (sender, accepted_at);
create index document_summary_own_key on document_summary (sender, own_key);
-- An agent lists what it sent for others; documents that their senders sent themselves cost nothing.
create index document_summary_actor on document_summary (actor, accepted_at) where actor <> sender::text;
create index document_summary_actor_own_key on document_summary (actor, own_key) where actor <> sender::text;
-- What belongs to no batch costs nothing either.
create index document_summary_batch on document_summary (sender, batch, accepted_at) where batch is not null;
create index document_summary_actor_batch on document_summary (actor, batch, accepted_at) where batch is not null and actor <> sender::text;
grant select, insert, update on document_summary to ${app};
