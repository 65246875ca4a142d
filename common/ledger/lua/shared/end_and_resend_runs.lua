-- Ending a run, and sending its message again.

local function release_images(digests)
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

-- Moves a run into a terminal state; no other function does so. `fields` is a flat list of field names and values
-- for HSET; the text `more` is appended to the published event.
local function finish(run_id, state, now, fields, more)
  local run = K.RUN .. run_id
  local f = redis.call('HMGET', run, 'ttl_ms', 'key', 'images', 'client', 'decode_ms')
  local ttl_ms = tonumber(f[1])
  redis.call('HSET', run, 'state', state, 'ended_ms', now, unpack(fields))
  redis.call('HDEL', run, 'lease_ms', 'message')
  local version = version_of(run_id)
  redis.call('ZREM', of_version(K.QUEUED, version), run_id)
  redis.call('ZREM', of_version(K.RUNNING, version), run_id)
  redis.call('ZREM', K.DEADLINES, run_id)
  local flight = K.FLIGHT .. f[2]
  if redis.call('GET', flight) == run_id then redis.call('DEL', flight) end
  if f[3] then release_images(f[3]) end
  for _, job_id in ipairs(redis.call('SMEMBERS', run .. K.RUN_JOBS_SUFFIX)) do
    redis.call('PEXPIRE', K.JOB .. job_id, ttl_ms)
    forget_owned(job_id)
  end
  redis.call('PEXPIRE', run, ttl_ms)
  redis.call('DEL', run .. K.RUN_JOBS_SUFFIX)
  publish(run_id, state, more)
  -- A run without images, or of an older version's gateway, has no turn at the decoders.
  if tonumber(f[5] or 0) > 0 then end_turn(run_id, f[4], now) end
end

local function fail(run_id, now, code, detail)
  finish(run_id, 'failed', now, { 'error', cjson.encode({ code = code, detail = detail }) })
end

-- Fails a run whose deadline has passed; the error message says what delayed the run.
local function fail_at_deadline(run_id, now, code, detail)
  local why = redis.call('HGET', K.RUN .. run_id, 'held_up')
  if redis.call('ZSCORE', K.PARKED, run_id) then
    why = 'other images of the same client were to be decoded before it'
  end
  fail(run_id, now, code, why and detail .. ': ' .. why or detail)
end

-- Returns a run's message, which still has the placeholder for the delivery tag.
local function message_for(template, run_id, queue)
  return (string.gsub(string.gsub(template, '{run_id}', run_id), '{queue}', queue))
end

-- Puts a message for the run at the head of its queue, because the run has waited longer than the queued
-- runs.
local function send(template, run_id, now)
  local queue = key_of_run(K.QUEUE, run_id)
  local message = message_for(template, run_id, queue)
  redis.call('RPUSH', queue, (string.gsub(message, '{delivery_tag}', run_id .. '.' .. now)))
  redis.call('HSET', K.RUN .. run_id, 'sent_ms', now)
end

-- Parks a run that a worker gives back to the queue. Returns whether the run was parked.
local function park_released(run_id, client, now)
  local run = K.RUN .. run_id
  if tonumber(redis.call('HGET', run, 'decode_ms') or 0) == 0 then return false end
  if not park_again(run_id, client, now) then return false end
  redis.call('HSET', run, 'state', 'queued')
  redis.call('HDEL', run, 'worker', 'lease_ms')
  redis.call('ZREM', key_of_run(K.RUNNING, run_id), run_id)
  publish(run_id, 'queued')
  send_parked(client, now)
  return true
end

-- Puts a run back into its queue. If `is_later`, the sweeper sends the run's message after a few seconds.
local function requeue(template, run_id, now, is_later)
  local run = K.RUN .. run_id
  redis.call('HSET', run, 'state', 'queued')
  redis.call('HDEL', run, 'worker', 'lease_ms')
  redis.call('ZREM', key_of_run(K.RUNNING, run_id), run_id)
  local f = redis.call('HMGET', run, 'queued_ms', 'created_ms')
  redis.call('ZADD', key_of_run(K.QUEUED, run_id), f[1] or f[2], run_id)
  if is_later then
    redis.call('HSET', run, 'sent_ms', now)
  else
    send(template, run_id, now)
  end
  publish(run_id, 'queued')
end
