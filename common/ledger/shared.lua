-- What every ledger script shares; `K` (key names) is prepended from common/keys.py.
-- Redis's clock decides: a worker's or gateway's may be wrong.

local function now_ms()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

-- At `maxmemory` Redis refuses a script's first write that needs memory, but lets a script that has
-- written go on, since half a script is worse. What brings jobs to their end begins with a write that
-- frees memory, or would: else a full Redis could end nothing, and would stay full. A submit does not.
-- (The shebang with `allow-oom` says the same, but only to Redis 7.)
local function go_on_when_full()
  redis.call('DEL', K.NOTHING)
end

local TERMINAL = { succeeded = true, failed = true, canceled = true }

-- `more`, where there is any, stands behind the state.
local function tell(name, state, more)
  redis.call('PUBLISH', K.EVENTS, name .. ' ' .. state .. (more and ' ' .. more or ''))
end

-- Runs that the workers end a second while there is enough to do; zero as long as that is not known.
local function service_rate()
  return tonumber(redis.call('GET', K.SERVICE_RATE) or 0)
end

-- What a lull lets through says nothing of how fast the workers are: the rate is that of the last ten whole
-- seconds in which somebody waited, from the first that ended a run, and of at least three. Without such a
-- wait a known rate is only ever raised, lest one that was too low keep itself so by the refusals it causes.
-- A run that came back from a worker has waited since then.
local function measured_rate(second)
  local oldest = redis.call('ZRANGE', K.QUEUED, 0, 0)[1]
  local sent_ms = oldest and redis.call('HGET', K.RUN .. oldest, 'sent_ms')
  local waited_s = sent_ms and second - math.ceil(sent_ms / 1000) or 0
  local sum, busy_sum, busy_s = 0, 0, 0
  for ago = 1, 10 do
    local finished = tonumber(redis.call('GET', K.FINISHED .. (second - ago)) or 0)
    sum = sum + finished
    if finished > 0 and ago <= waited_s then busy_sum, busy_s = busy_sum + finished, ago end
  end
  if busy_s >= 3 then return busy_sum / busy_s end
  local known = service_rate()
  return known > 0 and math.max(known, sum / 10) or 0
end

-- Counts a run that a worker has brought to its end: not one that was called off, or that time ended. The first
-- of each second measures; what it finds is remembered for ten minutes, so that a sudden rush is judged by it.
local function count_served(now)
  local second = math.floor(now / 1000)
  local finished = K.FINISHED .. second
  if redis.call('INCR', finished) > 1 then return end
  redis.call('EXPIRE', finished, 60)
  local rate = measured_rate(second)
  if rate > 0 then redis.call('SET', K.SERVICE_RATE, rate, 'EX', 600) end
end

-- Seconds until a place is likely: what is queued over the rate of service, within 1..60.
local function retry_after_s()
  local rate = service_rate()
  local depth = redis.call('ZCARD', K.QUEUED)
  if rate == 0 then return depth == 0 and 1 or 5 end
  return math.max(1, math.min(60, math.ceil(depth / rate)))
end

local function release_images(run)
  local digests = redis.call('HGET', run, 'images')
  if not digests then return end
  for digest in string.gmatch(digests, '%x+') do
    local image = K.IMAGE .. digest
    if redis.call('DECR', image .. K.IMAGE_REFS_SUFFIX) <= 0 then
      local member = digest .. ':' .. redis.call('STRLEN', image)
      if redis.call('ZREM', K.IMAGES, member) == 1 then
        redis.call('DECRBY', K.IMAGES_BYTES, redis.call('STRLEN', image))
      end
      redis.call('DEL', image, image .. K.IMAGE_REFS_SUFFIX)
    end
  end
  if redis.call('ZCARD', K.IMAGES) == 0 then redis.call('DEL', K.IMAGES_BYTES) end
end

-- Members are "<name>:<bytes>" by the time they expire, by themselves; here their bytes cease to count.
-- The sum comes first: in a full Redis it is the first write, and is refused.
local function forget_expired(index, total, now)
  local expired, bytes = redis.call('ZRANGEBYSCORE', index, '-inf', now), 0
  if #expired == 0 then return end
  for _, member in ipairs(expired) do bytes = bytes + string.match(member, ':(%d+)$') end
  redis.call('DECRBY', total, bytes)
  redis.call('ZREMRANGEBYSCORE', index, '-inf', now)
  if redis.call('ZCARD', index) == 0 then redis.call('DEL', total) end
end

-- Whether a key has as many jobs under way as it may. Each is counted until it ends, or until the
-- deadline by which it must have.
local function owner_is_full(request, now)
  if not request.max_jobs then return false end
  local owned = K.OWNED .. request.owner
  redis.call('ZREMRANGEBYSCORE', owned, '-inf', now)
  return redis.call('ZCARD', owned) >= request.max_jobs
end

-- What a client's Idempotency-Key stands for: the reply of a submit; nil where it stands for nothing yet.
local function known_by_key(request)
  local known = request.idempotency_key and redis.call('GET', request.idempotency_key)
  if not known then return nil end
  local hash, first_id = string.match(known, '^(%x+) (%x+)$')
  if hash ~= request.request_hash then return { 'conflict', request.job_id, '', 0 } end
  local run_id = redis.call('HGET', K.JOB .. first_id, 'run')
  return run_id and { 'repeated', first_id, run_id, 0 } or nil
end

local function remember(request, run_id, now, keep_ms, coalesced)
  local job = K.JOB .. request.job_id
  redis.call('HSET', job, 'run', run_id, 'owner', request.owner, 'query', request.query,
    'created_ms', now, 'coalesced', coalesced)
  redis.call('PEXPIRE', job, keep_ms)
  if request.idempotency_key then
    redis.call('SET', request.idempotency_key, request.request_hash .. ' ' .. request.job_id, 'PX', request.ttl_ms)
  end
end

-- A job that shares another's run or a cached answer waits in no queue whose length would bound it; what such
-- jobs take is bounded by itself. Of each: the hash, its places in sets, an Idempotency-Key, measured at 1.7 KB.
local function shared_bytes(request)
  return 2048 + #request.query
end

local function shared_is_full(request, bytes, now)
  forget_expired(K.SHARED, K.SHARED_BYTES, now)
  return tonumber(redis.call('GET', K.SHARED_BYTES) or 0) + bytes > request.max_shared_bytes
end

local function count_shared(name, bytes, now, keep_ms)
  redis.call('ZADD', K.SHARED, now + keep_ms, name .. ':' .. bytes)
  redis.call('INCRBY', K.SHARED_BYTES, bytes)
  for _, key in ipairs({ K.SHARED, K.SHARED_BYTES }) do
    if redis.call('PTTL', key) < keep_ms then redis.call('PEXPIRE', key, keep_ms) end
  end
end

local function forget_owned(job_id)
  local owner = redis.call('HGET', K.JOB .. job_id, 'counted')
  if owner then redis.call('ZREM', K.OWNED .. owner, job_id) end
end

-- Why the service cannot take a run with so many bytes of images, nil where it can.
local function what_is_full(request, incoming, now)
  if redis.call('ZCARD', K.QUEUED) >= request.max_depth then return 'full_depth' end
  local oldest = redis.call('ZRANGE', K.QUEUED, 0, 0, 'WITHSCORES')
  if oldest[2] and now - tonumber(oldest[2]) > request.max_age_ms then return 'full_age' end
  local rate = service_rate()
  local ahead = redis.call('ZCARD', K.QUEUED) + redis.call('ZCARD', K.RUNNING)
  if rate > 0 and (ahead + 1) / rate * 1000 > request.max_wait_ms then return 'full_wait' end
  forget_expired(K.IMAGES, K.IMAGES_BYTES, now)
  if incoming > 0 then
    local held = tonumber(redis.call('GET', K.IMAGES_BYTES) or 0)
    if held + incoming > request.max_held_bytes then return 'full_images' end
  end
  return nil
end

-- The one way into a terminal state. `fields` is a flat list for HSET; `more` goes with the event.
local function finish(run_id, state, now, fields, more)
  local run = K.RUN .. run_id
  local ttl_ms = tonumber(redis.call('HGET', run, 'ttl_ms'))
  redis.call('HSET', run, 'state', state, 'ended_ms', now, unpack(fields))
  redis.call('HDEL', run, 'lease_ms')
  redis.call('ZREM', K.QUEUED, run_id)
  redis.call('ZREM', K.RUNNING, run_id)
  redis.call('ZREM', K.DEADLINES, run_id)
  local flight = K.FLIGHT .. redis.call('HGET', run, 'key')
  if redis.call('GET', flight) == run_id then redis.call('DEL', flight) end
  release_images(run)
  for _, job_id in ipairs(redis.call('SMEMBERS', run .. K.RUN_JOBS_SUFFIX)) do
    redis.call('PEXPIRE', K.JOB .. job_id, ttl_ms)
    forget_owned(job_id)
  end
  redis.call('PEXPIRE', run, ttl_ms)
  redis.call('DEL', run .. K.RUN_JOBS_SUFFIX)
  tell(run_id, state, more)
end

local function fail(run_id, now, code, detail)
  finish(run_id, 'failed', now, { 'error', cjson.encode({ code = code, detail = detail }) })
end

-- Puts a message for the run at the head of the queue: it has waited longest.
local function send(template, run_id, now)
  local message = string.gsub(template, '{run_id}', run_id)
  redis.call('RPUSH', K.QUEUE, (string.gsub(message, '{delivery_tag}', run_id .. '.' .. now)))
  redis.call('HSET', K.RUN .. run_id, 'sent_ms', now)
end

local function requeue(template, run_id, now)
  local run = K.RUN .. run_id
  redis.call('HSET', run, 'state', 'queued')
  redis.call('HDEL', run, 'worker', 'lease_ms')
  redis.call('ZREM', K.RUNNING, run_id)
  redis.call('ZADD', K.QUEUED, redis.call('HGET', run, 'created_ms'), run_id)
  send(template, run_id, now)
  tell(run_id, 'queued')
end
