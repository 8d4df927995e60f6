-- +goose Up
-- The journal: everything this unit states, for others and for itself. A row is never changed; journal_mark records what is done
-- with a frame.
create table journal (
    frame_id    uuid        not null,
    kind        text        collate "C" not null,
    lane        smallint    not null constraint journal_lane_known check (lane in (0, 1, 2)),
    events      integer     not null constraint journal_events_bounded check (events between 1 and 500),
    key_id      text        collate "C" not null,
    compression smallint    not null,
    raw_length  integer     not null constraint journal_raw_length_bounded check (raw_length between 1 and 1048576),
    recorded_at timestamptz not null,
    root        bytea       not null constraint journal_root_length check (octet_length(root) = 32),
    mac         bytea       not null constraint journal_mac_length check (octet_length(mac) = 32),
    body        bytea       not null constraint journal_body_bounded check (octet_length(body) <= 262144),
    constraint journal_pk primary key (frame_id)
) partition by range (frame_id);
alter table journal alter column body set storage external;
grant select, insert on journal to ${app};

-- What was done with each frame. A public frame is published once. Every frame gets a leaf of the log, or is refused, or is held
-- for an operator.
create table journal_mark (
    frame_id     uuid        not null,
    lane         smallint    not null,
    -- The sender whose turn a paced frame waits for; null if the frame is published at once.
    turn         text        collate "C",
    leaf         bigint,
    published_at timestamptz,
    stream_seq   bigint,
    lease_until  timestamptz,
    -- Why the frame is not logged: this unit did not write it (refused), or its time is not now (held_at).
    refused      text,
    held_at      timestamptz,
    -- The frame that states the operator's release.
    released_by  uuid,
    constraint journal_mark_pk primary key (frame_id),
    constraint journal_mark_published_has_sequence check ((published_at is null) = (stream_seq is null)),
    constraint journal_mark_refused_has_no_leaf check (refused is null or leaf is null)
) partition by range (frame_id);
create index journal_mark_unpublished on journal_mark (frame_id) where published_at is null and lane > 0 and refused is null;
create index journal_mark_turn on journal_mark (turn, frame_id) where published_at is null and turn is not null and refused is null;
create index journal_mark_unlogged on journal_mark (frame_id) where leaf is null and refused is null;
create index journal_mark_leaf on journal_mark (leaf);
create index journal_mark_sequence on journal_mark (stream_seq) where published_at is not null;
grant select, insert, update (leaf, published_at, stream_seq, lease_until, refused, held_at, released_by) on journal_mark to ${app};

-- The log: a Merkle tree whose leaves are the headers of the frames, in tiles of 256 hashes (C2SP tlog-tiles).
create table log_tile (
    level  smallint not null,
    n      bigint   not null,
    hashes bytea    not null constraint log_tile_whole_hashes check (octet_length(hashes) between 32 and 8192 and octet_length(hashes) % 32 = 0),
    constraint log_tile_pk primary key (level, n)
);
alter table log_tile alter column hashes set storage external;
grant select, insert, update (hashes) on log_tile to ${app};

-- Checkpoints of the log (C2SP tlog-checkpoint), with the first cosignature of the unit that witnesses it, once it has answered. A row is
-- never changed after that: time stamps are over its text.
create table log_checkpoint (
    seq        bigint      not null constraint log_checkpoint_seq_counts check (seq > 0),
    generation integer     not null constraint log_checkpoint_generation_counts check (generation > 0),
    size       bigint      not null constraint log_checkpoint_size_positive check (size > 0),
    note       text        not null,
    made_at    timestamptz not null,
    cosigned   text,
    constraint log_checkpoint_pk primary key (seq),
    constraint log_checkpoint_grows unique (generation, size)
);
grant select, insert, update (cosigned) on log_checkpoint to ${app};

-- The newest cosignature that each witness gave of a checkpoint since the first one. A later one by the same key over the same tree says
-- all that the one before said, and that the tree still stood: it replaces it, so a log that stands still does not grow here.
create table log_cosignature (
    generation  integer     not null,
    size        bigint      not null,
    -- Whose it is: name and hash of the key, as a verifier key begins.
    witness     text        collate "C" not null constraint log_cosignature_witness_bounded check (octet_length(witness) between 1 and 300),
    -- Its line of the note (C2SP tlog-cosignature); it states its own time.
    line        text        not null constraint log_cosignature_line_bounded check (octet_length(line) between 1 and 8192),
    -- When this unit was given it, by its own clock.
    given_at    timestamptz not null,
    constraint log_cosignature_pk primary key (generation, size, witness)
);
grant select, insert, update (line, given_at) on log_cosignature to ${app};

-- Time stamps (RFC 3161) of checkpoints by a third party, each over SHA-256 of the checkpoint's text with all its signatures.
create table log_stamp (
    generation integer     not null,
    size       bigint      not null,
    token      bytea       not null constraint log_stamp_token_bounded check (octet_length(token) between 1 and 65536),
    -- What the token says, for looking things up.
    stamped_at timestamptz not null,
    constraint log_stamp_pk primary key (generation, size)
);
grant select, insert on log_stamp to ${app};

-- A single row. Its lock lets only one replica at a time write the log.
create table log_turn (
    one        boolean not null default true constraint log_turn_pk primary key constraint log_turn_one check (one),
    generation integer not null default 1,
    -- The frame that states how an operator began this generation; null in the first.
    reopened_by uuid
);
insert into log_turn default values;
grant select, update on log_turn to ${app};

-- This unit as a witness: the newest checkpoint it has seen of each other unit's log. The key folder holds a copy.
create table witnessed_checkpoint (
    origin       text        collate "C" not null constraint witnessed_checkpoint_pk primary key,
    size         bigint      not null,
    note         text        not null,
    witnessed_at timestamptz not null
);
grant select, insert, update on witnessed_checkpoint to ${app};

-- Acts about legal holds. A subject is kept beyond its retention time while one of the orders (references) about it has 'placed' as its
-- newest act. seq is given out under the lock of a subject, so it has the order of the acts whatever the clocks said.
create table legal_hold (
    id          uuid        not null constraint legal_hold_pk primary key,
    seq         bigint      not null generated by default as identity,
    subject     text        collate "C" not null constraint legal_hold_subject_given check (subject <> ''),
    reference   text        not null constraint legal_hold_reference_given check (reference <> ''),
    action      text        not null constraint legal_hold_action_known check (action in ('placed', 'released')),
    actor       text        not null constraint legal_hold_actor_given check (actor <> ''),
    recorded_at timestamptz not null default clock_timestamp(),
    commit_id   uuid        not null
);
create unique index legal_hold_newest on legal_hold (subject, reference, seq desc);
grant select on legal_hold to ${app};
grant insert (id, subject, reference, action, actor, commit_id) on legal_hold to ${app};

-- The holds in force, and what they are about.
create view hold_in_force as
    select seq, subject, reference, actor, recorded_at
    from   (select distinct on (subject, reference) seq, subject, reference, action, actor, recorded_at
            from   legal_hold
            order  by subject, reference, seq desc) newest
    where  action = 'placed';
grant select on hold_in_force to ${app};
