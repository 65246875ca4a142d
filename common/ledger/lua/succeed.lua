-- Ends a run with its result. ARGV: run id, result, timings, 0 where the result was made from another model
-- or version of the catalog than the query key stands for. The first to come is the one that counts:
-- returns 1 if this was it, 0 if the run had ended or is gone. The event carries timings and result, so that
-- no gateway has to ask for what its client waits for; of another version it does not, and gateways read here
-- that the result is not the key's.

go_on_when_full()
local run, now = K.RUN .. ARGV[1], now_ms()
local state = redis.call('HGET', run, 'state')
if not state or TERMINAL[state] then return 0 end
count_served(now)
local fields, more = { 'result', ARGV[2], 'timings', ARGV[3] }, ARGV[3] .. '\n' .. ARGV[2]
if ARGV[4] == '0' then
  fields[5], fields[6], more = 'of_other_version', 1, nil
end
finish(ARGV[1], 'succeeded', now, fields, more)
return 1
