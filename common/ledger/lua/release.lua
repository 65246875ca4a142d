-- Gives a run back to the queue. ARGV: run id, attempt, 1 if the attempt counts towards the maximum, message
-- template, the reason for the delay, which the error message of the run includes if the run misses its
-- deadline, and 1 if the message is sent later by the sweeper. If one of the client's images recently took longer to decode than estimated, the run may be
-- parked. Returns 1, or 0 if the attempt no longer holds the run's lease.

allow_writes_when_full()
local run, now = K.RUN .. ARGV[1], now_ms()
local f = redis.call('HMGET', run, 'state', 'attempts')
if f[1] ~= 'running' or f[2] ~= ARGV[2] then return 0 end
if ARGV[3] ~= '1' then redis.call('HINCRBY', run, 'attempts', -1) end
if ARGV[5] and ARGV[5] ~= '' then redis.call('HSET', run, 'held_up', ARGV[5]) end
local client = redis.call('HGET', run, 'client')
if client and overrun_ms(client) > 0 and park_released(ARGV[1], client, now) then return 1 end
requeue(ARGV[4], ARGV[1], now, ARGV[6] == '1')
return 1
