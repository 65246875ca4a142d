-- Fair sharing of the image decoders among clients (docs/decisions/0021-turns-at-the-decoders.md).
--
-- The images of one client that are sent to the workers may together need at most TURN_MS of decoding time
-- per decoder; a single image may need more. All further runs of the client are parked: the message of a
-- parked run is not sent until earlier runs of the client have ended. A parked run does not occupy a thread,
-- a decoder or a place in the queue.

-- Returns the number of decoders of all live workers; a worker that announces no number counts as one decoder.
local function decoders(now)
  local sum = 0
  for _, announcement in ipairs(announcements(now)) do
    sum = sum + tonumber(string.match(announcement, '"decoders":(%d+)') or 1)
  end
  return math.max(1, sum)
end

local TURN_MS = 250

-- Returns the estimated decoding time, in ms, of a client's images at the workers.
local function decoding_ms(client, now)
  local index, total = K.DECODING .. client, K.DECODING .. client .. K.DECODING_SUM_SUFFIX
  forget_expired(index, total, now)
  return tonumber(redis.call('GET', total) or 0)
end

-- Returns the largest excess (decoding time minus estimate, in ms) of any of a client's images in the last
-- minute. This largest excess is added to the estimate of every image of the client.
local function overrun_ms(client)
  return tonumber(redis.call('GET', K.OVERRUN .. client) or 0)
end

local function has_turn(client, work_ms, now)
  local sent_ms, work_ms = decoding_ms(client, now), work_ms + overrun_ms(client)
  if sent_ms == 0 or sent_ms + work_ms <= TURN_MS then return true end
  return sent_ms + work_ms <= TURN_MS * decoders(now)
end

local function begin_turn(run_id, client, work_ms, deadline, now)
  local index, total = K.DECODING .. client, K.DECODING .. client .. K.DECODING_SUM_SUFFIX
  local charged_ms = work_ms + overrun_ms(client)
  redis.call('HSET', K.RUN .. run_id, 'charged_ms', charged_ms)
  redis.call('INCRBY', total, charged_ms)
  redis.call('ZADD', index, deadline, run_id .. ':' .. charged_ms)
  expire_later({ index, total }, deadline - now)
end

-- Subtracts a run's decoding time from its client's total.
local function close_turn(run_id, client)
  local f = redis.call('HMGET', K.RUN .. run_id, 'charged_ms', 'decode_ms')
  -- A run that an older version's process sent lacks `charged_ms`.
  local charged_ms = f[1] or f[2]
  local index, total = K.DECODING .. client, K.DECODING .. client .. K.DECODING_SUM_SUFFIX
  if redis.call('ZREM', index, run_id .. ':' .. charged_ms) == 1 then redis.call('DECRBY', total, charged_ms) end
  if redis.call('ZCARD', index) == 0 then redis.call('DEL', total) end
end

-- Returns the list of a client's parked runs whose queries have a version.
local function parked_list(client, version)
  return of_version(K.PARKED_OF, version) .. client
end

-- Returns the number of a client's parked runs, and the decoding time that they need in ms.
local function parked_of(client)
  local runs, work_ms = 0, 0
  for _, version in ipairs(QUERY_VERSIONS) do
    local list = parked_list(client, version)
    runs = runs + redis.call('LLEN', list)
    work_ms = work_ms + tonumber(redis.call('GET', list .. K.PARKED_SUM_SUFFIX) or 0)
  end
  return runs, work_ms
end

-- Returns the list that contains a client's next parked run and that run's id, or nil if no run is parked. An id
-- that is no longer parked has no score, and is returned first.
local function next_parked(client)
  local list, run_id, parked_ms
  for _, version in ipairs(QUERY_VERSIONS) do
    local first = redis.call('LINDEX', parked_list(client, version), 0)
    local at = first and tonumber(redis.call('ZSCORE', K.PARKED, first) or 0)
    if first and (not run_id or at < parked_ms) then
      list, run_id, parked_ms = parked_list(client, version), first, at
    end
  end
  return list, run_id
end

-- Returns whether a client's next run with images has to be parked.
local function must_park(client, work_ms, now)
  if work_ms == 0 then return false end
  return parked_of(client) > 0 or not has_turn(client, work_ms, now)
end

-- Parks a run: `push` is RPUSH to append a new run to the client's parked runs, or LPUSH to put a run that
-- had already been sent at the front.
local function park(push, run_id, client, work_ms, now, keep_ms)
  local list = parked_list(client, version_of(run_id))
  local total = list .. K.PARKED_SUM_SUFFIX
  redis.call('ZADD', K.PARKED, now, run_id)
  redis.call(push, list, run_id)
  redis.call('INCRBY', total, work_ms)
  expire_later({ list, total }, keep_ms)
end

-- Sends the message of a parked run and adds the run's decoding time to a client's total.
local function unpark(run_id, client, now)
  local run = K.RUN .. run_id
  local f = redis.call('HMGET', run, 'message', 'decode_ms', 'deadline_ms')
  redis.call('ZREM', K.PARKED, run_id)
  redis.call('HSET', run, 'client', client, 'queued_ms', now, 'sent_ms', now)
  begin_turn(run_id, client, tonumber(f[2]), tonumber(f[3]), now)
  redis.call('ZADD', key_of_run(K.QUEUED, run_id), now, run_id)
  redis.call('LPUSH', key_of_run(K.QUEUE, run_id), (string.gsub(f[1], '{delivery_tag}', run_id .. '.' .. now)))
end

-- Sends the messages of a client's parked runs, oldest first, until the client's share of the decoders is
-- used up.
local function send_parked(client, now)
  while true do
    local list, run_id = next_parked(client)
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

local function end_turn(run_id, client, now)
  redis.call('ZREM', K.PARKED, run_id)
  close_turn(run_id, client)
  send_parked(client, now)
end

-- Parks a run whose message has been sent. Returns whether the run was parked; a run that an older version's
-- gateway wrote is not parked, because its message is not stored and could not be sent later.
local function park_again(run_id, client, now)
  local run = K.RUN .. run_id
  local f = redis.call('HMGET', run, 'message', 'decode_ms', 'deadline_ms')
  if not f[1] then return false end
  close_turn(run_id, client)
  redis.call('ZREM', key_of_run(K.QUEUED, run_id), run_id)
  park('LPUSH', run_id, client, tonumber(f[2]), now, math.max(1, tonumber(f[3]) - now))
  return true
end

-- Parks all unclaimed runs of a client, then sends as many of these runs as the client's share of the
-- decoders allows. Earlier messages of parked runs stay in the queue, but a claim of a parked run is refused.
local function park_queued(client, now)
  local parked = 0
  for _, member in ipairs(redis.call('ZREVRANGE', K.DECODING .. client, 0, -1)) do
    local run_id = string.match(member, '^(%x+):')
    local is_queued = redis.call('ZSCORE', key_of_run(K.QUEUED, run_id), run_id)
    if is_queued and park_again(run_id, client, now) then parked = parked + 1 end
  end
  send_parked(client, now)
  return parked
end
