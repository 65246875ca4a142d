-- Ends a run with its result. ARGV: run id, result, timings. The first to come is the one that counts:
-- returns 1 if this was it, 0 if the run had ended or is gone. The event carries timings and result, so that
-- no gateway has to ask for what its client waits for.

go_on_when_full()
local run, now = K.RUN .. ARGV[1], now_ms()
local state = redis.call('HGET', run, 'state')
if not state or TERMINAL[state] then return 0 end
count_served(now)
finish(ARGV[1], 'succeeded', now, { 'result', ARGV[2], 'timings', ARGV[3] }, ARGV[3] .. '\n' .. ARGV[2])
return 1
