-- What administrators did, as stated in EVENTS: one row an act. A fact that is stated or read twice is the same row, and
-- the engine keeps one of them; every reading says FINAL.
CREATE TABLE IF NOT EXISTS admin_log
(
    tenant       LowCardinality(String),              -- the account it was done to
    at           DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    act_id       String,
    verb         LowCardinality(String),
    actor        String,                              -- id of the user or key
    standing     LowCardinality(String),              -- in what capacity
    actor_tenant LowCardinality(String),
    target       String,
    members      String,                              -- names of what was sent, comma-separated
    detail       String CODEC(ZSTD(1)),               -- JSON: values that are no secret
    stream_seq   UInt64 CODEC(Delta, ZSTD(1)),        -- of the message in EVENTS
    INDEX of_verb verb TYPE set(64) GRANULARITY 1
)
ENGINE = ${REPLICATED}ReplacingMergeTree
ORDER BY (tenant, at, act_id)
SETTINGS
    index_granularity = 256,
    non_replicated_deduplication_window = 1000,
    fsync_after_insert = 1,
    fsync_part_directory = 1;
