-- What every service finds in Postgres: one database, and for each service a role that owns the schema of its name.
-- Run by `tenon up` at each start, with the variable `services` (auth,data,…); running it again changes nothing.
\set ON_ERROR_STOP on
\set QUIET on
SET client_min_messages = warning;

SELECT 'CREATE DATABASE tenon'
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'tenon') \gexec

SELECT format('CREATE ROLE %I LOGIN', service)
FROM unnest(string_to_array(:'services', ',')) AS service
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = service) \gexec

REVOKE ALL ON DATABASE tenon FROM PUBLIC;
SELECT format('GRANT CONNECT ON DATABASE tenon TO %I', service)
FROM unnest(string_to_array(:'services', ',')) AS service \gexec
-- Each hosted package has a schema of its own, which data makes when it first sees the package.
GRANT CREATE ON DATABASE tenon TO data;

\connect tenon
SET client_min_messages = warning;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
SELECT format('CREATE SCHEMA IF NOT EXISTS %I AUTHORIZATION %I', service, service)
FROM unnest(string_to_array(:'services', ',')) AS service \gexec
