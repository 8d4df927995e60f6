-- +goose Up
-- A file that was handed over (doc.go draws the states). The row is kept ten years, the bytes as long as something needs them.
create table upload (
    id           uuid        not null,
    principal    text        not null,
    state        text        not null
        constraint upload_state_known check (state in ('RECEIVING', 'CHECKING', 'READY', 'REFUSED', 'DELETED')),
    media_type   text        not null,
    size         bigint      not null constraint upload_size_positive check (size > 0),
    -- SHA-256 that its sender announced.
    hash         bytea       not null constraint upload_hash_form check (octet_length(hash) = 32),
    -- How many bytes are kept, and the state of SHA-256 over them.
    received     bigint      not null default 0,
    hash_state   bytea,
    -- The key of its bytes and its name, both sealed by the key folder; null once it is refused or deleted.
    sealed_key   bytea,
    sealed_name  bytea,
    findings     jsonb       not null default '[]',
    created_at   timestamptz not null,
    -- Until when it is kept if no further document names it.
    kept_until   timestamptz not null,
    -- The first document that named it came then.
    named_at     timestamptz,
    -- Its owner asked for its deletion, and who did.
    dismissed_at timestamptz,
    dismissed_by text,
    received_at  timestamptz,
    refused_at   timestamptz,
    deleted_at   timestamptz,
    why          text,
    -- Who appends to it or checks it now (claimed work).
    lease_owner  uuid,
    lease_until  timestamptz,
    -- The commit of its last fact; null while there is none.
    commit_id    uuid,
    constraint upload_pk primary key (id),
    constraint upload_not_more_than_announced check (received between 0 and size),
    constraint upload_key_as_long_as_needed check ((sealed_key is null) = (state in ('REFUSED', 'DELETED'))),
    constraint upload_name_with_key check ((sealed_name is null) = (sealed_key is null)),
    constraint upload_ready_was_received check (state <> 'READY' or received_at is not null),
    constraint upload_refused_at check ((state = 'REFUSED') = (refused_at is not null)),
    constraint upload_deleted_at check ((state = 'DELETED') = (deleted_at is not null and why is not null)),
    constraint upload_lease check ((lease_owner is null) = (lease_until is null))
) partition by range (id);
create index upload_open on upload (principal) where named_at is null and state in ('RECEIVING', 'CHECKING', 'READY');
create index upload_due on upload (kept_until) where state in ('RECEIVING', 'READY');
create index upload_checking on upload (lease_until) where state = 'CHECKING';
grant select, insert, update on upload to ${app};

-- A stretch of an upload: one object of the bucket. The row is there before the object, so no object is forgotten. size is null until the
-- object is whole and durable; only then it counts.
create table upload_part (
    object   uuid    not null constraint upload_part_pk primary key,
    upload   uuid    not null,
    number   integer not null,
    -- Where it begins in the file.
    position bigint  not null,
    size     bigint constraint upload_part_not_empty check (size > 0),
    -- The lease under which it is written.
    owner    uuid    not null,
    -- Its upload is gone; the object is still to be removed.
    gone     boolean not null default false
);
create unique index upload_part_kept on upload_part (upload, number) where size is not null;
create index upload_part_remains on upload_part (object) where gone or size is null;
create index upload_part_upload on upload_part (upload);
grant select, insert, update, delete on upload_part to ${app};

-- Which documents name an upload, and until when it is needed for that.
create table content_use (
    edoc_num     text collate "C" not null,
    upload       uuid             not null,
    needed_until timestamptz      not null,
    frame_id     uuid             not null,
    constraint content_use_pk primary key (edoc_num, upload)
) partition by range (edoc_num);
create index content_use_upload on content_use (upload);
grant select, insert, update on content_use to ${app};

-- Documents that ended without a receipt, also such as have no files here: an end may arrive before the acceptance.
create table document_end (
    edoc_num text collate "C" not null,
    ended_at timestamptz      not null,
    frame_id uuid             not null,
    constraint document_end_pk primary key (edoc_num)
) partition by range (edoc_num);
grant select, insert on document_end to ${app};
