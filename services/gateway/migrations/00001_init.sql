-- +goose Up
-- A commit_id names the commit whose facts last changed the row.

-- Who may use this relay's public doors, except recipients. version counts the facts stated about the principal
-- (PrincipalChanged).
create table principal (
    id         uuid        not null constraint principal_pk primary key,
    kind       text        not null constraint principal_kind_named check (kind <> ''),
    -- The name of an agent, a viewing system or an operator. The address unit stores the name of an institution, sealed.
    name       text        constraint principal_name_length check (char_length(name) between 1 and 40),
    suspended  boolean     not null default false,
    -- Of a viewing system: the senders whose documents it shows, by their principal ids; principals are never deleted.
    senders    uuid[]      not null default '{}',
    -- Of a viewing system: the hosts to which it is bound, as pkg/hostname has them; none: any host.
    hosts      text[]      not null default '{}',
    -- Of an institution: the public keys (JWK) with which it signs what agents may send for it.
    authorisation_keys text[] not null default '{}',
    version    integer     not null default 1 constraint principal_version_counts check (version > 0),
    created_at timestamptz not null,
    commit_id  uuid        not null,
    constraint principal_named check ((kind = 'sender') = (name is null)),
    constraint principal_keys_of_sender check (kind = 'sender' or authorisation_keys = '{}'),
    constraint principal_hosts_of_viewing_system check (kind = 'viewing_system' or hosts = '{}'),
    constraint principal_senders_of_viewing_system check ((kind = 'viewing_system') = (senders <> '{}'))
);
create index principal_viewing_system on principal (id) where kind = 'viewing_system';
create index principal_agent on principal (id) where kind = 'agent';
grant select, insert, update on principal to ${app};

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

-- Used client assertions, kept until they would have expired: each is valid once (RFC 7523 section 3, jti).
create table client_assertion (
    client     text        collate "C" not null,
    jti        text        collate "C" not null,
    expires_at timestamptz not null,
    constraint client_assertion_pk primary key (client, jti)
);
create index client_assertion_expiry on client_assertion (expires_at);
grant select, insert, delete on client_assertion to ${app};
