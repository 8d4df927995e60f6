-- +goose Up

create table due (
  kind    text        not null constraint due_kind_check check (kind <> ''),
  key     text        not null constraint due_key_check  check (key <> ''),
  due_at  timestamptz not null,
  constraint due_pkey primary key (kind, key)
);

create index due_kind_due_at_idx on due (kind, due_at);

grant select, insert, update, delete on due to ${app};
