-- +goose Up
-- A document on its way into the inbox and in it (수신함). Kept ten years with its circulation record.
create table delivery (
    edoc_num            text collate "C" not null,
    state               text             not null
        constraint delivery_state_known check (state in ('WAITING', 'CANCELLING', 'DELIVERED', 'EXPIRED', 'CANCELLED', 'CLOSED', 'FAILED')),
    lane                smallint         not null,
    sender              text             not null,
    send_deadline       timestamptz,
    recipient           text,
    facts               bytea,
    sent_at             timestamptz,
    received_at         timestamptz,
    viewing_deadline    timestamptz,
    read_at             timestamptz,
    notices_stopped     boolean          not null default false,
    changed_at          timestamptz      not null,
    constraint delivery_pk primary key (edoc_num),
    constraint delivery_delivered_is_complete check (state <> 'DELIVERED'
        or (recipient is not null and facts is not null and sent_at is not null and received_at is not null)),
    constraint delivery_sent_before_received check (sent_at <= received_at)
) partition by range (edoc_num);
create index delivery_inbox on delivery (recipient, received_at desc, edoc_num desc) where state = 'DELIVERED';
create index delivery_deadline on delivery (send_deadline) where state = 'WAITING';
grant select, insert, update on delivery to ${app};

-- Addresses of members that ended; nothing is put into their inbox any more.
create table withdrawn_address (
    address     text        not null constraint withdrawn_address_pk primary key,
    valid_until timestamptz not null
);
grant select, insert on withdrawn_address to ${app};

-- Notices to be given (claimed work). The outcome stays with the row.
create table notice (
    id          uuid             not null constraint notice_pk primary key,
    edoc_num    text collate "C" not null constraint notice_once unique,
    state       text             not null default 'DUE' constraint notice_state_known check (state in ('DUE', 'GIVEN', 'STOPPED', 'GIVEN_UP')),
    lane        smallint         not null,
    sender      text             not null,
    recipient   text             not null,
    from_address text            not null,
    to_address  text             not null,
    received_at timestamptz      not null,
    due_at      timestamptz      not null,
    lease_until timestamptz,
    owner       text,
    attempt     integer          not null default 0,
    last_error  text,
    settled_at  timestamptz
);
create index notice_due on notice (due_at) where state = 'DUE';
grant select, insert, update on notice to ${app};
