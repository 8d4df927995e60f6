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
