-- The measured service rate (runs that the workers end per second), and the Retry-After derived from this rate.

-- Returns the measured number of runs that the workers end per second under load, or zero if unknown.
local function service_rate()
  return tonumber(redis.call('GET', K.SERVICE_RATE) or 0)
end

-- Returns the mean number of runs that ended per second. Of the last ten whole seconds, only those in which a
-- run waited in the queue are counted, because the other seconds show the demand instead of the capacity.
-- Seconds before the first finished run are also left out. A queued run whose query some ready worker cannot read
-- does not show that all workers are busy, so such a run does not count as waiting. If fewer than three seconds are counted, a known
-- rate can rise but not fall, because too low a rate makes the service refuse the load that is needed to
-- measure the rate again. The waiting time of a run that a worker returned to the queue starts at the moment
-- of its return.
local function measured_rate(second, now)
  local waited_s = 0
  for _, version in ipairs(QUERY_VERSIONS) do
    local oldest = oldest_queued(version)[1]
    local sent_ms = oldest and redis.call('HGET', K.RUN .. oldest, 'sent_ms')
    if sent_ms and every_worker_reads(version, now) then
      waited_s = math.max(waited_s, second - math.ceil(sent_ms / 1000))
    end
  end
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

-- Counts a run that a worker has ended; canceled runs and runs past their deadline do not count. The first call of
-- each second measures the service rate and stores the rate for ten minutes, so that it is known when load arrives
-- suddenly.
local function count_finished(now)
  local second = math.floor(now / 1000)
  local finished = K.FINISHED .. second
  if redis.call('INCR', finished) > 1 then return end
  redis.call('EXPIRE', finished, 60)
  local rate = measured_rate(second, now)
  if rate > 0 then redis.call('SET', K.SERVICE_RATE, rate, 'EX', 600) end
end

-- Returns the Retry-After in seconds: the queue length divided by the service rate, at least 1 and at most
-- 60.
local function retry_after_s()
  local rate = service_rate()
  local depth = count_all(K.QUEUED)
  if rate == 0 then return depth == 0 and 1 or 5 end
  return math.max(1, math.min(60, math.ceil(depth / rate)))
end
