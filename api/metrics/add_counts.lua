-- Adds batches of a gateway's counts to the counts of all gateways, and announces the gateway. The counts of each
-- time slot are in a hash of their own.
--
--   ARGV  gateway id, announcement as JSON, length of a slot in ms, ms for which slots are kept, ms for which the
--         announcement is valid; then three arguments for each batch: its sequence number, its age in ms, and its
--         counts as a JSON object {name: count}
--
-- The slot of a batch is computed from the clock of Redis and the age of the batch, because a gateway's clock may be
-- wrong. The script ignores a batch whose sequence number is not above the gateway's last one, so a gateway may send
-- a batch again if the reply was lost.

local gateway = K.GATEWAY .. ARGV[1]
local slot_ms, keep_ms, valid_ms = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local slot = math.floor(now / slot_ms)

-- If the clock of Redis was set back by more than a slot, some slots are in the future. These slots are deleted,
-- because otherwise their old counts would be shown as current when the clock reaches the slots.
local latest = tonumber(redis.call('GET', K.METRICS_LATEST) or slot)
if latest > slot + 1 then
  for ahead = math.max(slot + 1, latest - math.ceil(keep_ms / slot_ms)), latest do redis.call('DEL', K.METRICS .. ahead) end
end
if latest <= slot + 1 then slot = math.max(slot, latest) end
redis.call('SET', K.METRICS_LATEST, slot, 'PX', keep_ms)

local added = tonumber(redis.call('HGET', gateway, 'sequence') or 0)
for i = 6, #ARGV, 3 do
  local sequence, age_ms = tonumber(ARGV[i]), tonumber(ARGV[i + 1])
  if sequence > added then
    local counts = K.METRICS .. math.floor((now - age_ms) / slot_ms)
    for name, count in pairs(cjson.decode(ARGV[i + 2])) do redis.call('HINCRBY', counts, name, count) end
    redis.call('PEXPIRE', counts, keep_ms)
    added = sequence
  end
end
redis.call('HSET', gateway, 'sequence', added, 'announcement', ARGV[2])
redis.call('PEXPIRE', gateway, keep_ms)
redis.call('ZADD', K.GATEWAYS, now + valid_ms, ARGV[1])
redis.call('ZREMRANGEBYSCORE', K.GATEWAYS, '-inf', now)
redis.call('PEXPIRE', K.GATEWAYS, valid_ms)
