-- Renews a worker's announcement and its leases. ARGV: worker id, announcement, announcement TTL in ms, duration
-- of a lease in ms, then the runs that the worker processes. Returns the runs whose lease the worker has lost.

allow_writes_when_full()
local worker_id, lease_ms, now = ARGV[1], tonumber(ARGV[4]), now_ms()
redis.call('SET', K.WORKER .. worker_id, ARGV[2], 'PX', ARGV[3])
redis.call('ZADD', K.WORKERS, now + tonumber(ARGV[3]), worker_id)
redis.call('ZREMRANGEBYSCORE', K.WORKERS, '-inf', now)
if redis.call('PTTL', K.WORKERS) < tonumber(ARGV[3]) then redis.call('PEXPIRE', K.WORKERS, ARGV[3]) end
local lost = {}
for i = 5, #ARGV do
  local run = K.RUN .. ARGV[i]
  local f = redis.call('HMGET', run, 'state', 'worker')
  if f[1] == 'running' and f[2] == worker_id then
    redis.call('HSET', run, 'lease_ms', now + lease_ms)
    redis.call('ZADD', key_of_run(K.RUNNING, ARGV[i]), now + lease_ms, ARGV[i])
  else
    lost[#lost + 1] = ARGV[i]
  end
end
return lost
