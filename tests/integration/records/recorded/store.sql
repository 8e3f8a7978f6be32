-- Recorded by tests/integration/records/recorded/record.py with the first release of the record engine.

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET transaction_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

CREATE SCHEMA data;

CREATE SCHEMA test_store_v1;

SET default_tablespace = '';

SET default_table_access_method = heap;

CREATE TABLE data.outbox (
    id bigint NOT NULL,
    event_id uuid DEFAULT gen_random_uuid() NOT NULL,
    occurred_at timestamp with time zone NOT NULL,
    organization text NOT NULL COLLATE pg_catalog."C",
    actor text NOT NULL COLLATE pg_catalog."C",
    type text NOT NULL COLLATE pg_catalog."C",
    subject text NOT NULL COLLATE pg_catalog."C",
    revision bigint NOT NULL,
    request_id text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    trace text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    before bytea,
    after bytea
);

ALTER TABLE data.outbox ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME data.outbox_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE data.request_ids (
    organization text NOT NULL COLLATE pg_catalog."C",
    subject text NOT NULL COLLATE pg_catalog."C",
    method text NOT NULL COLLATE pg_catalog."C",
    request_id text NOT NULL COLLATE pg_catalog."C",
    request_hash bytea NOT NULL,
    response bytea NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE data.tenon_migrations (
    id bigint NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL,
    fingerprint text NOT NULL,
    statements text[] NOT NULL
);

ALTER TABLE data.tenon_migrations ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME data.tenon_migrations_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE test_store_v1.items (
    organization text NOT NULL COLLATE pg_catalog."C",
    parent text NOT NULL COLLATE pg_catalog."C",
    parent_organization text DEFAULT 'system'::text NOT NULL COLLATE pg_catalog."C",
    message bytea NOT NULL,
    revision bigint NOT NULL,
    shape bigint NOT NULL,
    written_at timestamp with time zone DEFAULT now() NOT NULL,
    name text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    title text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    code text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    size integer DEFAULT 0 NOT NULL,
    rating integer,
    part jsonb,
    parts jsonb DEFAULT '[]'::jsonb NOT NULL,
    counts jsonb DEFAULT '{}'::jsonb NOT NULL,
    tags text[] DEFAULT '{}'::text[] NOT NULL COLLATE pg_catalog."C",
    create_time timestamp with time zone,
    etag text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    memo text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    state integer DEFAULT 0 NOT NULL
);

COMMENT ON TABLE test_store_v1.items IS '{"message": "test.store.v1.Item", "scope": "organization", "patterns": ["shelves/{shelf}/items/{item}"], "outline": [{"fields": {"1": ["name", "string", null], "2": ["title", "string", null], "3": ["code", "string", null], "4": ["size", "int32", null], "5": ["rating", "optional int32", null], "6": ["picture", "bytes", null], "7": ["part", "message", 1], "8": ["parts", "repeated message", 1], "9": ["counts", "map string int32", 2], "10": ["tags", "repeated string", null], "11": ["create_time", "timestamp", 3], "12": ["etag", "string", null], "13": ["memo", "string", null], "14": ["state", "enum", null]}, "reserved": []}, {"fields": {"1": ["label", "string", null], "2": ["weight", "int32", null]}, "reserved": []}, {"fields": {"1": ["key", "string", null], "2": ["value", "int32", null]}, "reserved": []}, {"fields": {"1": ["seconds", "int64", null], "2": ["nanos", "int32", null]}, "reserved": []}]}';

COMMENT ON COLUMN test_store_v1.items.name IS 'field:1 string';

COMMENT ON COLUMN test_store_v1.items.title IS 'field:2 string';

COMMENT ON COLUMN test_store_v1.items.code IS 'field:3 string';

COMMENT ON COLUMN test_store_v1.items.size IS 'field:4 int32';

COMMENT ON COLUMN test_store_v1.items.rating IS 'field:5 optional int32';

COMMENT ON COLUMN test_store_v1.items.part IS 'field:7 message';

COMMENT ON COLUMN test_store_v1.items.parts IS 'field:8 repeated message';

COMMENT ON COLUMN test_store_v1.items.counts IS 'field:9 map string int32';

COMMENT ON COLUMN test_store_v1.items.tags IS 'field:10 repeated string';

COMMENT ON COLUMN test_store_v1.items.create_time IS 'field:11 timestamp';

COMMENT ON COLUMN test_store_v1.items.etag IS 'field:12 string';

COMMENT ON COLUMN test_store_v1.items.memo IS 'field:13 string';

COMMENT ON COLUMN test_store_v1.items.state IS 'field:14 enum';

CREATE TABLE test_store_v1.shelves (
    organization text NOT NULL COLLATE pg_catalog."C",
    message bytea NOT NULL,
    revision bigint NOT NULL,
    shape bigint NOT NULL,
    written_at timestamp with time zone DEFAULT now() NOT NULL,
    name text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    theme text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C"
);

COMMENT ON TABLE test_store_v1.shelves IS '{"message": "test.store.v1.Shelf", "scope": "organization", "patterns": ["shelves/{shelf}"], "outline": [{"fields": {"1": ["name", "string", null], "2": ["theme", "string", null]}, "reserved": []}]}';

COMMENT ON COLUMN test_store_v1.shelves.name IS 'field:1 string';

COMMENT ON COLUMN test_store_v1.shelves.theme IS 'field:2 string';

CREATE TABLE test_store_v1.tenon_migrations (
    id bigint NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL,
    fingerprint text NOT NULL,
    statements text[] NOT NULL
);

ALTER TABLE test_store_v1.tenon_migrations ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME test_store_v1.tenon_migrations_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

INSERT INTO data.outbox OVERRIDING SYSTEM VALUE VALUES (1, '50f04960-3bea-4712-82a2-a4f4ccd4870f', '2026-11-21 14:49:00.924459+00', 'acme', 'users/1', 'store.test/Shelf.created', 'shelves/top', 1, '', '', NULL, '\x0a0b7368656c7665732f746f701203416c6c');
INSERT INTO data.outbox OVERRIDING SYSTEM VALUE VALUES (2, 'fb912b43-f659-4d56-949c-3a2eb30f8754', '2026-11-21 14:49:00.966759+00', 'other', 'users/1', 'store.test/Shelf.created', 'shelves/top', 1, '', '', NULL, '\x0a0b7368656c7665732f746f701203416c6c');
INSERT INTO data.outbox OVERRIDING SYSTEM VALUE VALUES (3, '1adbd72b-0f0a-4da0-a623-9e3145eeb095', '2026-11-21 14:49:00.970076+00', 'acme', 'users/1', 'store.test/Item.created', 'shelves/top/items/lamp', 1, '', '', NULL, '\x0a167368656c7665732f746f702f6974656d732f6c616d7012044c616d701a034c2d3120f9ffffffffffffffff012800320200ff3a080a0462756c62100342060a04666f6f74420610ffffffff074a070a03726564100252036e657752066272696768745a0c08dcde86d80610e0dec8ce0362122231663033653232343330343465393064226a0872656d656d6265727002');
INSERT INTO data.outbox OVERRIDING SYSTEM VALUE VALUES (4, '1e6316b4-8d20-4793-b168-58a416784352', '2026-11-21 14:49:01.045241+00', 'acme', 'users/1', 'store.test/Item.created', 'shelves/top/items/bare', 1, '', '', NULL, '\x0a167368656c7665732f746f702f6974656d732f626172655a0b08ddde86d80610a8a5c9156212226364646235626461646338316136323422');
INSERT INTO data.outbox OVERRIDING SYSTEM VALUE VALUES (5, 'ffa30bb6-636a-44d8-b81f-fcc9f3381f48', '2026-11-21 14:49:01.124886+00', 'acme', 'users/1', 'store.test/Item.created', 'shelves/top/items/gone', 1, '', '', NULL, '\x0a167368656c7665732f746f702f6974656d732f676f6e651204476f6e651a03472d315a0b08ddde86d80610f0b7c63b6212223466666535666461313435326337383522');
INSERT INTO data.outbox OVERRIDING SYSTEM VALUE VALUES (6, 'f7767485-cd35-403e-8774-a70179385fc4', '2026-11-21 14:49:01.132245+00', 'other', 'users/1', 'store.test/Item.created', 'shelves/top/items/lamp', 1, '', '', NULL, '\x0a167368656c7665732f746f702f6974656d732f6c616d7012065468656972731a034c2d315a0b08ddde86d8061088cc873f6212223262633363653261643633666531383622');
INSERT INTO data.outbox OVERRIDING SYSTEM VALUE VALUES (7, '6a011cc1-60a4-454e-87ea-fe57628548e1', '2026-11-21 14:49:01.137321+00', 'acme', 'users/1', 'store.test/Item.updated', 'shelves/top/items/lamp', 2, '', '', '\x0a167368656c7665732f746f702f6974656d732f6c616d7012044c616d701a034c2d3120f9ffffffffffffffff012800320200ff3a080a0462756c62100342060a04666f6f74420610ffffffff074a070a03726564100252036e657752066272696768745a0c08dcde86d80610e0dec8ce0362122231663033653232343330343465393064226a0872656d656d6265727002', '\x0a167368656c7665732f746f702f6974656d732f6c616d7012084f6c64206c616d701a034c2d3120f9ffffffffffffffff012800320200ff3a080a0462756c62100342060a04666f6f74420610ffffffff074a070a03726564100252036e657752066272696768745a0c08dcde86d80610e0dec8ce0362122230303639633837376636373964326166226a0872656d656d6265727002');
INSERT INTO data.outbox OVERRIDING SYSTEM VALUE VALUES (8, 'd39b9e96-f45c-4548-a880-c7781ba8f899', '2026-11-21 14:49:01.938916+00', 'acme', 'users/1', 'store.test/Item.deleted', 'shelves/top/items/gone', 2, '', '', '\x0a167368656c7665732f746f702f6974656d732f676f6e651204476f6e651a03472d315a0b08ddde86d80610f0b7c63b6212223466666535666461313435326337383522', NULL);

INSERT INTO data.request_ids VALUES ('acme', 'users/1', '/test.store.v1.StoreService/CreateItem', '6f2c3d1e-8a55-4a0f-9f0e-3d1b6c1f7a10', '\x342b9b7aeeb854dfabd6b09d19512c62b88219b3eb57a5c212929ac8cd62cd2f', '\x0a167368656c7665732f746f702f6974656d732f6c616d7012044c616d701a034c2d3120f9ffffffffffffffff012800320200ff3a080a0462756c62100342060a04666f6f74420610ffffffff074a070a03726564100252036e657752066272696768745a0c08dcde86d80610e0dec8ce0362122231663033653232343330343465393064226a0872656d656d6265727002', '2026-11-21 14:49:01.023412+00');

INSERT INTO data.tenon_migrations OVERRIDING SYSTEM VALUE VALUES (1, '2026-11-21 14:49:00.64639+00', 'bd54266c998065377dba950980073241b833b91e904caa6d6c3ffd1ea56c5310', '{"CREATE TABLE data.outbox (
	id BIGINT GENERATED ALWAYS AS IDENTITY, 
	event_id UUID DEFAULT gen_random_uuid() NOT NULL, 
	occurred_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	organization TEXT COLLATE \"C\" NOT NULL, 
	actor TEXT COLLATE \"C\" NOT NULL, 
	type TEXT COLLATE \"C\" NOT NULL, 
	subject TEXT COLLATE \"C\" NOT NULL, 
	revision BIGINT NOT NULL, 
	request_id TEXT COLLATE \"C\" DEFAULT '''' NOT NULL, 
	trace TEXT COLLATE \"C\" DEFAULT '''' NOT NULL, 
	before BYTEA, 
	after BYTEA, 
	PRIMARY KEY (id)
)","CREATE TABLE data.request_ids (
	organization TEXT COLLATE \"C\" NOT NULL, 
	subject TEXT COLLATE \"C\" NOT NULL, 
	method TEXT COLLATE \"C\" NOT NULL, 
	request_id TEXT COLLATE \"C\" NOT NULL, 
	request_hash BYTEA NOT NULL, 
	response BYTEA NOT NULL, 
	created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
	PRIMARY KEY (organization, subject, method, request_id)
)","CREATE INDEX request_ids_created_at_idx ON data.request_ids (created_at)"}');

INSERT INTO test_store_v1.items VALUES ('acme', 'shelves/top', 'system', '\x0a167368656c7665732f746f702f6974656d732f626172655a0b08ddde86d80610a8a5c9156212226364646235626461646338316136323422', 1, -3880698623118747829, '2026-11-21 14:49:01.114392+00', 'shelves/top/items/bare', '', '', 0, NULL, NULL, '[]', '{}', '{}', '2026-11-21 14:49:01.045241+00', '"cddb5bdadc81a624"', '', 0);
INSERT INTO test_store_v1.items VALUES ('other', 'shelves/top', 'system', '\x0a167368656c7665732f746f702f6974656d732f6c616d7012065468656972731a034c2d315a0b08ddde86d8061088cc873f6212223262633363653261643633666531383622', 1, -3880698623118747829, '2026-11-21 14:49:01.133175+00', 'shelves/top/items/lamp', 'Theirs', 'L-1', 0, NULL, NULL, '[]', '{}', '{}', '2026-11-21 14:49:01.132245+00', '"2bc3ce2ad63fe186"', '', 0);
INSERT INTO test_store_v1.items VALUES ('acme', 'shelves/top', 'system', '\x0a167368656c7665732f746f702f6974656d732f6c616d7012084f6c64206c616d701a034c2d3120f9ffffffffffffffff012800320200ff3a080a0462756c62100342060a04666f6f74420610ffffffff074a070a03726564100252036e657752066272696768745a0c08dcde86d80610e0dec8ce0362122230303639633837376636373964326166226a0872656d656d6265727002', 2, -3880698623118747829, '2026-11-21 14:49:01.174688+00', 'shelves/top/items/lamp', 'Old lamp', 'L-1', -7, 0, '{"label": "bulb", "weight": 3}', '[{"label": "foot", "weight": 0}, {"label": "", "weight": 2147483647}]', '{"red": 2}', '{new,bright}', '2026-11-21 14:49:00.970076+00', '"0069c877f679d2af"', 'remember', 2);

INSERT INTO test_store_v1.shelves VALUES ('acme', '\x0a0b7368656c7665732f746f701203416c6c', 1, 1577910901039287016, '2026-11-21 14:49:00.954098+00', 'shelves/top', 'All');
INSERT INTO test_store_v1.shelves VALUES ('other', '\x0a0b7368656c7665732f746f701203416c6c', 1, 1577910901039287016, '2026-11-21 14:49:00.969109+00', 'shelves/top', 'All');

INSERT INTO test_store_v1.tenon_migrations OVERRIDING SYSTEM VALUE VALUES (1, '2026-11-21 14:49:00.64639+00', 'ce6e4eb6be6630632c79271b25d9600f9e2008c9b1fbb2d2d2067089b41a3b19', '{"CREATE TABLE test_store_v1.shelves (
	organization TEXT COLLATE \"C\" NOT NULL, 
	message BYTEA NOT NULL, 
	revision BIGINT NOT NULL, 
	shape BIGINT NOT NULL, 
	written_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
	name TEXT COLLATE \"C\" DEFAULT '''' NOT NULL, 
	theme TEXT COLLATE \"C\" DEFAULT '''' NOT NULL, 
	CONSTRAINT shelves_pkey PRIMARY KEY (organization, name)
)","COMMENT ON TABLE test_store_v1.shelves IS ''{\"message\": \"test.store.v1.Shelf\", \"scope\": \"organization\", \"patterns\": [\"shelves/{shelf}\"], \"outline\": [{\"fields\": {\"1\": [\"name\", \"string\", null], \"2\": [\"theme\", \"string\", null]}, \"reserved\": []}]}''","COMMENT ON COLUMN test_store_v1.shelves.name IS ''field:1 string''","COMMENT ON COLUMN test_store_v1.shelves.theme IS ''field:2 string''","CREATE TABLE test_store_v1.items (
	organization TEXT COLLATE \"C\" NOT NULL, 
	parent TEXT COLLATE \"C\" NOT NULL, 
	parent_organization TEXT COLLATE \"C\" DEFAULT ''system'' NOT NULL, 
	message BYTEA NOT NULL, 
	revision BIGINT NOT NULL, 
	shape BIGINT NOT NULL, 
	written_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
	name TEXT COLLATE \"C\" DEFAULT '''' NOT NULL, 
	title TEXT COLLATE \"C\" DEFAULT '''' NOT NULL, 
	code TEXT COLLATE \"C\" DEFAULT '''' NOT NULL, 
	size INTEGER DEFAULT 0 NOT NULL, 
	rating INTEGER, 
	part JSONB, 
	parts JSONB DEFAULT ''[]'' NOT NULL, 
	counts JSONB DEFAULT ''{}'' NOT NULL, 
	tags TEXT[] COLLATE \"C\" DEFAULT ''{}'' NOT NULL, 
	create_time TIMESTAMP WITH TIME ZONE, 
	etag TEXT COLLATE \"C\" DEFAULT '''' NOT NULL, 
	memo TEXT COLLATE \"C\" DEFAULT '''' NOT NULL, 
	state INTEGER DEFAULT 0 NOT NULL, 
	CONSTRAINT items_pkey PRIMARY KEY (organization, name), 
	CONSTRAINT items_parent_fkey FOREIGN KEY(organization, parent) REFERENCES test_store_v1.shelves (organization, name)
)","COMMENT ON TABLE test_store_v1.items IS ''{\"message\": \"test.store.v1.Item\", \"scope\": \"organization\", \"patterns\": [\"shelves/{shelf}/items/{item}\"], \"outline\": [{\"fields\": {\"1\": [\"name\", \"string\", null], \"2\": [\"title\", \"string\", null], \"3\": [\"code\", \"string\", null], \"4\": [\"size\", \"int32\", null], \"5\": [\"rating\", \"optional int32\", null], \"6\": [\"picture\", \"bytes\", null], \"7\": [\"part\", \"message\", 1], \"8\": [\"parts\", \"repeated message\", 1], \"9\": [\"counts\", \"map string int32\", 2], \"10\": [\"tags\", \"repeated string\", null], \"11\": [\"create_time\", \"timestamp\", 3], \"12\": [\"etag\", \"string\", null], \"13\": [\"memo\", \"string\", null], \"14\": [\"state\", \"enum\", null]}, \"reserved\": []}, {\"fields\": {\"1\": [\"label\", \"string\", null], \"2\": [\"weight\", \"int32\", null]}, \"reserved\": []}, {\"fields\": {\"1\": [\"key\", \"string\", null], \"2\": [\"value\", \"int32\", null]}, \"reserved\": []}, {\"fields\": {\"1\": [\"seconds\", \"int64\", null], \"2\": [\"nanos\", \"int32\", null]}, \"reserved\": []}]}''","COMMENT ON COLUMN test_store_v1.items.name IS ''field:1 string''","COMMENT ON COLUMN test_store_v1.items.title IS ''field:2 string''","COMMENT ON COLUMN test_store_v1.items.code IS ''field:3 string''","COMMENT ON COLUMN test_store_v1.items.size IS ''field:4 int32''","COMMENT ON COLUMN test_store_v1.items.rating IS ''field:5 optional int32''","COMMENT ON COLUMN test_store_v1.items.part IS ''field:7 message''","COMMENT ON COLUMN test_store_v1.items.parts IS ''field:8 repeated message''","COMMENT ON COLUMN test_store_v1.items.counts IS ''field:9 map string int32''","COMMENT ON COLUMN test_store_v1.items.tags IS ''field:10 repeated string''","COMMENT ON COLUMN test_store_v1.items.create_time IS ''field:11 timestamp''","COMMENT ON COLUMN test_store_v1.items.etag IS ''field:12 string''","COMMENT ON COLUMN test_store_v1.items.memo IS ''field:13 string''","COMMENT ON COLUMN test_store_v1.items.state IS ''field:14 enum''","CREATE UNIQUE INDEX items_code_key ON test_store_v1.items (organization, code) WHERE code != ''''","COMMENT ON INDEX \"test_store_v1\".\"items_code_key\" IS ''fd5304012ed573ba''","CREATE INDEX items_parent_idx ON test_store_v1.items (organization, parent, name)","COMMENT ON INDEX \"test_store_v1\".\"items_parent_idx\" IS ''b255acba216787ee''","CREATE INDEX items_title_idx ON test_store_v1.items (organization, title, name)","COMMENT ON INDEX \"test_store_v1\".\"items_title_idx\" IS ''76c9a21f631ea3ec''"}');

SELECT pg_catalog.setval('data.outbox_id_seq', 8, true);

SELECT pg_catalog.setval('data.tenon_migrations_id_seq', 1, true);

SELECT pg_catalog.setval('test_store_v1.tenon_migrations_id_seq', 1, true);

ALTER TABLE ONLY data.outbox
    ADD CONSTRAINT outbox_pkey PRIMARY KEY (id);

ALTER TABLE ONLY data.request_ids
    ADD CONSTRAINT request_ids_pkey PRIMARY KEY (organization, subject, method, request_id);

ALTER TABLE ONLY data.tenon_migrations
    ADD CONSTRAINT tenon_migrations_pkey PRIMARY KEY (id);

ALTER TABLE ONLY test_store_v1.items
    ADD CONSTRAINT items_pkey PRIMARY KEY (organization, name);

ALTER TABLE ONLY test_store_v1.shelves
    ADD CONSTRAINT shelves_pkey PRIMARY KEY (organization, name);

ALTER TABLE ONLY test_store_v1.tenon_migrations
    ADD CONSTRAINT tenon_migrations_pkey PRIMARY KEY (id);

CREATE INDEX request_ids_created_at_idx ON data.request_ids USING btree (created_at);

CREATE UNIQUE INDEX items_code_key ON test_store_v1.items USING btree (organization, code) WHERE (code <> ''::text);

COMMENT ON INDEX test_store_v1.items_code_key IS 'fd5304012ed573ba';

CREATE INDEX items_parent_idx ON test_store_v1.items USING btree (organization, parent, name);

COMMENT ON INDEX test_store_v1.items_parent_idx IS 'b255acba216787ee';

CREATE INDEX items_title_idx ON test_store_v1.items USING btree (organization, title, name);

COMMENT ON INDEX test_store_v1.items_title_idx IS '76c9a21f631ea3ec';

ALTER TABLE ONLY test_store_v1.items
    ADD CONSTRAINT items_parent_fkey FOREIGN KEY (organization, parent) REFERENCES test_store_v1.shelves(organization, name);

