-- What every ledger script shares; `K` (key names) is prepended from common/redis/keyspace.py.
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

-- Keeps keys for so long, or for as long as they would be kept anyway.
local function expire_later(names, keep_ms)
  for _, key in ipairs(names) do
    if redis.call('PTTL', key) < keep_ms then redis.call('PEXPIRE', key, keep_ms) end
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

-- Decoders of all live workers together; a worker that announces none has one.
local function decoders(now)
  local sum = 0
  for _, worker_id in ipairs(redis.call('ZRANGEBYSCORE', K.WORKERS, now, '+inf')) do
    local announcement = redis.call('GET', K.WORKER .. worker_id) or ''
    sum = sum + tonumber(string.match(announcement, '"decoders":(%d+)') or 1)
  end
  return math.max(1, sum)
end

-- Turns at the decoders. Of each client's images so much is sent to the workers at a time as keeps the decoders
-- busy for TURN_MS, or one file where one takes longer. What the client has beyond it is parked: its message is
-- sent when what was sent before has ended, so that it takes no thread, decoder or place in the queue of others.
local TURN_MS = 250

-- Milliseconds of a client's images that are with the workers.
local function under_way_ms(client, now)
  local index, total = K.DECODING .. client, K.DECODING .. client .. K.DECODING_SUM_SUFFIX
  forget_expired(index, total, now)
  return tonumber(redis.call('GET', total) or 0)
end

local function has_turn(client, work_ms, now)
  local under_way = under_way_ms(client, now)
  if under_way == 0 or under_way + work_ms <= TURN_MS then return true end
  return under_way + work_ms <= TURN_MS * decoders(now)
end

local function begin_turn(run_id, client, work_ms, deadline, now)
  local index, total = K.DECODING .. client, K.DECODING .. client .. K.DECODING_SUM_SUFFIX
  redis.call('INCRBY', total, work_ms)
  redis.call('ZADD', index, deadline, run_id .. ':' .. work_ms)
  expire_later({ index, total }, deadline - now)
end

-- Whether a client's next image has to wait for its turn.
local function must_park(client, work_ms, now)
  if work_ms == 0 then return false end
  return redis.call('LLEN', K.PARKED_OF .. client) > 0 or not has_turn(client, work_ms, now)
end

local function park(run_id, client, work_ms, now, keep_ms)
  local list, total = K.PARKED_OF .. client, K.PARKED_OF .. client .. K.PARKED_SUM_SUFFIX
  redis.call('ZADD', K.PARKED, now, run_id)
  redis.call('RPUSH', list, run_id)
  redis.call('INCRBY', total, work_ms)
  expire_later({ list, total }, keep_ms)
end

-- Sends the message of a run that was parked, in the turn of a client.
local function unpark(run_id, client, now)
  local run = K.RUN .. run_id
  local f = redis.call('HMGET', run, 'message', 'decode_ms', 'deadline_ms')
  redis.call('ZREM', K.PARKED, run_id)
  redis.call('HDEL', run, 'message')
  redis.call('HSET', run, 'client', client, 'queued_ms', now, 'sent_ms', now)
  begin_turn(run_id, client, tonumber(f[2]), tonumber(f[3]), now)
  redis.call('ZADD', K.QUEUED, now, run_id)
  redis.call('LPUSH', K.QUEUE, (string.gsub(f[1], '{delivery_tag}', run_id .. '.' .. now)))
end

-- Sends what a client has parked, as far as it has the turn.
local function next_turns(client, now)
  local list = K.PARKED_OF .. client
  while true do
    local run_id = redis.call('LINDEX', list, 0)
    if not run_id then return end
    local work_ms = tonumber(redis.call('HGET', K.RUN .. run_id, 'decode_ms') or 0)
    local is_parked = redis.call('ZSCORE', K.PARKED, run_id)
    if is_parked and not has_turn(client, work_ms, now) then return end
    redis.call('LPOP', list)
    redis.call('DECRBY', list .. K.PARKED_SUM_SUFFIX, work_ms)
    if is_parked then unpark(run_id, client, now) end
    if redis.call('LLEN', list) == 0 then redis.call('DEL', list .. K.PARKED_SUM_SUFFIX) end
  end
end

local function end_turn(run_id, now)
  local f = redis.call('HMGET', K.RUN .. run_id, 'client', 'decode_ms')
  redis.call('ZREM', K.PARKED, run_id)
  if not f[1] or tonumber(f[2] or 0) == 0 then return end
  local index, total = K.DECODING .. f[1], K.DECODING .. f[1] .. K.DECODING_SUM_SUFFIX
  if redis.call('ZREM', index, run_id .. ':' .. f[2]) == 1 then redis.call('DECRBY', total, f[2]) end
  if redis.call('ZCARD', index) == 0 then redis.call('DEL', total) end
  next_turns(f[1], now)
end

-- Whether a client has more images waiting than could be decoded in time if nobody else had any.
local function turns_are_full(request, now)
  local parked_ms = tonumber(redis.call('GET', K.PARKED_OF .. request.client .. K.PARKED_SUM_SUFFIX) or 0)
  if parked_ms == 0 then return false end
  local ahead_ms = under_way_ms(request.client, now) + parked_ms + (request.decode_ms or 0)
  return ahead_ms > request.max_wait_ms * decoders(now)
end

-- Why the service cannot take a run with so many bytes of images, nil where it can. What others have parked is in
-- nobody's way, but for another that would be parked: that has the bounds of a queue, and half of the images' room.
local function what_is_full(request, incoming, now, parks)
  local parked = parks and redis.call('ZCARD', K.PARKED) or 0
  local queued = redis.call('ZCARD', K.QUEUED) + parked
  if queued >= request.max_depth then return 'full_depth' end
  local oldest = redis.call('ZRANGE', K.QUEUED, 0, 0, 'WITHSCORES')
  if oldest[2] and now - tonumber(oldest[2]) > request.max_age_ms then return 'full_age' end
  local rate = service_rate()
  local ahead = queued + redis.call('ZCARD', K.RUNNING)
  if rate > 0 and (ahead + 1) / rate * 1000 > request.max_wait_ms then return 'full_wait' end
  forget_expired(K.IMAGES, K.IMAGES_BYTES, now)
  if incoming > 0 then
    local held = tonumber(redis.call('GET', K.IMAGES_BYTES) or 0)
    if held + incoming > request.max_held_bytes / (parks and 2 or 1) then return 'full_images' end
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
  end_turn(run_id, now)
end

local function fail(run_id, now, code, detail)
  finish(run_id, 'failed', now, { 'error', cjson.encode({ code = code, detail = detail }) })
end

-- Ends a run whose deadline has passed, and says what held it up.
local function fail_late(run_id, now, code, detail)
  local why = redis.call('HGET', K.RUN .. run_id, 'held_up')
  if redis.call('ZSCORE', K.PARKED, run_id) then
    why = 'other images of the same client were to be decoded before it'
  end
  fail(run_id, now, code, why and detail .. ': ' .. why or detail)
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
  local f = redis.call('HMGET', run, 'queued_ms', 'created_ms')
  redis.call('ZADD', K.QUEUED, f[1] or f[2], run_id)
  send(template, run_id, now)
  tell(run_id, 'queued')
end
