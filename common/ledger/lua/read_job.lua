-- Reads one job and its run. ARGV: job id, owner. Returns nil if the owner has no job with this id, else the
-- fields of the job and its run, the run's position in the queue, and the number of seconds to wait before
-- the next poll.

local j = redis.call('HMGET', K.JOB .. ARGV[1], 'run', 'owner', 'query', 'created_ms', 'coalesced', 'canceled_ms', 'cached')
if not j[1] or j[2] ~= ARGV[2] then return nil end
local r = redis.call('HMGET', K.RUN .. j[1], 'state', 'started_ms', 'ended_ms', 'attempts', 'timings', 'error', 'result',
  'of_other_version')
if not r[1] then return nil end
local rank = queued_before(j[1])
-- A parked run's position in the queue is after all queued runs.
local parked = not rank and redis.call('ZRANK', K.PARKED, j[1])
if parked then rank = count_all(K.QUEUED) + parked end
return { j[1], j[3], j[4], j[5], j[6], j[7], r[1], r[2], r[3], r[4], r[5], r[6], r[7], r[8], rank, retry_after_s() }
