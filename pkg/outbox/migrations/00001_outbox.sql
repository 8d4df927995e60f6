-- +goose Up
-- Outgoing frames. A row is written in the transaction whose facts it states, published from memory right after the commit, or by a
-- sweep, and kept with the stream sequence of its acknowledgement. Partitions by day are dropped whole, never vacuumed.
create table outbox (
    frame_id     uuid        not null,
    kind         text        not null,
    lane         smallint    not null constraint outbox_lane_known check (lane in (1, 2)),
    events       integer     not null constraint outbox_events_bounded check (events between 1 and 500),
    frame        bytea       not null,
    published_at timestamptz,
    stream_seq   bigint,
    lease_until  timestamptz,
    constraint outbox_pk primary key (frame_id),
    constraint outbox_published_has_sequence check ((published_at is null) = (stream_seq is null))
) partition by range (frame_id);
alter table outbox alter column frame set storage external;
create index outbox_unpublished on outbox (frame_id) where published_at is null;
grant select, insert, update (published_at, stream_seq, lease_until) on outbox to ${app};
