-- Records a job that the cache has answered. ARGV: a JSON object of the request, the result.

local now = now_ms()
local request = cjson.decode(ARGV[1])
local job, run = K.JOB .. request.job_id, K.RUN .. request.job_id
redis.call('HSET', job, 'run', request.job_id, 'owner', request.owner, 'query', request.query,
  'created_ms', now, 'coalesced', 0, 'cached', 1)
redis.call('HSET', run, 'state', 'succeeded', 'key', request.key, 'ended_ms', now, 'attempts', 0,
  'result', ARGV[2], 'ttl_ms', request.ttl_ms)
redis.call('PEXPIRE', job, request.ttl_ms)
redis.call('PEXPIRE', run, request.ttl_ms)
return request.job_id
