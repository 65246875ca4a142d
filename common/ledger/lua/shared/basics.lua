-- The clock, events, and counting what expires, for every other part; `K` (key names) is prepended from
-- common/redis/keyspace.py. Redis's clock decides: a worker's or gateway's may be wrong.

local function now_ms()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

-- At `maxmemory` Redis refuses a script's first write that needs memory, but lets a script that has
-- written go on, since half a script is worse. What brings jobs to their end begins with a write that
-- frees memory, or would: else a full Redis could end nothing, and would stay full. A submit does not.
-- (The shebang with `allow-oom` says the same, but only to Redis 7.)
local function go_on_when_full()
  redis.call('DEL', K.NOTHING)
end

local TERMINAL = { succeeded = true, failed = true, canceled = true }

-- `more`, where there is any, stands behind the state.
local function tell(name, state, more)
  redis.call('PUBLISH', K.EVENTS, name .. ' ' .. state .. (more and ' ' .. more or ''))
end

-- Members are "<name>:<bytes>" by the time they expire, by themselves; here their bytes cease to count.
-- The sum comes first: in a full Redis it is the first write, and is refused.
local function forget_expired(index, total, now)
  local expired, bytes = redis.call('ZRANGEBYSCORE', index, '-inf', now), 0
  if #expired == 0 then return end
  for _, member in ipairs(expired) do bytes = bytes + string.match(member, ':(%d+)$') end
  redis.call('DECRBY', total, bytes)
  redis.call('ZREMRANGEBYSCORE', index, '-inf', now)
  if redis.call('ZCARD', index) == 0 then redis.call('DEL', total) end
end

-- Keeps keys for so long, or for as long as they would be kept anyway.
local function expire_later(names, keep_ms)
  for _, key in ipairs(names) do
    if redis.call('PTTL', key) < keep_ms then redis.call('PEXPIRE', key, keep_ms) end
  end
end
