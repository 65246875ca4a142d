-- Reads the load of the service. Returns {number of queued runs, number of running runs, age of the oldest
-- queued run in ms, bytes of stored images, Retry-After in seconds}, followed by the announcement of each
-- live worker.

local now = now_ms()
local oldest = redis.call('ZRANGE', K.QUEUED, 0, 0, 'WITHSCORES')
local load = {
  redis.call('ZCARD', K.QUEUED) + redis.call('ZCARD', K.PARKED), redis.call('ZCARD', K.RUNNING),
  oldest[2] and now - tonumber(oldest[2]) or 0,
  tonumber(redis.call('GET', K.IMAGES_BYTES) or 0), retry_after_s(),
}
for _, worker_id in ipairs(redis.call('ZRANGEBYSCORE', K.WORKERS, now, '+inf')) do
  load[#load + 1] = redis.call('GET', K.WORKER .. worker_id) or nil
end
return load
