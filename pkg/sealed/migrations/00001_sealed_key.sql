-- +goose Up
-- Data keys for personal data, wrapped with the unit's key-encryption key. A row is never changed, and only forget_sealed_keys
-- deletes it.
-- This unit made the keys with made_here; the others come from the unit that made them.
create table sealed_key (
    key_id     uuid        not null,
    purpose    text        not null,
    month      date,
    wrapped    bytea       not null,
    made_here  boolean     not null,
    created_at timestamptz not null,
    -- When nobody needs the sealed values any more; null for keys that outlive every record they protect.
    ends_at    timestamptz,
    constraint sealed_key_pk primary key (key_id),
    constraint sealed_key_purpose_form check (length(purpose) <= 63 and purpose ~ '^[a-z][a-z0-9_]*[.][a-z][a-z0-9_]*$'),
    constraint sealed_key_month_is_first_day check (extract(day from month) = 1),
    constraint sealed_key_wrapped_bounded check (octet_length(wrapped) between 32 and 1024)
);
-- One own key per purpose and month. Index keys have no month; nulls count as equal, so there is only one of them per purpose.
create unique index sealed_key_made on sealed_key (purpose, month) nulls not distinct where made_here;
grant select, insert on sealed_key to ${app};

-- forget_sealed_keys deletes the keys that have ended by both the unit's clock and the database's, and returns their ids. It
-- keeps the keys of months from which a document is under legal hold. A number begins with its KST date, so the numbers of one
-- month may belong to the keys of two. A key of another unit is fetched after its first use.
-- +goose StatementBegin
create function forget_sealed_keys(at timestamptz) returns uuid[]
language plpgsql security definer set search_path = ${schema}, pg_temp
as $$
declare
    gone uuid[];
begin
    with held as (
      select to_date(left(subject, 6), 'YYYYMM') as month
      from   hold_in_force
      where  subject ~ '^20[0-9]{2}(0[1-9]|1[0-2])[0-9]{2}_'),
    deleted as (
      delete from sealed_key k
      where  k.ends_at < least(at, now())
        and  not exists (select from held
                         where  held.month <= coalesce(k.month, k.created_at::date) + interval '1 month'
                           and  (k.month is null or held.month >= k.month - interval '1 month'))
      returning key_id)
    select coalesce(array_agg(key_id order by key_id), '{}') into gone from deleted;
    return gone;
end
$$;
-- +goose StatementEnd
grant execute on function forget_sealed_keys(timestamptz) to ${app};
