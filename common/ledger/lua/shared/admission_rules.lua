-- Admission control: all rules that refuse a job with HTTP status 503 or 429.

-- Returns whether an owner has reached its limit of unfinished jobs. A job counts as unfinished until it ends or its
-- deadline passes.
local function owner_is_full(request, now)
  if not request.max_jobs then return false end
  local owned = K.OWNED .. request.owner
  redis.call('ZREMRANGEBYSCORE', owned, '-inf', now)
  return redis.call('ZCARD', owned) >= request.max_jobs
end

-- Returns the memory in bytes that a job uses if it shares a run or a cached answer. The queue's limits do
-- not apply to jobs that share a run or an answer, because these jobs add no entry to the queue; instead,
-- their total memory is limited. In a measurement, a job's hash, set members and Idempotency-Key together
-- took 1.7 KB of memory.
local function shared_bytes(request)
  return 2048 + #request.query
end

local function shared_is_full(request, bytes, now)
  forget_expired(K.SHARED, K.SHARED_BYTES, now)
  return tonumber(redis.call('GET', K.SHARED_BYTES) or 0) + bytes > request.max_shared_bytes
end

-- Returns whether a client has too many waiting images: all decoders, used for this client alone, could not
-- decode these images in time.
local function turns_are_full(request, now)
  local parked, parked_ms = parked_of(request.client)
  if parked_ms == 0 then return false end
  local excess_ms = parked * overrun_ms(request.client)
  local ahead_ms = decoding_ms(request.client, now) + parked_ms + excess_ms + (request.decode_ms or 0)
  return ahead_ms > request.max_wait_ms * decoders(now)
end

-- Returns why the service cannot accept a run with `incoming` bytes of images, or nil. Parked runs do not
-- delay other clients, so they count towards the queue's limit only if the new run would also be parked. A
-- run that would be parked is accepted only if all stored images use at most half of the allowed bytes. The age
-- limit applies to the run's own queue, because the workers take turns between the queues.
local function overload_reason(request, incoming, now, is_parked)
  local parked = is_parked and redis.call('ZCARD', K.PARKED) or 0
  local queued = count_all(K.QUEUED) + parked
  if queued >= request.max_depth then return 'full_depth' end
  local oldest = oldest_queued(request.query_version or 1)
  if oldest[2] and now - tonumber(oldest[2]) > request.max_age_ms then return 'full_age' end
  local rate = service_rate()
  local ahead = queued + count_all(K.RUNNING)
  if rate > 0 and (ahead + 1) / rate * 1000 > request.max_wait_ms then return 'full_wait' end
  forget_expired(K.IMAGES, K.IMAGES_BYTES, now)
  if incoming > 0 then
    local held = tonumber(redis.call('GET', K.IMAGES_BYTES) or 0)
    if held + incoming > request.max_held_bytes / (is_parked and 2 or 1) then return 'full_images' end
  end
  return nil
end
