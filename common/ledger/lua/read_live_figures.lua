-- Reads the figures of queue, workers and memory. ARGV: the maximum number of queued runs whose kinds are counted;
-- this limits the time of the script, which takes about 1 ms for a thousand runs.
-- Returns {queued runs, parked runs, running runs, age of the oldest queued run in ms, age of the oldest parked run in
-- ms, runs that the workers end per second under load as text, bytes of stored images, bytes of shared jobs, Redis's
-- section INFO memory or an empty text, {kind, number, …}, {worker announcement, …}}. Ages are -1 if there is no run.

local now = now_ms()

local function age_ms(oldest)
  return oldest[2] and math.max(0, now - tonumber(oldest[2])) or -1
end

-- A run that a gateway of an older version wrote has no field `kind`.
local function kind_of(run_id)
  local run = K.RUN .. run_id
  local kind = redis.call('HGET', run, 'kind')
  if kind then return kind end
  local query = redis.call('HGET', run, 'query')
  return query and cjson.decode(query).type
end

local numbers, kinds, left = {}, {}, tonumber(ARGV[1])
for _, version in ipairs(QUERY_VERSIONS) do
  for _, run_id in ipairs(left > 0 and redis.call('ZRANGE', of_version(K.QUEUED, version), 0, left - 1) or {}) do
    local kind = kind_of(run_id)
    if kind then numbers[kind] = (numbers[kind] or 0) + 1 end
    left = left - 1
  end
end
for kind, number in pairs(numbers) do
  kinds[#kinds + 1] = kind
  kinds[#kinds + 1] = number
end
-- A Redis user may lack the right to call INFO.
local info = redis.pcall('INFO', 'memory')
return {
  count_all(K.QUEUED), redis.call('ZCARD', K.PARKED), count_all(K.RUNNING),
  age_ms(oldest_queued_of_all()), age_ms(redis.call('ZRANGE', K.PARKED, 0, 0, 'WITHSCORES')), tostring(service_rate()),
  tonumber(redis.call('GET', K.IMAGES_BYTES) or 0), tonumber(redis.call('GET', K.SHARED_BYTES) or 0),
  type(info) == 'string' and info or '', kinds, announcements(now),
}
