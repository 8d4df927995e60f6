-- Creates one unit's schema and its two roles, or restores them to this state. A superuser runs it in the relay's database:
--
--   psql -v schema=intake -f provision.sql "$SUPERUSER_URL"
--
-- It does the same as pkg/pg.Provision, except for the passwords: set them afterwards with \password, which sends only their
-- digests.
\set ON_ERROR_STOP on
\set QUIET on
select :'schema' || '_owner' as owner, :'schema' || '_app' as app, current_database() as database \gset
begin;

-- <schema>_owner creates tables and runs migrations. The unit works as <schema>_app, which has the rights that the migrations
-- grant.
select format('create role %I', name)
from   (values (:'owner'), (:'app')) wanted(name)
where  not exists (select from pg_roles where rolname = name) \gexec
alter role :"owner" with login nosuperuser nocreatedb nocreaterole noreplication nobypassrls;
alter role :"app"   with login nosuperuser nocreatedb nocreaterole noreplication nobypassrls;
-- No unit reaches another unit's tables, not even by accident.
alter role :"owner" set search_path = :"schema";
alter role :"app"   set search_path = :"schema";
-- Units tell their sessions the following by themselves, but behind a pooler, where it has to stand here.
alter role :"app" set enable_hashjoin = 'off';
alter role :"app" set enable_mergejoin = 'off';
alter role :"app" set enable_seqscan = 'off';
alter role :"app" set idle_in_transaction_session_timeout = '60000';
alter role :"app" set jit = 'off';
alter role :"app" set lock_timeout = '5000';
alter role :"app" set plan_cache_mode = 'force_generic_plan';

-- Revoke the default rights to connect, to create temporary tables, and to use the schema public.
revoke all on database :"database" from public;
revoke all on schema public from public;
grant connect on database :"database" to :"owner", :"app";

create schema if not exists :"schema" authorization :"owner";
alter schema :"schema" owner to :"owner";
revoke all on schema :"schema" from public;
grant usage on schema :"schema" to :"app";
alter default privileges for role :"owner" revoke execute on functions from public;

commit;
