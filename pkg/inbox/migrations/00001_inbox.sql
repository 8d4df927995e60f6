-- +goose Up
-- Ids of the frames whose effect is in this schema (the message inbox; not the recipient's inbox, 수신함).
create table consumed_frame (
    frame_id    uuid        not null,
    consumer    text        not null,
    consumed_at timestamptz not null default now(),
    constraint consumed_frame_pk primary key (frame_id, consumer)
) partition by range (frame_id);
grant select, insert on consumed_frame to ${app};

-- Events that depend on something that has not arrived yet. They return to their handler when they are due or woken.
create table deferred_event (
    consumer     text        not null,
    kind         text        not null,
    subject      text        not null,
    ordinal      integer     not null,
    lane         smallint    not null,
    frame_id     uuid        not null,
    event        bytea       not null,
    reason       text        not null,
    attempts     integer     not null default 1,
    due_at       timestamptz not null,
    deferred_at  timestamptz not null default now(),
    constraint deferred_event_pk primary key (consumer, kind, subject, ordinal)
);
create index deferred_event_due on deferred_event (due_at);
create index deferred_event_subject on deferred_event (subject);
grant select, insert, update, delete on deferred_event to ${app};

-- Events that a consumer gave up. An operator examines and replays them, or gives them up for good: then the row stays, as the record
-- that something is missing, and names the commit that states it.
create table parked_event (
    id        uuid        not null constraint parked_event_pk primary key,
    consumer  text        not null,
    kind      text        not null,
    subject   text        not null,
    ordinal   integer     not null,
    lane      smallint    not null,
    frame_id  uuid        not null,
    event     bytea       not null,
    reason    text        not null,
    parked_at timestamptz not null default now(),
    given_up_at        timestamptz,
    given_up_commit_id uuid,
    constraint parked_event_given_up_whole check ((given_up_at is null) = (given_up_commit_id is null))
);
create index parked_event_parked on parked_event (parked_at, id) where given_up_at is null;
create index parked_event_given_up on parked_event (parked_at, id) where given_up_at is not null;
grant select, insert, delete, update (reason, given_up_at, given_up_commit_id) on parked_event to ${app};
