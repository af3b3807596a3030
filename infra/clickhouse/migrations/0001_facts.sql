-- Every fact of every request, as the custody projection read it from EVENTS. One writer; one block per batch of
-- messages, in stream order; a block's token names the sequences in it. max(stream_seq) is the projection's position.
-- No PARTITION BY: a block is one part, so it is there whole or not at all.
CREATE TABLE IF NOT EXISTS facts
(
    tenant     LowCardinality(String),
    request_id String,                                -- 16 hex, ordered by time: neighbours in time are neighbours here
    kind       LowCardinality(String),                -- egress | finished | delivered | refused
    stream_seq UInt64 CODEC(Delta, ZSTD(1)),          -- of the message in EVENTS; max() reads this column alone
    idx        UInt32,                                -- place of the fact in that message
    at         DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    fact       String CODEC(ZSTD(1)),                 -- canonical JSON
    INDEX at_range at TYPE minmax GRANULARITY 1       -- "the last two days" skips everything older
)
ENGINE = ${REPLICATED}MergeTree
ORDER BY (tenant, request_id, stream_seq, idx)
SETTINGS
    index_granularity = 256,                          -- a look-up reads one granule of whole facts: 256, not 8192
    non_replicated_deduplication_window = 1000,       -- 0 by default, and then tokens are ignored
    fsync_after_insert = 1,                           -- an acknowledged block survives a power cut
    fsync_part_directory = 1;
