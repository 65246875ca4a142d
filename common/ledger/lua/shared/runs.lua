-- The end of a run, and sending it again.

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
