-- Leases a run to a worker. ARGV: run id, worker id, duration of the lease in ms, maximum number of attempts,
-- and (only if this Redis is also the cache) the fingerprint of the model whose cached embeddings are returned,
-- and the time in ms for which the cached ranking of the query is kept from now on. Returns {verdict, query,
-- key, contents, made_from, attempt, created_ms, deadline_ms, now_ms, client, decode_ms}. If a model is given,
-- the reply ends with a list of the cache entries for the query key and for each content hash, with the
-- ranking's key, and with the cache entry of the ranking. The verdict is claimed, gone (unknown or expired),
-- ended (already terminal), or held (leased to another worker, or parked).

allow_writes_when_full()
local run_id, worker_id, lease_ms, allowed = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local run, now = K.RUN .. run_id, now_ms()
local f = redis.call('HMGET', run, 'state', 'lease_ms', 'deadline_ms', 'query', 'key', 'contents', 'created_ms',
  'made_from', 'client', 'decode_ms', 'ranking_key')
local state, deadline = f[1], tonumber(f[3])
if not state then return { 'gone' } end
if TERMINAL[state] then return { 'ended' } end
if state == 'running' and tonumber(f[2]) > now then return { 'held' } end
if redis.call('ZSCORE', K.PARKED, run_id) then return { 'held' } end
if now >= deadline then
  fail_at_deadline(run_id, now, 'deadline_exceeded', 'the job was in the queue until its deadline')
  return { 'ended' }
end
local attempt = redis.call('HINCRBY', run, 'attempts', 1)
if attempt > allowed then
  redis.call('HSET', run, 'attempts', allowed)
  fail(run_id, now, 'attempts_exhausted', 'given up after ' .. allowed .. ' attempts; each ended without an answer')
  return { 'ended' }
end
redis.call('HSET', run, 'state', 'running', 'worker', worker_id, 'started_ms', now, 'lease_ms', now + lease_ms)
local version = version_of(run_id)
redis.call('ZREM', of_version(K.QUEUED, version), run_id)
redis.call('ZADD', of_version(K.RUNNING, version), now + lease_ms, run_id)
publish(run_id, 'running')
-- A run that an older version's gateway wrote lacks the newer fields.
local query, key, contents, created, made_from = f[4], f[5], f[6] or '', tonumber(f[7]), f[8] or ''
local client, decode_ms, model = f[9] or '', tonumber(f[10] or 0), ARGV[5]
local reply = { 'claimed', query, key, contents, made_from, attempt, created, deadline, now, client, decode_ms }
if model then
  local names = { K.RESULT .. key }
  for content in string.gmatch(contents, '%x+') do names[#names + 1] = K.EMBEDDING .. model .. ':' .. content end
  reply[#reply + 1] = redis.call('MGET', unpack(names))
  local ranking_key = f[11] or ''
  local name = K.RANKING .. ranking_key
  local ranking = redis.call('GET', name)
  if ranking then redis.call('PEXPIRE', name, ARGV[6]) end
  reply[#reply + 1] = ranking_key
  reply[#reply + 1] = ranking
end
return reply
