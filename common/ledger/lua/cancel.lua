-- Cancels one job, and its run if no other job waits for the run. ARGV: job id, owner.
-- Returns 1 if the job exists and belongs to the owner, else 0.

allow_writes_when_full()
local job, now = K.JOB .. ARGV[1], now_ms()
local f = redis.call('HMGET', job, 'run', 'owner', 'canceled_ms')
if not f[1] or f[2] ~= ARGV[2] then return 0 end
local run_id = f[1]
local run = K.RUN .. run_id
local state = redis.call('HGET', run, 'state')
if f[3] or not state or TERMINAL[state] then return 1 end
redis.call('HSET', job, 'canceled_ms', now)
forget_owned(ARGV[1])
redis.call('SREM', run .. K.RUN_JOBS_SUFFIX, ARGV[1])
redis.call('PEXPIRE', job, tonumber(redis.call('HGET', run, 'ttl_ms')))
if redis.call('SCARD', run .. K.RUN_JOBS_SUFFIX) == 0 then
  finish(run_id, 'canceled', now, {})
else
  publish(run_id, state)
  publish(K.JOB .. ARGV[1], 'canceled')
end
return 1
