-- +goose Up
-- A document before its receipt, and in the inbox (수신함). Kept ten years with its circulation record.
create table delivery (
    edoc_num            text collate "C" not null,
    state               text             not null
        constraint delivery_state_known check (state in ('WAITING', 'CANCELLING', 'DEPOSITING', 'DELIVERED', 'EXPIRED', 'CANCELLED', 'CLOSED', 'FAILED')),
    lane                smallint         not null,
    sender              text             not null,
    send_deadline       timestamptz,
    recipient           text,
    facts               bytea,
    sent_at             timestamptz,
    received_at         timestamptz,
    viewing_deadline    timestamptz,
    read_at             timestamptz,
    -- The frame of viewing that states the reading.
    read_frame_id       uuid,
    changed_at          timestamptz      not null,
    -- The commit of the last change of state, and the frame that caused it; frame_id is null if a deadline caused it.
    commit_id           uuid             not null,
    frame_id            uuid,
    -- The newest resolution (its ordinal) by which nothing was delivered, because the recipient had changed consent or refusals since.
    outdated            integer          not null default 0,
    -- The newest resolution (its ordinal) by which it waits, how many invitations told its recipient of the sender, and since when it is known that nothing
    -- says how to invite it.
    sought              integer          not null default 0,
    invitations         integer          not null default 0,
    unreachable_at      timestamptz,
    -- The commit that handled a request to cancel the document; from then on the recipient gets no notice of it.
    cancel_commit_id    uuid,
    constraint delivery_pk primary key (edoc_num),
    constraint delivery_delivered_is_complete check (state <> 'DELIVERED'
        or (recipient is not null and facts is not null and sent_at is not null and received_at is not null)),
    constraint delivery_sent_before_received check (sent_at <= received_at),
    -- A received document stays in its inbox. So a lookup by number can filter by received_at instead of state, and the planner
    -- does not choose the index of the inbox.
    constraint delivery_received_is_delivered check ((received_at is not null) = (state = 'DELIVERED')),
    constraint delivery_read_by_a_frame check ((read_at is null) = (read_frame_id is null))
) partition by range (edoc_num);
create index delivery_inbox on delivery (recipient, received_at desc, edoc_num desc) where state = 'DELIVERED';
-- A document with an undecided cancel ends at its deadline too.
create index delivery_deadline on delivery (send_deadline) where state in ('WAITING', 'CANCELLING', 'DEPOSITING');
grant select, insert, update on delivery to ${app};

-- Ended addresses of members; nothing is delivered to their inbox any more.
create table withdrawn_address (
    address     text        not null constraint withdrawn_address_pk primary key,
    valid_until timestamptz not null,
    frame_id    uuid        not null
);
grant select, insert on withdrawn_address to ${app};

-- How often members have changed consent and refusals. A resolution from before the last change delivers nothing.
create table recipient_choice (
    recipient text    not null constraint recipient_choice_pk primary key,
    choices   integer not null,
    frame_id  uuid    not null
);
grant select, insert, update on recipient_choice to ${app};

-- Received documents whose recipients still need a notice: one row per transaction. A round removes the row when it takes the
-- documents.
create table notice_arrival (
    id          uuid               not null constraint notice_arrival_pk primary key,
    edoc_nums   text[] collate "C" not null,
    received_at timestamptz        not null
);
grant select, insert, update, delete on notice_arrival to ${app};

-- Rounds of notices (claimed work): one call for all documents that arrived since the last round and still need a notice. The row
-- is deleted when the round is given. A round that was given up stays, so that a person can tell its recipients.
create table notice_round (
    id          uuid               not null constraint notice_round_pk primary key,
    edoc_nums   text[] collate "C" not null,
    received_at timestamptz        not null,
    due_at      timestamptz        not null,
    lease_until timestamptz,
    owner       text,
    attempt     integer            not null,
    last_error  text,
    given_up_at timestamptz,
    -- It tells once more of documents that were not read.
    reminder    boolean            not null default false
);
create index notice_round_due on notice_round (received_at) where given_up_at is null;
create index notice_round_given_up on notice_round (received_at, id) where given_up_at is not null;
grant select, insert, update, delete on notice_round to ${app};

-- Received documents of which recipients are to be reminded, if they have not read them by then. A row goes with its round.
create table notice_reminder (
    edoc_num text collate "C" not null constraint notice_reminder_pk primary key,
    at       timestamptz      not null
);
create index notice_reminder_at on notice_reminder (at);
grant select, insert, update, delete on notice_reminder to ${app};

-- Until when a notice URL asked not to be called (Retry-After, 410 Gone). A row for each URL that did, by its SHA-256.
create table notice_pause (
    hook         bytea       not null constraint notice_pause_pk primary key,
    paused_until timestamptz not null,
    reason       text        not null
);
grant select, insert, update on notice_pause to ${app};

-- Invitations of recipients who are members nowhere (claimed work while DUE): one for each sender and contact, whatever waits for it. The contact is as
-- intake sealed it, for the document sealed_for, and goes when nothing waits any more; the rest stays for half a year, so that a code is still confirmed.
create table invitation (
    id             uuid             not null constraint invitation_pk primary key,
    sender         text             not null,
    -- Keyed hashes of the contact, and of the code by which the invitee asks.
    contact_digest bytea            not null,
    code_digest    bytea            not null,
    reached_by     text             not null constraint invitation_reached_by_known check (reached_by in ('PHONE', 'EMAIL')),
    sealed_contact bytea,
    sealed_for     text collate "C",
    state          text             not null constraint invitation_state_known check (state in ('DUE', 'OPEN', 'REFUSED', 'ENDED')),
    -- The id of the message that is due or was given last.
    message        uuid             not null,
    due_since      timestamptz      not null,
    due_at         timestamptz      not null,
    lease_until    timestamptz,
    owner          text,
    attempt        integer          not null default 0,
    last_error     text,
    invited_at     timestamptz,
    -- The latest send deadline of what waits, or waited.
    open_until     timestamptz,
    changed_at     timestamptz      not null,
    constraint invitation_of_sender_unique unique (sender, contact_digest),
    constraint invitation_can_be_given check (state not in ('DUE', 'OPEN') or (sealed_contact is not null and sealed_for is not null))
);
create index invitation_due on invitation (due_at) where state = 'DUE';
create index invitation_failing on invitation (due_since, id) where state = 'DUE' and last_error is not null;
create index invitation_contact on invitation (contact_digest);
create index invitation_code on invitation (code_digest);
create index invitation_over on invitation (changed_at) where state in ('REFUSED', 'ENDED');
grant select, insert, update, delete on invitation to ${app};

-- Which documents wait for an invitation's recipient to join. A row goes when its document waits no more.
create table invitation_document (
    edoc_num   text collate "C" not null constraint invitation_document_pk primary key,
    invitation uuid             not null constraint invitation_document_of_invitation references invitation (id)
);
create index invitation_document_invitation on invitation_document (invitation, edoc_num);
grant select, insert, delete on invitation_document to ${app};

-- Who refuses invitations, by a keyed hash of the contact: of a sender, or of all (sender is empty). Kept for good.
create table invitation_refusal (
    contact_digest bytea       not null,
    sender         text        not null,
    refused_at     timestamptz not null,
    constraint invitation_refusal_pk primary key (contact_digest, sender)
);
grant select, insert on invitation_refusal to ${app};
