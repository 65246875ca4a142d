-- Records that decoding an image of a client took longer than estimated. ARGV: client, number of milliseconds by
-- which decoding exceeded the estimate. For a minute, the estimate of each image of the client is raised by this
-- number. Unclaimed runs of the client that then exceed its share of the decoders are parked. Returns the number
-- of runs that were taken back from the queue.

allow_writes_when_full()
local client, excess_ms, now = ARGV[1], tonumber(ARGV[2]), now_ms()
local known_ms = overrun_ms(client)
if excess_ms * 2 < known_ms then return 0 end
redis.call('SET', K.OVERRUN .. client, math.max(excess_ms, known_ms), 'PX', 60000)
return park_queued(client, now)
