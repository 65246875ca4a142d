-- Ends runs past their deadline, requeues runs whose lease expired and sends lost messages again.
-- ARGV: message template, maximum number of attempts, time in ms after which a missing message counts as
-- lost, and minimum time in ms between two sweeps (of all processes). Returns the numbers of runs {ended,
-- requeued, sent again}, or nil if another process has just run this script.

allow_writes_when_full()
if not redis.call('SET', K.SWEEPING, '1', 'NX', 'PX', ARGV[4]) then return nil end
local now, allowed = now_ms(), tonumber(ARGV[2])
local ended, returned, resent = 0, 0, 0
redis.call('ZREMRANGEBYSCORE', K.WORKERS, '-inf', now)
forget_expired(K.IMAGES, K.IMAGES_BYTES, now)
forget_expired(K.SHARED, K.SHARED_BYTES, now)

-- Returns whether a run still exists; if the run's hash has expired, removes the run from the index.
local function run_exists(run_id, index)
  if redis.call('EXISTS', K.RUN .. run_id) == 1 then return true end
  redis.call('ZREM', index, run_id)
  return false
end

local function any_worker_ready()
  for _, worker_id in ipairs(redis.call('ZRANGE', K.WORKERS, 0, -1)) do
    local announcement = redis.call('GET', K.WORKER .. worker_id)
    if announcement and string.find(announcement, '"ready":true', 1, true) then return true end
  end
  return false
end

for _, run_id in ipairs(redis.call('ZRANGEBYSCORE', K.DEADLINES, '-inf', now, 'LIMIT', 0, 500)) do
  if run_exists(run_id, K.DEADLINES) then
    if any_worker_ready() then
      fail_at_deadline(run_id, now, 'deadline_exceeded', 'the job did not finish before its deadline')
    else
      fail(run_id, now, 'no_worker', 'no worker was ready before the deadline; start one and try again')
    end
    ended = ended + 1
  end
end

for _, run_id in ipairs(redis.call('ZRANGEBYSCORE', K.RUNNING, '-inf', now, 'LIMIT', 0, 500)) do
  if run_exists(run_id, K.RUNNING) then
    if tonumber(redis.call('HGET', K.RUN .. run_id, 'attempts')) >= allowed then
      fail(run_id, now, 'attempts_exhausted', 'given up after ' .. allowed .. ' attempts; each ended without an answer')
      ended = ended + 1
    else
      requeue(ARGV[1], run_id, now)
      returned = returned + 1
    end
  end
end

-- kombu's BRPOP removes a message from the list, so the message is lost if the worker is killed before it
-- claims the run. If the message of a queued run is not in the list, it is sent again.
local in_list
for _, run_id in ipairs(redis.call('ZRANGEBYSCORE', K.QUEUED, '-inf', now - tonumber(ARGV[3]), 'LIMIT', 0, 500)) do
  if run_exists(run_id, K.QUEUED) and now - tonumber(redis.call('HGET', K.RUN .. run_id, 'sent_ms')) > tonumber(ARGV[3]) then
    if not in_list then
      in_list = {}
      for _, message in ipairs(redis.call('LRANGE', K.QUEUE, 0, -1)) do
        local id = string.match(message, '"correlation_id": ?"(%x+)"')
        if id then in_list[id] = true end
      end
    end
    if not in_list[run_id] then
      send(ARGV[1], run_id, now)
      resent = resent + 1
    end
  end
end

-- Corrects the total decoding time of clients: the total can still include runs that have expired, or that a
-- process of an older version ended. Only clients with a run parked for at least ARGV[3] ms are checked.
local checked = {}
for _, run_id in ipairs(redis.call('ZRANGEBYSCORE', K.PARKED, '-inf', now - tonumber(ARGV[3]), 'LIMIT', 0, 100)) do
  local client = run_exists(run_id, K.PARKED) and redis.call('HGET', K.RUN .. run_id, 'client')
  if client and not checked[client] then
    checked[client] = true
    local index = K.DECODING .. client
    for _, member in ipairs(redis.call('ZRANGE', index, 0, -1)) do
      local id, work_ms = string.match(member, '^(%x+):(%d+)$')
      local state = redis.call('HGET', K.RUN .. id, 'state')
      if not state or TERMINAL[state] then
        redis.call('ZREM', index, member)
        redis.call('DECRBY', index .. K.DECODING_SUM_SUFFIX, work_ms)
      end
    end
    if redis.call('ZCARD', index) == 0 then redis.call('DEL', index .. K.DECODING_SUM_SUFFIX) end
    send_parked(client, now)
  end
end
return { ended, returned, resent }
