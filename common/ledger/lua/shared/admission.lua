-- Every rule by which a job is turned away with 503 or 429: what is full, and for whom.

-- Whether a key has as many jobs under way as it may. Each is counted until it ends, or until the
-- deadline by which it must have.
local function owner_is_full(request, now)
  if not request.max_jobs then return false end
  local owned = K.OWNED .. request.owner
  redis.call('ZREMRANGEBYSCORE', owned, '-inf', now)
  return redis.call('ZCARD', owned) >= request.max_jobs
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

-- Whether a client has more images waiting than could be decoded in time if nobody else had any.
local function turns_are_full(request, now)
  local parked_ms = tonumber(redis.call('GET', K.PARKED_OF .. request.client .. K.PARKED_SUM_SUFFIX) or 0)
  if parked_ms == 0 then return false end
  local ahead_ms = under_way_ms(request.client, now) + parked_ms + (request.decode_ms or 0)
  return ahead_ms > request.max_wait_ms * decoders(now)
end

-- Why the service cannot take a run with so many bytes of images; nil where it can. Parked runs delay no other
-- client, so only a run that would be parked too counts them; it may use half of the bytes for images.
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
