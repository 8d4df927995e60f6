-- +goose Up

create table evidence_entry (
  id             uuid        not null,
  kind           text        not null constraint evidence_entry_kind_check    check (kind <> '' and length(kind) <= 100),
  subject        text        not null constraint evidence_entry_subject_check check (subject <> '' and length(subject) <= 100),
  tenant         text        not null,
  sender         text        not null,
  actor          text        not null,
  policy_version text        not null,
  occurred_at    timestamptz not null,
  recorded_at    timestamptz not null,
  body           bytea       not null,
  digest         bytea       not null constraint evidence_entry_digest_check  check (octet_length(digest) = 32),
  xid            xid8        not null default pg_current_xact_id(),
  constraint evidence_entry_pkey primary key (id)
) partition by range (id);

create index evidence_entry_xid_idx     on evidence_entry (xid, id);
create index evidence_entry_subject_idx on evidence_entry (subject, id);

create table evidence_anchor (
  seq         bigint      not null constraint evidence_anchor_seq_check    check (seq > 0),
  prev_digest bytea       not null constraint evidence_anchor_prev_check   check (octet_length(prev_digest) = 32),
  root        bytea       not null constraint evidence_anchor_root_check   check (octet_length(root) = 32),
  entry_count bigint      not null constraint evidence_anchor_count_check  check (entry_count > 0),
  xid_from    xid8        not null,
  xid_below   xid8        not null,
  anchored_at timestamptz not null,
  digest      bytea       not null constraint evidence_anchor_digest_check check (octet_length(digest) = 32),
  kid         text        not null,
  signature   bytea       not null,
  constraint evidence_anchor_pkey      primary key (seq),
  constraint evidence_anchor_prev_key  unique (prev_digest),
  constraint evidence_anchor_xid_check check (xid_from < xid_below)
);

create table evidence_hold (
  id          uuid        not null,
  subject     text        not null constraint evidence_hold_subject_check check (subject <> ''),
  action      text        not null constraint evidence_hold_action_check  check (action in ('placed', 'released')),
  actor       text        not null constraint evidence_hold_actor_check   check (actor <> ''),
  reference   text        not null constraint evidence_hold_reference_check check (reference <> ''),
  recorded_at timestamptz not null default clock_timestamp(),
  constraint evidence_hold_pkey primary key (id)
);

create index evidence_hold_subject_idx on evidence_hold (subject, id);

-- Append only. The transaction id is the database's to write: it decides an entry's place.
grant select on evidence_entry, evidence_anchor, evidence_hold to ${app};
grant insert on evidence_anchor to ${app};
grant insert (id, kind, subject, tenant, sender, actor, policy_version, occurred_at, recorded_at, body, digest)
   on evidence_entry to ${app};
grant insert (id, subject, action, actor, reference) on evidence_hold to ${app};
