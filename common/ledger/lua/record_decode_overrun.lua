-- Records that decoding a client's image took longer than estimated. ARGV: client, excess over the estimate
-- in ms. For a minute, this excess is added to the estimated decoding time of each of the client's images.
-- If the client's unclaimed runs then need more than the client's share of the decoders, the surplus runs are
-- parked. Returns the number of runs that were removed from the queue.

allow_writes_when_full()
local client, excess_ms, now = ARGV[1], tonumber(ARGV[2]), now_ms()
local known_ms = overrun_ms(client)
if excess_ms * 2 < known_ms then return 0 end
redis.call('SET', K.OVERRUN .. client, math.max(excess_ms, known_ms), 'PX', 60000)
return park_queued(client, now)
