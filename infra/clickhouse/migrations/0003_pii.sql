-- What was substituted for personal data in requests, for admins and auditors; never an original. From EVENTS by one
-- projection of the pii service; a row that is written twice is the same row twice, and every page leaves one out.
CREATE TABLE IF NOT EXISTS pii_audit_log
(
    tenant         LowCardinality(String),
    request_id     String,                                        -- ordered by time: pages and times are ranges of it
    row            UInt32,                                        -- number of the entity within the request
    at             DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    key_id         LowCardinality(String),
    policy         LowCardinality(String),
    type           LowCardinality(String),                        -- PERSON, EMAIL …; empty: marks how far was read
    count          UInt32,                                        -- how often at this place
    place          String CODEC(ZSTD(1)),                         -- messages[2].content[0].text
    substitute     String CODEC(ZSTD(1)),
    original_hash  String,                                        -- hex, under a key of the account
    original_shape LowCardinality(String),                        -- length class, letters, digits
    recognizer     LowCardinality(String),
    score          Float32,
    expires        DateTime('UTC'),                               -- by the retention its account wanted at the time
    stream_seq     UInt64 CODEC(Delta, ZSTD(1)),                  -- of the fact in EVENTS; max() is the position
    INDEX of_type type TYPE set(32) GRANULARITY 1,
    INDEX seq_range stream_seq TYPE minmax GRANULARITY 1
)
ENGINE = ${REPLICATED}ReplacingMergeTree
ORDER BY (tenant, request_id, row)
TTL expires
SETTINGS
    index_granularity = 1024,
    non_replicated_deduplication_window = 1000,
    fsync_after_insert = 1,
    fsync_part_directory = 1;
