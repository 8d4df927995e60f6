-- +goose Up
-- Each row's digest covers the row before. Rows are never changed or removed.
create table viewing_log (
    seq         bigint      not null,
    prev        text        not null,
    digest      text        not null,
    record      bytea       not null,
    constraint viewing_log_pk primary key (seq),
    constraint viewing_log_prev_key unique (prev),
    constraint viewing_log_digest_form check (digest ~ '^[0-9a-f]{64}$' and prev ~ '^[0-9a-f]{64}$')
);

create table read_report (
    report_id  uuid        not null,
    report     jsonb       not null,
    state      text        not null default 'PENDING',
    attempt    integer     not null,
    due_at     timestamptz not null,
    last_error text        not null,
    constraint read_report_pk primary key (report_id),
    constraint read_report_state_known check (state in ('PENDING', 'DELIVERED', 'REFUSED')),
    constraint read_report_attempt_counted check (attempt >= 0)
);
create index read_report_due_idx on read_report (due_at) where state = 'PENDING';

grant select, insert on viewing_log to ${app};
grant select, insert, update on read_report to ${app};
