-- Ends a run with an error. ARGV: run id, attempt, error as JSON. Only the current attempt can fail a run, because
-- a worker whose lease expired must not fail a run that another worker is answering. Returns 1, or 0 if the
-- attempt no longer holds the run's lease.

allow_writes_when_full()
local run, now = K.RUN .. ARGV[1], now_ms()
local f = redis.call('HMGET', run, 'state', 'attempts')
if f[1] ~= 'running' or f[2] ~= ARGV[2] then return 0 end
if cjson.decode(ARGV[3]).code ~= 'deadline_exceeded' then count_finished(now) end
finish(ARGV[1], 'failed', now, { 'error', ARGV[3] })
return 1
