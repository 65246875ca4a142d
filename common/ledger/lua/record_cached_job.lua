-- Records a job that was answered from the cache. ARGV: the request as a JSON object, the result.
-- Returns the same fields as submit.lua; the outcome is one of recorded, repeated, conflict, full_shared.

local now = now_ms()
local request = cjson.decode(ARGV[1])
local job_id, result = request.job_id, ARGV[2]

local known = idempotent_reply(request)
if known then return known end

-- The result is copied to the ledger, because the cache can evict the result before the job expires. Jobs with
-- the same query key share one copy for a minute.
local SLOT_MS = 60000
local slot = K.ANSWERED .. request.key
local run_id = redis.call('GET', slot)
local bytes = shared_bytes(request)
if shared_is_full(request, run_id and bytes or bytes + #result, now) then
  return { 'full_shared', job_id, '', retry_after_s() }
end

if not run_id then
  run_id = job_id
  local run, keep_ms = K.RUN .. run_id, request.ttl_ms + SLOT_MS
  redis.call('HSET', run, 'state', 'succeeded', 'key', request.key, 'ended_ms', now, 'attempts', 0,
    'result', result, 'ttl_ms', request.ttl_ms)
  redis.call('PEXPIRE', run, keep_ms)
  redis.call('SET', slot, run_id, 'PX', SLOT_MS)
  count_shared('run.' .. run_id, #result, now, keep_ms)
end
write_job(request, run_id, now, request.ttl_ms, 0)
redis.call('HSET', K.JOB .. job_id, 'cached', 1)
count_shared(job_id, bytes, now, request.ttl_ms)
return { 'recorded', job_id, run_id, 0 }
