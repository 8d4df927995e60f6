-- +goose Up

-- Queued calls for which an operator took the hub's word that it has them already, append-only. A reason is sealed (purpose
-- acceptance_reason, subject: id); its digest, which evidence has too, is salted with the id.
create table hub_acceptance (
    edoc_num    text        collate "C" not null,
    kind        smallint    not null constraint hub_acceptance_kind_known check (kind in (1, 2)),
    -- The attempt whose answer was accepted.
    attempt     integer     not null,
    id          uuid        not null,
    actor       text        not null,
    reason      bytea       not null,
    digest      bytea       not null constraint hub_acceptance_digest_length check (octet_length(digest) = 32),
    accepted_at timestamptz not null,
    constraint hub_acceptance_pkey primary key (edoc_num, kind, attempt)
) partition by range (edoc_num);
grant select, insert on hub_acceptance to ${app};
