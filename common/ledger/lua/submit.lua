-- Accepts one job: adds it to the unfinished run for its query key, or writes a new run and sends a message for it.
-- ARGV: the request as a JSON object, the message template, then the digest and the bytes of each image.
-- Returns {outcome, job id, run id, Retry-After in seconds}; the outcome is one of accepted, joined,
-- repeated, conflict, full_owner, full_turns, full_depth, full_age, full_wait, full_images, full_shared,
-- older_workers (no ready worker can read the query).

local now = now_ms()
local request = cjson.decode(ARGV[1])
local job_id = request.job_id
local keep_ms = request.deadline_ms + request.ttl_ms

local known = idempotent_reply(request)
if known then return known end

if owner_is_full(request, now) then return { 'full_owner', job_id, '', retry_after_s() } end

local function wait_for(run_id, coalesced)
  write_job(request, run_id, now, keep_ms, coalesced)
  redis.call('SADD', K.RUN .. run_id .. K.RUN_JOBS_SUFFIX, job_id)
  if not request.max_jobs then return end
  local owned = K.OWNED .. request.owner
  redis.call('HSET', K.JOB .. job_id, 'counted', request.owner)
  redis.call('ZADD', owned, redis.call('HGET', K.RUN .. run_id, 'deadline_ms'), job_id)
  redis.call('PEXPIRE', owned, request.deadline_ms)
end

local flight = K.FLIGHT .. request.key
local flying = redis.call('GET', flight)
if flying then
  local state = redis.call('HGET', K.RUN .. flying, 'state')
  if state and not TERMINAL[state] then
    local bytes = shared_bytes(request)
    if shared_is_full(request, bytes, now) then return { 'full_shared', job_id, '', retry_after_s() } end
    wait_for(flying, 1)
    count_shared(job_id, bytes, now, keep_ms)
    -- If the run is parked for another client, it is sent now, unless this client's share of the decoders is
    -- used up.
    if redis.call('ZSCORE', K.PARKED, flying) and not must_park(request.client, request.decode_ms, now) then
      unpark(flying, request.client, now)
    end
    return { 'joined', job_id, flying, 0 }
  end
end

if only_older_workers(request.query_version, now) then return { 'older_workers', job_id, '', 0 } end

-- The limits are checked before the first write, so that a refused job leaves no data behind.
local incoming = 0
for i = 3, #ARGV, 2 do incoming = incoming + #ARGV[i + 1] end
local is_parked = must_park(request.client, request.decode_ms, now)
local refusal = is_parked and turns_are_full(request, now) and 'full_turns'
  or overload_reason(request, incoming, now, is_parked)
if refusal then return { refusal, job_id, '', retry_after_s() } end

local digests = {}
for i = 3, #ARGV, 2 do
  local digest, image = ARGV[i], K.IMAGE .. ARGV[i]
  local expires = now + request.image_ttl_ms
  local member = digest .. ':' .. #ARGV[i + 1]
  redis.call('SET', image, ARGV[i + 1], 'PX', request.image_ttl_ms)
  redis.call('INCR', image .. K.IMAGE_REFS_SUFFIX)
  redis.call('PEXPIRE', image .. K.IMAGE_REFS_SUFFIX, request.image_ttl_ms)
  if redis.call('ZADD', K.IMAGES, expires, member) == 1 then
    redis.call('INCRBY', K.IMAGES_BYTES, #ARGV[i + 1])
  end
  digests[#digests + 1] = digest
end

local run = K.RUN .. job_id
local deadline = now + request.deadline_ms
redis.call('HSET', run, 'state', 'queued', 'key', request.key, 'query', request.query, 'created_ms', now,
  'deadline_ms', deadline, 'ttl_ms', request.ttl_ms, 'attempts', 0, 'contents', request.contents,
  'made_from', request.made_from, 'client', request.client, 'decode_ms', request.decode_ms, 'kind', request.kind,
  'query_version', request.query_version, 'ranking_key', request.ranking_key)
if #digests > 0 then redis.call('HSET', run, 'images', table.concat(digests, ' ')) end
redis.call('PEXPIRE', run, keep_ms)
wait_for(job_id, 0)
redis.call('PEXPIRE', run .. K.RUN_JOBS_SUFFIX, keep_ms)
redis.call('SET', flight, job_id, 'PX', request.deadline_ms)
redis.call('ZADD', K.DEADLINES, deadline, job_id)
local queue = of_version(K.QUEUE, request.query_version)
local message = message_for(ARGV[2], job_id, queue)
if request.decode_ms > 0 then redis.call('HSET', run, 'message', message) end
if is_parked then
  park('RPUSH', job_id, request.client, request.decode_ms, now, request.deadline_ms)
  return { 'accepted', job_id, job_id, 0 }
end
if request.decode_ms > 0 then begin_turn(job_id, request.client, request.decode_ms, deadline, now) end
redis.call('ZADD', of_version(K.QUEUED, request.query_version), now, job_id)
redis.call('LPUSH', queue, (string.gsub(message, '{delivery_tag}', job_id .. '.' .. now)))
redis.call('HSET', run, 'sent_ms', now)
return { 'accepted', job_id, job_id, 0 }
