-- +goose Up
-- Which submission of name and papers an institution's registration is about, counted from 1: after a refusal they are submitted again.
alter table organisation add column submission integer not null default 1 constraint organisation_submission_counts check (submission > 0);
