-- Returns the states of the jobs whose ids are in ARGV; the state of an expired job is an empty string.

local states = {}
for i, job_id in ipairs(ARGV) do
  local f = redis.call('HMGET', K.JOB .. job_id, 'run', 'canceled_ms')
  states[i] = f[2] and 'canceled' or f[1] and redis.call('HGET', K.RUN .. f[1], 'state') or ''
end
return states
