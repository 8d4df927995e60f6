-- +goose Up
create table person (
    person_id  text        not null,
    ci         text        not null,
    name       text        not null,
    birth_date text        not null,
    phone      text        not null,
    created_at timestamptz not null,
    constraint person_pk primary key (person_id),
    constraint person_ci_key unique (ci),
    constraint person_ci_form check (char_length(ci) = 88),
    constraint person_birth_date_form check (birth_date ~ '^[0-9]{8}$')
);

create table authorization_code (
    digest       bytea       not null,
    client_id    text        not null,
    redirect_uri text        not null,
    person_id    text        not null,
    nonce        text        not null,
    challenge    text        not null,
    auth_time    timestamptz not null,
    expires_at   timestamptz not null,
    used_at      timestamptz,
    constraint authorization_code_pk primary key (digest),
    constraint authorization_code_person_fk foreign key (person_id) references person (person_id)
);

create table notice (
    notice_id   uuid        not null,
    webhook_id  text,
    received_at timestamptz not null,
    body        text        not null,
    constraint notice_pk primary key (notice_id),
    constraint notice_webhook_id_key unique (webhook_id)
);

grant select, insert on person to ${app};
grant select, insert, update on authorization_code to ${app};
grant select, insert on notice to ${app};
