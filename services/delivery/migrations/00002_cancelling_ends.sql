-- +goose Up
-- A document whose cancel nobody else decided ends at its deadline too.
drop index delivery_deadline;
create index delivery_deadline on delivery (send_deadline) where state in ('WAITING', 'CANCELLING');
