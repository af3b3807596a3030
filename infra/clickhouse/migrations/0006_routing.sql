-- What `auto` chose, on the row of the request it chose for; empty and 0 where the model was named directly.
-- What was chosen from a text can be looked at again; the text is nowhere.
ALTER TABLE usage
    ADD COLUMN IF NOT EXISTS complexity LowCardinality(String) AFTER task,
    ADD COLUMN IF NOT EXISTS confidence Float64 AFTER complexity,          -- that the task is right, 0 to 1
    ADD COLUMN IF NOT EXISTS optimize LowCardinality(String) AFTER confidence,
    ADD COLUMN IF NOT EXISTS routing_reason LowCardinality(String) AFTER optimize,
    ADD COLUMN IF NOT EXISTS routing_model LowCardinality(String) AFTER routing_reason, -- route id
    ADD COLUMN IF NOT EXISTS routing_fit Float64 AFTER routing_model,
    ADD COLUMN IF NOT EXISTS expected_cost Int64 AFTER routing_fit,        -- by the rate card, nano-USD
    ADD COLUMN IF NOT EXISTS propensity Float64 AFTER expected_cost,       -- with which this model was chosen
    ADD COLUMN IF NOT EXISTS candidates UInt32 AFTER propensity,           -- that passed every filter
    ADD COLUMN IF NOT EXISTS routing_ns UInt32 AFTER candidates,           -- that the decision took
    ADD COLUMN IF NOT EXISTS router_version LowCardinality(String) AFTER routing_ns;

-- What somebody thought of an answer; the last word on a request counts. From EVENTS by billing's projection.
CREATE TABLE IF NOT EXISTS feedback
(
    tenant     LowCardinality(String),
    request_id String,
    at         DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    rating     Int8,                                  -- 1: good, -1: bad
    key_id     LowCardinality(String),                -- empty: a session
    route      LowCardinality(String),                -- that answered
    task       LowCardinality(String),                -- empty: the model was named directly
    stream_seq UInt64 CODEC(Delta, ZSTD(1)),          -- of the message in EVENTS
    version    UInt64                                 -- its place in EVENTS: the highest is the last word
)
ENGINE = ${REPLICATED}ReplacingMergeTree(version)
ORDER BY (tenant, request_id)
SETTINGS
    index_granularity = 256,
    non_replicated_deduplication_window = 1000,
    fsync_after_insert = 1,
    fsync_part_directory = 1;
