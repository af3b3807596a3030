-- What billing writes for people and for the auditors, each table by one projection. A row that is written twice is the
-- same row twice: the engine keeps one of them, every sum reads with FINAL, and every page leaves the second out.

-- One row for each finished request, from EVENTS. request_id is ordered by time: pages and times are ranges of it.
CREATE TABLE IF NOT EXISTS usage
(
    tenant            LowCardinality(String),
    request_id        String,
    created           DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)), -- when the id was issued
    finished          DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    key_id            LowCardinality(String),                     -- empty: a session
    model             LowCardinality(String),                     -- as asked for
    route             LowCardinality(String),
    tier              LowCardinality(String),
    provider          LowCardinality(String),
    region            LowCardinality(String),
    credential_source LowCardinality(String),
    dialect           LowCardinality(String),
    surface           LowCardinality(String),
    operation         LowCardinality(String),
    task              LowCardinality(String),                     -- of `auto`; empty: named directly
    stream            Bool,
    status            LowCardinality(String),                     -- the outcome
    error_code        LowCardinality(String),
    attempts          UInt32,
    input_tokens      UInt64,                                     -- disjoint buckets, as charged
    cache_read_tokens UInt64,
    cache_write_5m_tokens UInt64,
    cache_write_1h_tokens UInt64,
    output_tokens     UInt64,
    reasoning_tokens  UInt64,                                     -- a part of output
    image_parts       UInt32,
    estimated         Bool,
    cost              Int64,                                      -- billed, nano-units of `currency`
    currency          LowCardinality(String),
    provider_cost     Int64,
    provider_currency LowCardinality(String),
    breakdown         String CODEC(ZSTD(1)),                      -- JSON: why this price; empty: nothing was priced
    latency_ms        UInt32,
    first_byte_ms     UInt32,
    stream_seq        UInt64 CODEC(Delta, ZSTD(1)),               -- of the Finished in EVENTS; max() is the position
    open_from         UInt64 CODEC(Delta, ZSTD(1)),               -- from here on facts are still needed: a restart reads on
    INDEX of_key key_id TYPE set(256) GRANULARITY 1,
    INDEX of_model model TYPE set(256) GRANULARITY 1,
    INDEX of_route route TYPE set(256) GRANULARITY 1,
    INDEX of_status status TYPE set(16) GRANULARITY 1,
    INDEX seq_range stream_seq TYPE minmax GRANULARITY 1
)
ENGINE = ${REPLICATED}ReplacingMergeTree
ORDER BY (tenant, request_id)
SETTINGS
    index_granularity = 1024,
    non_replicated_deduplication_window = 1000,
    fsync_after_insert = 1,
    fsync_part_directory = 1;

-- An account's transactions: every operation of the journal that moved its balance.
CREATE TABLE IF NOT EXISTS ledger
(
    tenant        LowCardinality(String),
    shard         UInt16,
    op            UInt64,                                         -- number of the operation in its shard
    type          LowCardinality(String),                         -- deposit | deduction | adjustment
    amount        Int64,                                          -- what came to the account: a deduction is negative
    balance_after Int64,
    fee           Int64,                                          -- the part of a deduction that is a routing fee
    overrun       Int64,                                          -- the part of it that no hold covered
    effect        LowCardinality(String),                         -- settled | late | unheld | credited | adjusted
    request_id    String,
    key_id        LowCardinality(String),
    note          String,
    made_by       LowCardinality(String),
    created       DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    stream_seq    UInt64 CODEC(Delta, ZSTD(1)),                   -- of the fact in EVENTS; 0: not from one
    seq           UInt64 CODEC(Delta, ZSTD(1)),                   -- of the batch in LEDGER
    INDEX of_request request_id TYPE bloom_filter GRANULARITY 1,
    INDEX of_type type TYPE set(8) GRANULARITY 1
)
ENGINE = ${REPLICATED}ReplacingMergeTree
ORDER BY (tenant, op)
SETTINGS
    index_granularity = 1024,
    non_replicated_deduplication_window = 1000,
    fsync_after_insert = 1,
    fsync_part_directory = 1;

-- Every batch of the journal as it was sealed: the second copy, written after its transactions. max(seq) is the position.
CREATE TABLE IF NOT EXISTS ledger_journal
(
    shard      UInt16,
    seq        UInt64 CODEC(Delta, ZSTD(1)),
    first_op   UInt64 CODEC(Delta, ZSTD(1)),
    ops        UInt32,
    epoch      UInt64,
    stream_seq UInt64 CODEC(Delta, ZSTD(1)),                      -- how far EVENTS was read
    at         DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    prev_hash  String,                                            -- hex
    hash       String,
    batch      String CODEC(ZSTD(1))                              -- the message, byte for byte
)
ENGINE = ${REPLICATED}ReplacingMergeTree
ORDER BY (shard, seq)
SETTINGS
    index_granularity = 256,
    non_replicated_deduplication_window = 1000,
    fsync_after_insert = 1,
    fsync_part_directory = 1;
