-- Stores the report of an ingest, and deletes the oldest reports beyond a number.
--
--   ARGV  ingest id, report as JSON, ms for which the report is kept, number of reports that are kept
--
-- The time of the report comes from the clock of Redis, because the clock of the ingest's machine may be wrong.

local id, keep_ms, most = ARGV[1], tonumber(ARGV[3]), tonumber(ARGV[4])
local time = redis.call('TIME')
redis.call('SET', K.INGEST .. id, ARGV[2], 'PX', keep_ms)
redis.call('ZADD', K.INGESTS, time[1] * 1000 + math.floor(time[2] / 1000), id)
redis.call('PEXPIRE', K.INGESTS, keep_ms)
for _, oldest in ipairs(redis.call('ZRANGE', K.INGESTS, 0, -most - 1)) do
  redis.call('DEL', K.INGEST .. oldest)
  redis.call('ZREM', K.INGESTS, oldest)
end
