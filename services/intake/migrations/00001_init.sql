-- +goose Up

-- Accepted documents. A row is the request as accepted, and is never changed. Kept ten years after the end of its year, and
-- longer while its number is under legal hold (legal_hold).
create table document (
    edoc_num           text        collate "C" not null,
    tenant             uuid        not null,
    lane               smallint    not null constraint document_lane_known check (lane in (1, 2)),
    accepted_at        timestamptz not null,
    -- Null where the sender handed the document itself over.
    certificate_digest bytea       constraint document_certificate_digest_sha256 check (octet_length(certificate_digest) = 32),
    receipt            text        not null constraint document_receipt_bounded check (octet_length(receipt) between 1 and 8192),
    commit_id          uuid        not null,
    constraint document_pkey primary key (edoc_num)
) partition by range (edoc_num);
-- Sealed and signed bytes cannot be compressed; trying would only cost time.
alter table document alter column receipt set storage external;
grant select, insert on document to ${app};

-- The senders' own keys. The table is not partitioned, because a key is unique across years. Only forget_keys searches it by
-- number, after a year was dropped. Numbers grow with the table, so a block range index suffices and adds nothing to an insert.
create table own_key (
    tenant      uuid  not null,
    own_key     text  collate "C" not null constraint own_key_length check (length(own_key) between 1 and 40),
    edoc_num    text  collate "C" not null,
    fingerprint bytea not null constraint own_key_fingerprint_length check (octet_length(fingerprint) = 32),
    constraint own_key_pkey primary key (tenant, own_key)
);
create index own_key_edoc_num on own_key using brin (edoc_num) with (autosummarize = on);
grant select, insert on own_key to ${app};

-- forget_keys deletes own keys with numbers below a bound whose documents are gone. It is the only way for the unit's role to
-- delete keys.
-- +goose StatementBegin
create function forget_keys(below text, most integer) returns bigint
language sql security definer set search_path = ${schema}, pg_temp
as $$
    with gone as (
      delete from own_key
      where  (tenant, own_key) in (
               select k.tenant, k.own_key
               from   own_key k
               where  k.edoc_num < below collate "C"
                 and  not exists (select from document d where d.edoc_num = k.edoc_num)
               limit  most)
      returning 1)
    select count(*) from gone
$$;
-- +goose StatementEnd
grant execute on function forget_keys(text, integer) to ${app};

-- Registration certificates (최초등록증명서) as supplied, stored after they were verified; sealed (purpose registration_certificate, subject: the
-- digest), because they name their owner and by some profiles hold the document. 1 to 16,384 bytes, and what sealing adds.
create table registration_certificate (
    digest        bytea       not null constraint registration_certificate_digest_sha256 check (octet_length(digest) = 32),
    certificate   bytea       not null constraint registration_certificate_bounded check (octet_length(certificate) between 46 and 16429),
    kept_at       timestamptz not null,
    constraint registration_certificate_pkey primary key (digest)
);
alter table registration_certificate alter column certificate set storage external;
grant select, insert on registration_certificate to ${app};

-- The senders who supplied a certificate before their documents.
create table certificate_supplier (
    digest    bytea not null constraint certificate_supplier_of references registration_certificate (digest),
    tenant    uuid  not null,
    commit_id uuid  not null,
    constraint certificate_supplier_pkey primary key (digest, tenant)
);
grant select, insert on certificate_supplier to ${app};

-- The next serial of each KST date. A block is committed before any of its numbers is used, so a crash leaves a gap but never a
-- repetition. Blocks begin where the time of day has come to (serial.go), so numbers are not repeated after a restore either.
create table serial_block (
    day         date   not null,
    code        text   not null constraint serial_block_code_length check (length(code) = 10),
    next_serial bigint not null constraint serial_block_next_serial_range check (next_serial between 1 and 10000000000000),
    constraint serial_block_pkey primary key (day, code)
);
grant select, insert, update (next_serial) on serial_block to ${app};


-- Requests to cancel a document, one per document.
create table cancel_request (
    edoc_num     text        collate "C" not null,
    tenant       uuid        not null,
    requested_at timestamptz not null,
    commit_id    uuid        not null,
    constraint cancel_request_pkey primary key (edoc_num)
) partition by range (edoc_num);
grant select, insert on cancel_request to ${app};

-- What agents may send or obtain for others: asked for by an agent, given by the sender, ended by either. Items count by keyed hashes of their digests, so
-- nobody can find one by trying. Kept as documents are.
create table authorisation (
    id               uuid        not null,
    agent            uuid        not null,
    sender           uuid        not null,
    -- Which kind of principal the sender is: an institution, or a member by its recipient id.
    sender_kind      smallint    not null constraint authorisation_sender_kind_known check (sender_kind in (1, 4)),
    -- The agent's own id of the request, and a keyed hash of what it asked for, by which a repeat is recognised. A lock makes them unique.
    request_id       text        collate "C" not null constraint authorisation_request_id_length check (length(request_id) between 1 and 64),
    fingerprint      bytea       not null constraint authorisation_fingerprint_length check (octet_length(fingerprint) = 32),
    digest           bytea       not null constraint authorisation_digest_sha256 check (octet_length(digest) = 32),
    items            bytea[]     not null constraint authorisation_items_some check (cardinality(items) between 1 and 1000),
    asked_at         timestamptz not null,
    expires_at       timestamptz not null,
    given_at         timestamptz,
    -- The session in which it was approved, or the SHA-256 of the signature.
    session          text,
    signature_digest bytea       constraint authorisation_signature_digest_sha256 check (octet_length(signature_digest) = 32),
    ended_at         timestamptz,
    -- naru.intake.v1.AuthorisationEnd.
    ended_as         smallint    constraint authorisation_ended_as_known check (ended_as in (1, 2, 3)),
    -- naru.intake.v1.AuthorisationPurpose: to send items, or to obtain certificates of documents.
    purpose          smallint    not null constraint authorisation_purpose_known check (purpose in (1, 2)),
    commit_id        uuid        not null,
    constraint authorisation_pkey primary key (id),
    constraint authorisation_given_somehow check ((given_at is null) = (num_nonnulls(session, signature_digest) = 0)),
    constraint authorisation_ended_somehow check ((ended_at is null) = (ended_as is null))
) partition by range (id);
create index authorisation_agent on authorisation (agent, id);
create index authorisation_request on authorisation (agent, request_id);
create index authorisation_sender on authorisation (sender, id);
grant select, insert, update on authorisation to ${app};

-- What a sender is shown of the items before it decides, in pieces, sealed (purpose authorisation_items, subject: the authorisation).
create table authorisation_content (
    authorisation uuid        not null,
    piece         smallint    not null,
    sealed        bytea       not null,
    delete_from   timestamptz not null,
    constraint authorisation_content_pkey primary key (authorisation, piece)
);
alter table authorisation_content alter column sealed set storage external;
create index authorisation_content_delete on authorisation_content (delete_from);
grant select, insert, delete on authorisation_content to ${app};

-- A projection of the gateway's senders, agents and viewing systems.
create table principal (
    id        uuid     not null,
    kind      smallint not null constraint principal_kind_known check (kind in (1, 2, 3)),
    suspended boolean  not null,
    address   text     not null,
    senders   uuid[]   not null,
    hosts     text[]   not null,
    -- Of an institution: the public keys (JWK) with which it signs authorisations. Of an agent: its name.
    keys      text[]   not null,
    name      text     not null,
    version   bigint   not null,
    frame_id  uuid     not null,
    constraint principal_pkey primary key (id)
);
grant select, insert, update on principal to ${app};

-- A projection of the certified addresses of institutions, by their principal ids, and of members, by their recipient ids.
-- Registration and withdrawal may come in either order.
create table sender_address (
    owner       uuid not null,
    address     text collate "C" not null,
    platform_id text,
    valid_from  timestamptz,
    valid_until timestamptz,
    constraint sender_address_pkey primary key (owner, address),
    constraint sender_address_half check (valid_from is not null or valid_until is not null),
    constraint sender_address_registered_at_platform check ((valid_from is null) = (platform_id is null))
);
-- An agent names its sender by the address.
create index sender_address_address on sender_address (address);
grant select, insert, update on sender_address to ${app};

-- Projection of the institutions' archive memberships, sealed by address for the principal id; the version is the ordinal of the fact.
create table archive_membership (
    principal uuid   not null,
    sealed    bytea  not null,
    version   bigint not null,
    frame_id  uuid   not null,
    constraint archive_membership_pkey primary key (principal)
);
grant select, insert, update on archive_membership to ${app};
