-- The clock, events and expiring counters that the other scripts use; the key names `K.…` are those of
-- common/redis/keyspace.py. All times come from Redis's clock, because a worker's or gateway's clock can be
-- wrong.

local function now_ms()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

-- Lets a script write although Redis has reached `maxmemory`. A full Redis refuses a script's write that
-- needs memory, unless the script has already written something, because stopping the script halfway would
-- leave inconsistent data. A DEL needs no memory, so scripts that end jobs begin with a DEL; without it, jobs
-- in a full Redis could never end, and Redis would stay full. The script submit.lua does not call this
-- function. (The shebang flag `allow-oom` has the same effect, but needs Redis 7.)
local function allow_writes_when_full()
  redis.call('DEL', K.NOTHING)
end

local TERMINAL = { succeeded = true, failed = true, canceled = true }

-- Publishes a state change; the optional text `more` follows the state in the message.
local function publish(name, state, more)
  redis.call('PUBLISH', K.EVENTS, name .. ' ' .. state .. (more and ' ' .. more or ''))
end

-- Removes the expired members from an index sorted by expiry time, and subtracts their bytes from the total;
-- a member has the form "<name>:<bytes>". The total is written first: if Redis is full, it refuses this write
-- and the script stops, so that index and total stay consistent.
local function forget_expired(index, total, now)
  local expired, bytes = redis.call('ZRANGEBYSCORE', index, '-inf', now), 0
  if #expired == 0 then return end
  for _, member in ipairs(expired) do bytes = bytes + string.match(member, ':(%d+)$') end
  redis.call('DECRBY', total, bytes)
  redis.call('ZREMRANGEBYSCORE', index, '-inf', now)
  if redis.call('ZCARD', index) == 0 then redis.call('DEL', total) end
end

-- Extends the time to live of keys to `keep_ms`; a longer time to live is not shortened.
local function expire_later(names, keep_ms)
  for _, key in ipairs(names) do
    if redis.call('PTTL', key) < keep_ms then redis.call('PEXPIRE', key, keep_ms) end
  end
end
