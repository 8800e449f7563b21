-- The way back: one table again, as `migrate` makes it.
--   psql --single-transaction --set ON_ERROR_STOP=1 --file remove.sql

SET LOCAL lock_timeout = '5s';

LOCK TABLE djwto_blacklistentry;
CREATE TABLE djwto_blacklistentry_whole (LIKE djwto_blacklistentry);
INSERT INTO djwto_blacklistentry_whole SELECT * FROM djwto_blacklistentry;
DROP VIEW djwto_partitions;
DROP FUNCTION djwto_keep_partitions(integer);
DROP TABLE djwto_blacklistentry;
DROP FUNCTION djwto_added_once();
ALTER TABLE djwto_blacklistentry_whole RENAME TO djwto_blacklistentry;
ALTER TABLE djwto_blacklistentry
    ADD CONSTRAINT djwto_blacklistentry_pkey PRIMARY KEY (key);
CREATE INDEX djwto_blacklistentry_exp ON djwto_blacklistentry (exp);
