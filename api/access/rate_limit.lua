-- Spends units of one client's rate-limit budget if enough units are left. A negative cost is a refund.
--
--   KEYS[1]  hash with start_ms of the current window, and the units spent in the current and the previous window
--   ARGV     limit, window_ms, cost
--   returns  {1 if paid, else 0; previous units, ms until they expire; current units, ms until they expire}
--
-- The script is a sliding window counter: the previous window's units count in proportion to its overlap with a
-- window that ends now. Times come from Redis's clock. The hash expires when both windows have ended and
-- their units no longer count.

local limit, window_ms, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local fields = redis.call('HMGET', KEYS[1], 'start_ms', 'current', 'previous')
local start = tonumber(fields[1] or now)
local current, previous = tonumber(fields[2] or 0), tonumber(fields[3] or 0)
now = math.max(now, start)
if now >= start + 2 * window_ms then
  start, current, previous = now, 0, 0
elseif now >= start + window_ms then
  start, current, previous = start + window_ms, 0, current
end

local previous_ms = previous > 0 and start + window_ms - now or 0
local counted = math.floor(previous * previous_ms / window_ms) + current
local paid = counted + cost <= limit
if paid and cost ~= 0 then
  current = math.max(0, current + cost)
  redis.call('HSET', KEYS[1], 'start_ms', start, 'current', current, 'previous', previous)
  redis.call('PEXPIRE', KEYS[1], start + 2 * window_ms - now)
end
return { paid and 1 or 0, previous, previous_ms, current, current > 0 and start + 2 * window_ms - now or 0 }
