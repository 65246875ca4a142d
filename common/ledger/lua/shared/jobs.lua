-- The records of a single job: its owner, its Idempotency-Key, and its entries in counters.

-- Returns the script's reply if the request's Idempotency-Key was used before, else nil.
local function idempotent_reply(request)
  local known = request.idempotency_key and redis.call('GET', request.idempotency_key)
  if not known then return nil end
  local hash, first_id = string.match(known, '^(%x+) (%x+)$')
  if hash ~= request.request_hash then return { 'conflict', request.job_id, '', 0 } end
  local run_id = redis.call('HGET', K.JOB .. first_id, 'run')
  return run_id and { 'repeated', first_id, run_id, 0 } or nil
end

local function write_job(request, run_id, now, keep_ms, coalesced)
  local job = K.JOB .. request.job_id
  redis.call('HSET', job, 'run', run_id, 'owner', request.owner, 'query', request.query,
    'created_ms', now, 'coalesced', coalesced)
  redis.call('PEXPIRE', job, keep_ms)
  if request.idempotency_key then
    redis.call('SET', request.idempotency_key, request.request_hash .. ' ' .. request.job_id, 'PX', request.ttl_ms)
  end
end

local function count_shared(name, bytes, now, keep_ms)
  redis.call('ZADD', K.SHARED, now + keep_ms, name .. ':' .. bytes)
  redis.call('INCRBY', K.SHARED_BYTES, bytes)
  expire_later({ K.SHARED, K.SHARED_BYTES }, keep_ms)
end

local function forget_owned(job_id)
  local owner = redis.call('HGET', K.JOB .. job_id, 'counted')
  if owner then redis.call('ZREM', K.OWNED .. owner, job_id) end
end
