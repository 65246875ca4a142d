-- Returns the state of each run named in ARGV, an empty string for one that is gone.

local states = {}
for i, run_id in ipairs(ARGV) do
  states[i] = redis.call('HGET', K.RUN .. run_id, 'state') or ''
end
return states
