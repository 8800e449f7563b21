-- The table of DatabaseBlacklist, partitioned by expiry. PostgreSQL 14 or later.
-- Run it once, after `migrate`:
--   psql --single-transaction --set ON_ERROR_STOP=1 --file install.sql

SET LOCAL lock_timeout = '5s';

-- A key is added once, in whichever partition: PostgreSQL itself sees to it in each alone.
CREATE FUNCTION djwto_added_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- What another has committed while this waited for the lock has to be seen.
    IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
        RAISE feature_not_supported
            USING MESSAGE = 'djwto: a partitioned blacklist needs the isolation READ COMMITTED';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended(NEW.key, 0));
    IF EXISTS (SELECT FROM djwto_blacklistentry WHERE key = NEW.key) THEN
        RAISE unique_violation USING MESSAGE = 'djwto: the key is there';
    END IF;
    RETURN NEW;
END
$$;

-- The partitions but for the default, which has no end: each keeps what expires before `beyond`.
CREATE VIEW djwto_partitions AS
SELECT oid::regclass AS name,
       substring(pg_get_expr(relpartbound, oid) FROM 'TO \(''(-?\d+)''\)')::bigint AS beyond
FROM pg_class
WHERE oid IN (
    SELECT inhrelid FROM pg_inherits
    WHERE inhparent = to_regclass('djwto_blacklistentry')
) AND pg_get_expr(relpartbound, oid) <> 'DEFAULT';

-- Run it daily. Makes partitions of a week each, as many days ahead as are asked for, and drops
-- those in which all has expired an hour ago. What it says is what it did.
CREATE FUNCTION djwto_keep_partitions(days_ahead integer DEFAULT 56)
RETURNS SETOF text LANGUAGE plpgsql SET lock_timeout = '2s' AS $$
DECLARE
    week CONSTANT bigint := 7 * 86400;
    today CONSTANT bigint := extract(epoch FROM now());
    first bigint := (SELECT max(beyond) FROM djwto_partitions);
    beyond bigint;
    partition text;
BEGIN
    -- Nobody reads while entries go from one partition to another.
    LOCK TABLE djwto_blacklistentry;
    FOR partition IN SELECT p.name FROM djwto_partitions p WHERE p.beyond <= today - 3600 LOOP
        EXECUTE format('DROP TABLE %s', partition);
        RETURN NEXT 'dropped ' || partition;
    END LOOP;
    DELETE FROM djwto_blacklistentry_default WHERE exp < today - 3600;
    first := greatest(first, today / week * week);
    WHILE first < today + days_ahead * 86400 LOOP
        beyond := first + week;
        partition := 'djwto_blacklistentry_' || to_char(to_timestamp(first) AT TIME ZONE 'UTC', 'YYYYMMDD');
        EXECUTE format('CREATE TABLE %I (LIKE djwto_blacklistentry, PRIMARY KEY (key))', partition);
        -- What had to go into the default, since this one was not there.
        EXECUTE format(
            'WITH moved AS (
                 DELETE FROM djwto_blacklistentry_default WHERE exp >= %s AND exp < %s RETURNING *
             ) INSERT INTO %I SELECT * FROM moved', first, beyond, partition);
        EXECUTE format(
            'ALTER TABLE djwto_blacklistentry ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)',
            partition, first, beyond);
        RETURN NEXT 'made ' || partition;
        first := beyond;
    END LOOP;
END
$$;

-- The table that is there becomes the first partition, and is dropped with its last entry. Only
-- what never expires is copied, or not within a year: into the default, which keeps all that
-- belongs nowhere else.
LOCK TABLE djwto_blacklistentry;
ALTER TABLE djwto_blacklistentry RENAME TO djwto_blacklistentry_first;
CREATE TABLE djwto_blacklistentry (LIKE djwto_blacklistentry_first) PARTITION BY RANGE (exp);
CREATE TABLE djwto_blacklistentry_default
    PARTITION OF djwto_blacklistentry (PRIMARY KEY (key)) DEFAULT;
DO $$
DECLARE
    week CONSTANT bigint := 7 * 86400;
    year_from_now CONSTANT bigint := extract(epoch FROM now()) + 366 * 86400;
    beyond bigint;
BEGIN
    WITH moved AS (
        DELETE FROM djwto_blacklistentry_first
        WHERE exp IS NULL OR exp >= year_from_now RETURNING *
    ) INSERT INTO djwto_blacklistentry_default SELECT * FROM moved;
    SELECT (coalesce(max(exp), extract(epoch FROM now())::bigint) / week + 1) * week
        INTO beyond FROM djwto_blacklistentry_first;
    EXECUTE format(
        'ALTER TABLE djwto_blacklistentry ATTACH PARTITION djwto_blacklistentry_first '
        'FOR VALUES FROM (MINVALUE) TO (%s)', beyond);
END
$$;
CREATE TRIGGER djwto_added_once BEFORE INSERT ON djwto_blacklistentry
    FOR EACH ROW EXECUTE FUNCTION djwto_added_once();
SELECT djwto_keep_partitions();
