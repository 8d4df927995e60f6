-- +goose Up
-- What the hub told nobody before the send deadline is an outcome too: it is not known (7), and nobody but the deadline says so.
alter table resolution drop constraint resolution_known, add constraint resolution_known check (resolution between 1 and 7);
alter table resolution drop constraint resolution_source_known,
    add constraint resolution_source_known check (source in ('own', 'request', 'hub', 'deadline')),
    add constraint resolution_unknown_at_deadline check ((resolution = 7) = (source = 'deadline'));
