-- +goose Up
-- How many recipients a sender had sought on a day (KST), and of how many it was, or would have been, told that nothing can be delivered
-- (Act 18-6). Kept for some days.
create table sender_day (
    day       date   not null,
    sender    text   collate "C" not null,
    searched  bigint not null,
    fruitless bigint not null,
    constraint sender_day_pk primary key (day, sender),
    constraint sender_day_counts check (searched >= 0 and fruitless >= 0)
) with (fillfactor = 70);
grant select, insert, update, delete on sender_day to ${app};

-- A document whose first outcome was fruitless beyond its sender's quota: it is counted, and not told before the send deadline.
alter table open_document
    add column withheld boolean not null default false,
    add constraint open_document_withheld_untold check (not withheld or ordinal = 0);
