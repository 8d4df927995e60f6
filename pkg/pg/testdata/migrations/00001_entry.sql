-- +goose Up
create table entry (id int primary key);
comment on table entry is 'kept in ${schema} for ${app}';
grant select on entry to ${app};
