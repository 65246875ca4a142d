-- Reads the counts of all gateways in the latest slots, and the announcements of the gateways that are alive.
--
--   ARGV     length of a slot in ms, number of slots to read
--   returns  {present time in ms, {announcement of each gateway}, {name, count, …} of the oldest slot, …,
--            {name, count, …} of the current slot}

local slot_ms, slots = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local announcements = {}
for _, gateway_id in ipairs(redis.call('ZRANGEBYSCORE', K.GATEWAYS, now, '+inf')) do
  announcements[#announcements + 1] = redis.call('HGET', K.GATEWAY .. gateway_id, 'announcement') or nil
end
local reply, current = { now, announcements }, math.floor(now / slot_ms)
for slot = current - slots + 1, current do reply[#reply + 1] = redis.call('HGETALL', K.METRICS .. slot) end
return reply
