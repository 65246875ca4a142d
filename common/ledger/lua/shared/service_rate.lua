-- How many runs the workers end a second, as measured, and how long a client is told to wait.

-- Runs that the workers end a second while there is enough to do; zero as long as that is not known.
local function service_rate()
  return tonumber(redis.call('GET', K.SERVICE_RATE) or 0)
end

-- In a quiet second the workers end only what there is, so such seconds are left out: the rate is the mean of
-- those of the last ten whole seconds in which a run waited, from the first that ended one, and of at least
-- three. Without such a wait a known rate can only rise: one that is too low causes refusals, and would then
-- never be corrected. A run that a worker gave back counts as waiting from that moment.
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

-- Counts a run that a worker has ended; a canceled run and one that ran out of time do not count. The first call
-- of each second measures the rate, which is kept for ten minutes: a sudden rush is judged by it.
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
