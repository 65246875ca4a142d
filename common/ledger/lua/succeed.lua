-- Ends a run with its result. ARGV: run id, result, timings, and 0 if the result was computed with another
-- model or catalog version than those in the query key. Returns 1 if the result was stored, or 0 if the run
-- had ended or has expired: only the first result of a run is stored. The event contains timings and result,
-- so that gateways need not read the run from Redis. If the model or catalog version differs, the event
-- contains neither, so that gateways read the run, which has the field `of_other_version`.

allow_writes_when_full()
local run, now = K.RUN .. ARGV[1], now_ms()
local state = redis.call('HGET', run, 'state')
if not state or TERMINAL[state] then return 0 end
count_finished(now)
local fields, more = { 'result', ARGV[2], 'timings', ARGV[3] }, ARGV[3] .. '\n' .. ARGV[2]
if ARGV[4] == '0' then
  fields[5], fields[6], more = 'of_other_version', 1, nil
end
finish(ARGV[1], 'succeeded', now, fields, more)
return 1
