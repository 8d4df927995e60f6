-- +goose Up
-- Which submission of name and papers a registration is about, counted from 1. After a refusal an operator submits them again:
--   taken, refused -> due  with other documents, as the next submission; the hub refused the address, or somebody else had it
alter table address_registration add column submission integer not null default 1 constraint address_registration_submission_counts check (submission > 0);

-- What operators submitted after refusals. The first submission is the making of the institution. Append-only.
create table institution_submission (
    principal    uuid        not null constraint institution_submission_of references institution (principal),
    submission   integer     not null constraint institution_submission_after_first check (submission > 1),
    operator     text        not null,
    request_id   text        collate "C" not null,
    digest       bytea       not null constraint institution_submission_digest_size check (octet_length(digest) = 32),
    refused_by   text        not null constraint institution_submission_refused_by_known check (refused_by in ('hub', 'relay')),
    submitted_at timestamptz not null,
    constraint institution_submission_pk          primary key (principal, submission),
    constraint institution_submission_request_key unique (operator, request_id)
);
grant select, insert on institution_submission to ${app};
