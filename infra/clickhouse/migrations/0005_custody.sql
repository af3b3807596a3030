-- Records as they were sealed: what the leaves of the transparency log commit to, and the salts without which nobody can
-- tell. From TLOG by one projection, which fetches the records from RECORDS; max(tlog_seq) is its position. A row that is
-- written twice is the same row twice.
CREATE TABLE IF NOT EXISTS custody_records
(
    tenant     LowCardinality(String),
    request_id String,                                -- ordered by time: a period is a range of it
    leaf       UInt64 CODEC(Delta, ZSTD(1)),          -- index in the log
    tlog_seq   UInt64 CODEC(Delta, ZSTD(1)),          -- of the message in TLOG; max() reads this column alone
    sealed_at  DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    salt       String,                                -- hex
    record     String CODEC(ZSTD(1)),                 -- canonical JSON, byte for byte as committed to
    gone       LowCardinality(String)                 -- why salt and record are empty: erased | expired | missing
)
ENGINE = ${REPLICATED}ReplacingMergeTree
ORDER BY (tenant, request_id)
SETTINGS
    index_granularity = 256,                          -- a look-up reads one granule of whole records
    non_replicated_deduplication_window = 1000,
    fsync_after_insert = 1,
    fsync_part_directory = 1;

-- Erasures, as stated in EVENTS. A request in here is erased for every reader at once; `purged` says that its salt, record
-- and facts are gone from the other tables, too.
CREATE TABLE IF NOT EXISTS custody_erasures
(
    tenant     LowCardinality(String),
    request_id String,
    at         DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    actor      String,                                -- id of the user
    standing   LowCardinality(String),                -- in what capacity
    stream_seq UInt64 CODEC(Delta, ZSTD(1)),          -- of the message in EVENTS
    purged     UInt8
)
ENGINE = ${REPLICATED}ReplacingMergeTree(purged)
ORDER BY (tenant, request_id)
SETTINGS
    index_granularity = 256,
    non_replicated_deduplication_window = 1000,
    fsync_after_insert = 1,
    fsync_part_directory = 1;

-- What an account wants of its records, as stated in EVENTS; the last statement holds. A legal hold is on one request or,
-- with an empty target, on all of them.
CREATE TABLE IF NOT EXISTS custody_rules
(
    tenant     LowCardinality(String),
    rule       LowCardinality(String),                -- hold | retention
    target     String,                                -- of a hold: the request's id
    value      UInt32,                                -- of a hold: 1, or 0 once it is lifted; of retention: days, 0 for ever
    at         DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    actor      String,
    standing   LowCardinality(String),
    reason     String,
    version    UInt64                                 -- its place in EVENTS
)
ENGINE = ${REPLICATED}ReplacingMergeTree(version)
ORDER BY (tenant, rule, target)
SETTINGS
    index_granularity = 256,
    non_replicated_deduplication_window = 1000,
    fsync_after_insert = 1,
    fsync_part_directory = 1;
