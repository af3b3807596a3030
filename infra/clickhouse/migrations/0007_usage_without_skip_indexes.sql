-- Sets of the keys, models, routes and ends of each granule: reading them takes longer than the narrow columns they
-- spare (10 M rows: a page by key 66 ms with them, 16 without), and every insert pays for them.
ALTER TABLE usage
    DROP INDEX IF EXISTS of_key,
    DROP INDEX IF EXISTS of_model,
    DROP INDEX IF EXISTS of_route,
    DROP INDEX IF EXISTS of_status;

-- Rows that lie far from each other are read a compressed block a column each: blocks of a granule, not of eight.
ALTER TABLE usage MODIFY SETTING min_compress_block_size = 8192;
