-- +goose Up
-- A commit_id names the commit that last changed the row; it leads to the facts behind the change.

-- Who can be a recipient: a person whose identity was proved here at least once, or an organisation (기업, 기관) of which an operator
-- confirmed a representative. No personal data is in clear: a person's is sealed in identity_version, an organisation's in the
-- application by which it is registered, and both can be found only by blind index. The columns ending in _2 take over when an
-- index key is rotated.
create table identity (
    recipient      uuid        not null constraint identity_pk primary key,
    version        integer     not null constraint identity_version_counts check (version > 0),
    ci_key         bytea       constraint identity_ci_key_size check (octet_length(ci_key) = 32),
    ci_key_2       bytea       constraint identity_ci_key_2_size check (octet_length(ci_key_2) = 32),
    person_key     bytea       constraint identity_person_key_size check (octet_length(person_key) = 32),
    person_key_2   bytea       constraint identity_person_key_2_size check (octet_length(person_key_2) = 32),
    business_key   bytea       constraint identity_business_key_size check (octet_length(business_key) = 32),
    business_key_2 bytea       constraint identity_business_key_2_size check (octet_length(business_key_2) = 32),
    -- Of an organisation.
    application    uuid,
    created_at     timestamptz not null,
    updated_at     timestamptz not null,
    commit_id      uuid        not null,
    -- The identity that an operator said is the same person; whoever proves this one acts as that one.
    merged_into    uuid        constraint identity_merged_into references identity (recipient),
    constraint identity_not_merged_into_itself check (merged_into <> recipient),
    constraint identity_not_updated_before_made check (updated_at >= created_at),
    constraint identity_of_person_or_organisation check ((ci_key is null) = (person_key is null) and (ci_key is null) = (business_key is not null)
                                                         and (business_key is null) = (application is null))
);
create unique index identity_ci_key on identity (ci_key);
create unique index identity_ci_key_2 on identity (ci_key_2);
-- Not unique: two persons may have the same name, birth date and phone. They are then ambiguous.
create index identity_person_key on identity (person_key);
create index identity_person_key_2 on identity (person_key_2);
create unique index identity_business_key on identity (business_key);
create unique index identity_business_key_2 on identity (business_key_2);
grant select, insert, update on identity to ${app};

-- What the identity provider stated about a person, sealed for the recipient id. A changed name or phone makes a new version.
create table identity_version (
    recipient   uuid        not null constraint identity_version_of references identity (recipient),
    version     integer     not null,
    sealed      bytea       not null,
    recorded_at timestamptz not null default now(),
    commit_id   uuid        not null,
    constraint identity_version_pk primary key (recipient, version)
);
grant select, insert on identity_version to ${app};

-- The present state of this relay's certified addresses, folded to lower case, never reused. address_history holds the past.
create table address (
    address      text        collate "C" not null constraint address_pk primary key,
    match_key    bytea       not null constraint address_match_key_size check (octet_length(match_key) = 32),
    recipient    uuid        constraint address_recipient references identity (recipient),
    principal    uuid,
    state        text        not null constraint address_state_known check (state in ('registering', 'registered', 'refused', 'withdrawn')),
    valid_from   timestamptz not null,
    valid_until  timestamptz,
    announced_at timestamptz,
    removed_at   timestamptz,
    -- Of a refused address: why and since when, and since when the hub is not asked again because an operator gave it up.
    refusal      text        not null default '',
    refused_at   timestamptz,
    given_up_at  timestamptz,
    updated_at   timestamptz not null,
    commit_id    uuid        not null,
    constraint address_refused_whole       check ((state = 'refused') = (refused_at is not null) and (state = 'refused') = (refusal <> '')),
    constraint address_given_up_if_refused check (given_up_at is null or state = 'refused'),
    constraint address_folded              check (address = lower(address)),
    constraint address_of_one_owner        check ((recipient is null) <> (principal is null)),
    constraint address_ends_when_withdrawn check ((state = 'withdrawn') = (valid_until is not null)),
    constraint address_ends_after_start    check (valid_until >= valid_from),
    constraint address_registered_is_told  check (state <> 'registered' or announced_at is not null),
    constraint address_removed_if_ended    check (removed_at is null or state = 'withdrawn')
);
create unique index address_match_key on address (match_key);
create unique index address_principal on address (principal);
create index address_recipient on address (recipient);
create index address_refused on address (refused_at, address) where state = 'refused' and given_up_at is null;
grant select, insert, update on address to ${app};

-- Bitemporal and append-only: what was valid when (valid_from, valid_until), and since when this unit has known it (recorded_at).
create table address_history (
    id          uuid        not null,
    address     text        collate "C" not null,
    state       text        not null,
    valid_from  timestamptz not null,
    valid_until timestamptz,
    exchange    text        not null,
    recorded_at timestamptz not null default clock_timestamp(),
    commit_id   uuid        not null,
    constraint address_history_pk primary key (id)
) partition by range (id);
create index address_history_address on address_history (address, id);
grant select, insert on address_history to ${app};

create table member (
    recipient       uuid        not null constraint member_pk primary key constraint member_identity references identity (recipient),
    generation      integer     not null constraint member_generation_counts check (generation > 0),
    state           text        not null constraint member_state_known check (state in ('registering', 'active', 'withdrawn')),
    address         text        collate "C" not null constraint member_address references address (address),
    joined_at       timestamptz not null,
    terms_version   text        not null,
    consented_at    timestamptz,
    designated_at   timestamptz,
    withdrawn_at    timestamptz,
    -- How often the member has changed consent and refusals.
    choices         integer     not null default 0,
    commit_id       uuid        not null,
    constraint member_consent_has_terms       check ((consented_at is null) = (terms_version = '')),
    constraint member_withdrawn_has_time      check ((state = 'withdrawn') = (withdrawn_at is not null)),
    constraint member_withdrawn_consents_none check (state <> 'withdrawn' or (consented_at is null and designated_at is null))
);
create unique index member_address on member (address);
grant select, insert, update on member to ${app};

-- Consents (수신동의) and designations of the inbox (Act 6), and their withdrawals. Append-only.
create table consent (
    id            uuid        not null,
    recipient     uuid        not null,
    matter        text        not null constraint consent_matter_known check (matter in ('consent', 'designation')),
    given         boolean     not null,
    terms_version text        not null,
    occurred_at   timestamptz not null,
    session       text        not null,
    recorded_at   timestamptz not null default clock_timestamp(),
    commit_id     uuid        not null,
    constraint consent_pk primary key (id)
) partition by range (id);
create index consent_recipient on consent (recipient, id);
grant select, insert on consent to ${app};

-- Refusals (수신거부) of one sender or of all (sender ''), and their withdrawals. Append-only.
create table refusal_history (
    id          uuid        not null,
    recipient   uuid        not null,
    sender      text        not null,
    refused     boolean     not null,
    occurred_at timestamptz not null,
    session     text        not null,
    recorded_at timestamptz not null default clock_timestamp(),
    commit_id   uuid        not null,
    constraint refusal_history_pk primary key (id)
) partition by range (id);
create index refusal_history_recipient on refusal_history (recipient, id);
grant select, insert on refusal_history to ${app};

-- The refusals in force.
create table refusal (
    recipient uuid not null constraint refusal_identity references identity (recipient),
    sender    text not null,
    commit_id uuid not null,
    constraint refusal_pk primary key (recipient, sender)
);
grant select, insert, delete on refusal to ${app};

-- Sending institutions, each with one address for its life. Name and business number are sealed for the principal id.
create table institution (
    principal      uuid        not null constraint institution_pk primary key,
    address        text        collate "C" not null constraint institution_address references address (address),
    type           smallint    not null constraint institution_type_known check (type in (1, 2, 3, 4, 5, 9)),
    business_key   bytea       not null constraint institution_business_key_size check (octet_length(business_key) = 32),
    business_key_2 bytea       constraint institution_business_key_2_size check (octet_length(business_key_2) = 32),
    sealed         bytea       not null,
    -- The number of the submission of name and papers, from 1. After a refusal there is another one.
    submission     integer     not null default 1 constraint institution_submission_counts check (submission > 0),
    -- Of which archives it is a member, sealed for the principal id, and how often that was recorded.
    memberships    bytea       not null,
    recorded       integer     not null default 1 constraint institution_recorded_counts check (recorded > 0),
    created_at     timestamptz not null,
    commit_id      uuid        not null,
    constraint institution_address_key unique (address)
);
create index institution_business_key on institution (business_key);
create index institution_business_key_2 on institution (business_key_2);
grant select, insert, update on institution to ${app};

-- The two papers of hub-interface 3.1, sealed in pieces, of an institution (principal id), of an application (its id) or
-- of a change of name (its id). Deleted once
-- nobody has to see them any more: the hub has them, or the application was refused.
create table paper (
    owner        uuid    not null constraint paper_pk primary key,
    business     bytea[] not null,
    registration bytea[] not null
);
alter table paper alter column business set storage external, alter column registration set storage external;
grant select, insert, delete on paper to ${app};

-- What operators submitted after refusals. The first submission is the creation of the institution, so it is not here.
-- Append-only.
create table institution_submission (
    principal    uuid        not null constraint institution_submission_of references institution (principal),
    submission   integer     not null constraint institution_submission_after_first check (submission > 1),
    operator     text        not null,
    request_id   text        collate "C" not null,
    digest       bytea       not null constraint institution_submission_digest_size check (octet_length(digest) = 32),
    submitted_at timestamptz not null,
    commit_id    uuid        not null,
    constraint institution_submission_pk          primary key (principal, submission),
    constraint institution_submission_request_key unique (operator, request_id)
);
grant select, insert on institution_submission to ${app};

-- What persons asked for organisations. Name and business number are sealed for the application's id.
create table organisation_application (
    id             uuid        not null constraint organisation_application_pk primary key,
    person         uuid        not null constraint organisation_application_person references identity (recipient),
    request_id     text        collate "C" not null,
    digest         bytea       not null constraint organisation_application_digest_size check (octet_length(digest) = 32),
    business_key   bytea       not null constraint organisation_application_business_key_size check (octet_length(business_key) = 32),
    business_key_2 bytea       constraint organisation_application_business_key_2_size check (octet_length(business_key_2) = 32),
    type           smallint    not null constraint organisation_application_type_known check (type in (1, 2, 3, 4, 5, 9)),
    sealed         bytea       not null,
    terms_version  text        not null,
    -- Id of the identity-proof session.
    session        text        not null,
    -- naru.address.v1.ApplicationState.
    state          smallint    not null constraint organisation_application_state_known check (state between 1 and 3),
    asked_at       timestamptz not null,
    decided_at     timestamptz,
    decided_by     text,
    reason         text        not null default '',
    organisation   uuid        constraint organisation_application_organisation references identity (recipient),
    commit_id      uuid        not null,
    constraint organisation_application_request_key unique (person, request_id),
    constraint organisation_application_decided_whole check ((state = 1) = (decided_at is null) and (state = 1) = (decided_by is null)),
    constraint organisation_application_confirmed check ((state = 2) = (organisation is not null)),
    constraint organisation_application_refused check ((state = 3) = (reason <> ''))
);
create unique index organisation_application_waits on organisation_application (person, business_key) where state = 1;
create index organisation_application_queue on organisation_application (id) where state = 1;
grant select, insert, update (state, decided_at, decided_by, reason, organisation, commit_id) on organisation_application to ${app};
alter table identity add constraint identity_application foreign key (application) references organisation_application (id);

-- Who may act for an organisation, and who could until when. A person who was named is found by the blind index of name, birth date and
-- phone until it proves who it is.
create table authority (
    id           uuid        not null constraint authority_pk primary key,
    organisation uuid        not null constraint authority_organisation references identity (recipient),
    -- naru.address.v1.AuthorityRole.
    role         smallint    not null constraint authority_role_known check (role in (1, 2)),
    -- naru.address.v1.AuthorityRight, each once, in order.
    rights       smallint[]  not null constraint authority_rights_known check (rights <@ array[1, 2, 3, 4, 5]::smallint[] and cardinality(rights) > 0),
    -- How often the rights have been changed.
    changes      integer     not null default 0,
    person       uuid        constraint authority_person references identity (recipient),
    person_key   bytea       not null constraint authority_person_key_size check (octet_length(person_key) = 32),
    person_key_2 bytea       constraint authority_person_key_2_size check (octet_length(person_key_2) = 32),
    -- The person's name, sealed for the id.
    sealed       bytea       not null,
    granted_by   text        not null,
    granted_at   timestamptz not null,
    ended_by     text,
    ended_at     timestamptz,
    reason       text        not null default '',
    commit_id    uuid        not null,
    constraint authority_representative_is_proved check (role = 2 or person is not null),
    constraint authority_representative_has_all_rights check (role = 2 or cardinality(rights) = 5),
    constraint authority_ended_whole check ((ended_by is null) = (ended_at is null) and (reason = '' or ended_at is not null))
);
create unique index authority_named_once on authority (organisation, person_key) where ended_at is null and person is null;
create unique index authority_granted_once on authority (organisation, person) where ended_at is null;
create index authority_of_person on authority (person) where ended_at is null;
create index authority_of_named on authority (person_key) where ended_at is null and person is null;
create index authority_of_organisation on authority (organisation, id);
grant select, insert, update (rights, changes, person, ended_by, ended_at, reason, commit_id) on authority to ${app};

-- Documents whose recipient is sought. The row stays after the search, but without what only the search needed. A document whose
-- recipient was found is opened again if the recipient changes consent or refusals before the delivery; then resolution is the outcome
-- before, until there is another, and the description has to be asked from intake. causation is the frame that brought the document.
create table open_document (
    edoc_num         text        collate "C" not null,
    sender           text        not null,
    lane             smallint    not null,
    state            text        not null,
    match_kind       smallint    not null,
    match_key        bytea,
    match_key_2      bytea,
    sealed_recipient bytea,
    facts            bytea,
    send_deadline    timestamptz not null,
    resolution       smallint    not null,
    ordinal          integer     not null,
    recipient        uuid,
    platform_id      text        not null,
    address          text        not null,
    causation        uuid        not null,
    traceparent      text        not null,
    -- The first outcome was fruitless and beyond the sender's quota: it is counted, but not stated before the send deadline.
    withheld         boolean     not null default false,
    recorded_at      timestamptz not null,
    updated_at       timestamptz not null,
    commit_id        uuid        not null,
    constraint open_document_pk primary key (edoc_num),
    constraint open_document_lane_known      check (lane in (1, 2)),
    constraint open_document_state_known     check (state in ('open', 'own', 'refused', 'ambiguous', 'cancelled', 'expired')),
    constraint open_document_kind_known      check (match_kind between 1 and 5),
    constraint open_document_keyed           check (match_kind = 5 or match_key is not null),
    constraint open_document_open_is_whole   check ((state = 'open') = (facts is not null) and (state = 'open' or sealed_recipient is null)),
    constraint open_document_state_by_result check ((state <> 'own' or resolution = 1) and (state = 'refused') = (resolution = 3) and (state = 'ambiguous') = (resolution = 6)),
    constraint open_document_own_has_recipient check (resolution <> 1 or (recipient is not null and address <> '')),
    constraint open_document_peer_has_address  check (resolution <> 4 or (platform_id <> '' and address <> '')),
    constraint open_document_withheld_untold check (not withheld or ordinal = 0),
    constraint open_document_ordinal_counts  check ((ordinal = 0) = (resolution = 0))
) partition by range (edoc_num);
create index open_document_match on open_document (match_key) where state = 'open';
create index open_document_match_2 on open_document (match_key_2) where state = 'open';
create index open_document_recipient on open_document (recipient) where state = 'open' and recipient is not null;
grant select, insert, update on open_document to ${app};

-- Open documents with work to do, and when: search, search again, or end at the deadline.
create table due_document (
    edoc_num    text        collate "C" not null constraint due_document_pk primary key,
    sender      text        not null,
    due_at      timestamptz not null,
    attempt     integer     not null default 0,
    failures    integer     not null default 0,
    owner       text,
    lease_until timestamptz
) with (fillfactor = 80);
create index due_document_turn on due_document (sender, due_at);
create index due_document_due on due_document (due_at);
grant select, insert, update, delete on due_document to ${app};

-- Addresses for which a hub call is due. The state of the address says which call. For a refused one it is the next time that the hub is
-- asked again.
create table due_address (
    address     text        collate "C" not null constraint due_address_pk primary key constraint due_address_of references address (address),
    due_at      timestamptz not null,
    attempt     integer     not null default 0,
    failures    integer     not null default 0,
    owner       text,
    lease_until timestamptz
);
create index due_address_turn on due_address (due_at);
grant select, insert, update, delete on due_address to ${app};

-- Other names and types of addresses' owners (hub-interface 3.6, 3.7). A row says since when the name is so (asked_at) and since when the hub has
-- it (answered_at of an accepted one), and stays. At most one of an address is open, so a newer one replaces it.
create table name_change (
    id           uuid        not null constraint name_change_pk primary key,
    address      text        collate "C" not null constraint name_change_address references address (address),
    -- To what registration it belongs: a person's address, an organisation's application, or an institution's principal and submission. A later
    -- registration begins with its own name.
    basis        text        collate "C" not null,
    -- The new name and the one before, sealed for the id.
    sealed       bytea       not null,
    -- The new type; 0 if only the name changes.
    type         smallint    not null constraint name_change_type_known check (type in (0, 1, 2, 3, 4, 5, 9)),
    -- The name changes, so that an organisation's papers are kept for it while it is open.
    named        boolean     not null,
    asked_by     text        not null,
    request_id   text        collate "C",
    digest       bytea       constraint name_change_digest_size check (octet_length(digest) = 32),
    asked_at     timestamptz not null,
    -- naru.address.v1.NameChangeState.
    state        smallint    not null constraint name_change_state_known check (state between 1 and 4),
    -- How often the hub's answer was stated.
    answers      integer     not null default 0,
    answered_at  timestamptz,
    refusal      text        not null default '',
    refused_at   timestamptz,
    given_up_at  timestamptz,
    commit_id    uuid        not null,
    constraint name_change_request_key       unique (asked_by, request_id),
    constraint name_change_request_whole     check ((request_id is null) = (digest is null)),
    constraint name_change_of_something      check (named or type <> 0),
    constraint name_change_answered_whole    check ((state = 1) or (answers > 0 and answered_at is not null)),
    constraint name_change_refused_whole     check ((state = 3) = (refused_at is not null) and (state = 3) = (refusal <> '')),
    constraint name_change_given_up_refused  check (given_up_at is null or state = 3)
);
create unique index name_change_open on name_change (address) where state in (1, 3);
create index name_change_address_index on name_change (address, id);
create index name_change_basis on name_change (basis, id);
create index name_change_waiting on name_change (id) where state in (1, 3) and given_up_at is null;
grant select, insert, update (state, answers, answered_at, refusal, refused_at, given_up_at, commit_id) on name_change to ${app};

-- Addresses of whose owner's open change the hub is to be told, or told again.
create table due_name_change (
    address     text        collate "C" not null constraint due_name_change_pk primary key constraint due_name_change_of references address (address),
    due_at      timestamptz not null,
    attempt     integer     not null default 0,
    failures    integer     not null default 0,
    owner       text,
    lease_until timestamptz
);
create index due_name_change_turn on due_name_change (due_at);
grant select, insert, update, delete on due_name_change to ${app};

-- Calls to the hub with their outcomes. Append-only.
create table hub_attempt (
    id         uuid        not null,
    subject    text        not null,
    call       text        not null,
    attempt    integer     not null,
    outcome    text        not null,
    exchange   text        not null,
    started_at timestamptz not null,
    ended_at   timestamptz not null,
    constraint hub_attempt_pk primary key (id)
) partition by range (id);
create index hub_attempt_subject on hub_attempt (subject, id);
grant select, insert on hub_attempt to ${app};

-- Recent answers of the hub, by blind index.
create table lookup_cache (
    match_kind smallint    not null,
    match_key  bytea       not null,
    addresses  bytea       not null,
    exchange   text        not null,
    expires_at timestamptz not null,
    constraint lookup_cache_pk primary key (match_kind, match_key)
);
create index lookup_cache_expires on lookup_cache (expires_at);
grant select, insert, update, delete on lookup_cache to ${app};

-- How many recipients a sender searched for on a day (KST), and for how many of them it learned, or would have learned, that the
-- document cannot be delivered (Act 18-6). Kept for some days.
create table sender_day (
    day       date   not null,
    sender    text   collate "C" not null,
    searched  bigint not null,
    fruitless bigint not null,
    constraint sender_day_pk primary key (day, sender),
    constraint sender_day_counts check (searched >= 0 and fruitless >= 0)
) with (fillfactor = 70);
grant select, insert, update, delete on sender_day to ${app};
