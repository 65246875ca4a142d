-- Reads the load of the service. Returns {number of queued runs, number of running runs, age of the oldest
-- queued run in ms, bytes of stored images, Retry-After in seconds}, followed by the announcement of each
-- live worker.

local now = now_ms()
local oldest = oldest_queued_of_all()
local load = {
  count_all(K.QUEUED) + redis.call('ZCARD', K.PARKED), count_all(K.RUNNING),
  oldest[2] and now - tonumber(oldest[2]) or 0,
  tonumber(redis.call('GET', K.IMAGES_BYTES) or 0), retry_after_s(),
}
for _, announcement in ipairs(announcements(now)) do load[#load + 1] = announcement end
return load
