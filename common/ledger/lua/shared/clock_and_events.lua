-- The clock, events and expiring counters, for all other parts; `K` (key names) is prepended from
-- common/redis/keyspace.py. All times come from Redis's clock: a worker's or gateway's may be wrong.

local function now_ms()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

-- Lets a script write although Redis is at `maxmemory`. Redis then refuses a write that needs memory, unless the
-- script has already written something: half of a script would be worse. A DEL needs no memory, so scripts that
-- end jobs begin with one; otherwise a full Redis could end no job and would stay full. A submit does not call
-- this. (The shebang flag `allow-oom` does the same, but only from Redis 7 on.)
local function allow_writes_when_full()
  redis.call('DEL', K.NOTHING)
end

local TERMINAL = { succeeded = true, failed = true, canceled = true }

-- Publishes a state change; `more`, if given, follows the state.
local function publish(name, state, more)
  redis.call('PUBLISH', K.EVENTS, name .. ' ' .. state .. (more and ' ' .. more or ''))
end

-- Removes expired members "<name>:<bytes>" from an index sorted by expiry, and subtracts their bytes from the
-- total. The total is written first: if Redis is full it refuses this write, and the two stay consistent.
local function forget_expired(index, total, now)
  local expired, bytes = redis.call('ZRANGEBYSCORE', index, '-inf', now), 0
  if #expired == 0 then return end
  for _, member in ipairs(expired) do bytes = bytes + string.match(member, ':(%d+)$') end
  redis.call('DECRBY', total, bytes)
  redis.call('ZREMRANGEBYSCORE', index, '-inf', now)
  if redis.call('ZCARD', index) == 0 then redis.call('DEL', total) end
end

-- Extends the expiry of keys to `keep_ms`; never shortens it.
local function expire_later(names, keep_ms)
  for _, key in ipairs(names) do
    if redis.call('PTTL', key) < keep_ms then redis.call('PEXPIRE', key, keep_ms) end
  end
end
