-- Records that decoding an image of a client took longer than estimated. ARGV: client, the milliseconds in excess
-- of the estimate. For a minute the client's images are expected to take that much longer; its runs that no worker
-- has claimed are parked if they have no turn any more. Returns the number of runs that were taken back.

allow_writes_when_full()
local client, excess_ms, now = ARGV[1], tonumber(ARGV[2]), now_ms()
local known_ms = overrun_ms(client)
if excess_ms * 2 < known_ms then return 0 end
redis.call('SET', K.OVERRUN .. client, math.max(excess_ms, known_ms), 'PX', 60000)
return park_queued(client, now)
