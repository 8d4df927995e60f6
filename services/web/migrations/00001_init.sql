-- +goose Up

-- Sessions of people at the pages. They are no evidence: viewing states each proof of identity, and the units each act. A row is found by the SHA-256
-- of the random id in the browser's cookie.
create table session (
    id_hash       bytea       not null constraint session_pk primary key constraint session_id_hash_size check (octet_length(id_hash) = 32),
    -- By which its owner's list of sessions names it; gives no access.
    device        uuid        not null constraint session_device unique,
    -- Recipient id of the person.
    person        uuid        not null,
    -- The person's token, sealed with the device as its subject.
    sealed_token  bytea       not null,
    -- The organisation for which the person acts (recipient id), and its token and name, sealed alike.
    organisation  uuid,
    sealed_acting bytea,
    -- What kind of browser and system, without version.
    agent         text        not null constraint session_agent_length check (char_length(agent) <= 60),
    created_at    timestamptz not null,
    seen_at       timestamptz not null,
    expires_at    timestamptz not null,
    constraint session_acting_whole check ((organisation is null) = (sealed_acting is null))
);
create index session_person on session (person);
create index session_expiry on session (expires_at);
grant select, insert, update, delete on session to ${app};

-- What people prepare to send many documents at once. Kept for a day, so that it outlives their sessions.
create table draft (
    id             uuid        not null constraint draft_pk primary key,
    -- Recipient id of the person, and of the organisation for which the person prepares it. Nobody else sees it.
    person         uuid        not null,
    organisation   uuid,
    -- Counts the changes: who changes an older state changes nothing.
    version        integer     not null default 1,
    -- Name of the batch in which its documents are sent.
    batch          text        not null constraint draft_batch_form check (batch ~ '^[A-Za-z0-9._-]{1,40}$'),
    -- The files with their names; the rows of the sheet, null until one is given; and the rows that intake refused. Sealed in pieces.
    sealed_files   bytea[]     not null,
    sealed_sheet   bytea[],
    sealed_refused bytea[]     not null,
    -- How many rows there are, and how many of them were handed to intake.
    row_count      integer     not null default 0,
    sent           integer     not null default 0 constraint draft_sent_within check (sent between 0 and row_count),
    -- Since when it is sent; then it does not change any more.
    begun_at       timestamptz,
    created_at     timestamptz not null,
    expires_at     timestamptz not null,
    constraint draft_begun_first check (sent = 0 or begun_at is not null)
);
create index draft_person on draft (person);
create index draft_expiry on draft (expires_at);
grant select, insert, update, delete on draft to ${app};
