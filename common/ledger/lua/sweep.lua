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

-- Returns whether a run has not ended; otherwise removes the run from the index. A process of an older release
-- leaves a run that it has ended in the indexes of later versions.
local function is_unfinished(run_id, index)
  local state = redis.call('HGET', K.RUN .. run_id, 'state')
  if state and not TERMINAL[state] then return true end
  redis.call('ZREM', index, run_id)
  return false
end

-- Fails a run whose deadline has passed; the error depends on whether a ready worker could read the query.
local function fail_overdue(run_id)
  local ready, reading = ready_workers(version_of(run_id), now)
  if reading > 0 then
    fail_at_deadline(run_id, now, 'deadline_exceeded', 'the job did not finish before its deadline')
  elseif ready > 0 then
    fail(run_id, now, 'no_worker', 'until the deadline, no ready worker had a release that knows all parameters ' ..
      'of the search; upgrade the workers and try again')
  else
    fail(run_id, now, 'no_worker', 'no worker was ready before the deadline; start one and try again')
  end
end

for _, run_id in ipairs(redis.call('ZRANGEBYSCORE', K.DEADLINES, '-inf', now, 'LIMIT', 0, 500)) do
  if is_unfinished(run_id, K.DEADLINES) then
    fail_overdue(run_id)
    ended = ended + 1
  end
end

local function requeue_expired(running)
  for _, run_id in ipairs(redis.call('ZRANGEBYSCORE', running, '-inf', now, 'LIMIT', 0, 500)) do
    if is_unfinished(run_id, running) then
      if tonumber(redis.call('HGET', K.RUN .. run_id, 'attempts')) >= allowed then
        fail(run_id, now, 'attempts_exhausted', 'given up after ' .. allowed .. ' attempts; each ended without an answer')
        ended = ended + 1
      else
        requeue(ARGV[1], run_id, now)
        returned = returned + 1
      end
    end
  end
end

-- Returns the set of run ids whose messages are in a list.
local function runs_with_message(queue)
  local found = {}
  for _, message in ipairs(redis.call('LRANGE', queue, 0, -1)) do
    local id = string.match(message, '"correlation_id": ?"(%x+)"')
    if id then found[id] = true end
  end
  return found
end

-- kombu's BRPOP removes a message from the list, so the message is lost if the worker is killed before it
-- claims the run. If the message of a queued run is not in the list, it is sent again.
local function send_lost(queued, queue)
  local in_list
  local sent_before = now - tonumber(ARGV[3])
  for _, run_id in ipairs(redis.call('ZRANGEBYSCORE', queued, '-inf', sent_before, 'LIMIT', 0, 500)) do
    if is_unfinished(run_id, queued) and tonumber(redis.call('HGET', K.RUN .. run_id, 'sent_ms')) < sent_before then
      in_list = in_list or runs_with_message(queue)
      if not in_list[run_id] then
        send(ARGV[1], run_id, now)
        resent = resent + 1
      end
    end
  end
end

for _, version in ipairs(QUERY_VERSIONS) do
  requeue_expired(of_version(K.RUNNING, version))
  send_lost(of_version(K.QUEUED, version), of_version(K.QUEUE, version))
end

-- Corrects the total decoding time of clients: the total can still include runs that have expired, or that a
-- process of an older version ended. Only clients with a run parked for at least ARGV[3] ms are checked.
local checked = {}
for _, run_id in ipairs(redis.call('ZRANGEBYSCORE', K.PARKED, '-inf', now - tonumber(ARGV[3]), 'LIMIT', 0, 100)) do
  local client = is_unfinished(run_id, K.PARKED) and redis.call('HGET', K.RUN .. run_id, 'client')
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
