-- Reads the reports of all ingests.
--
--   returns  {present time in ms, time of the latest report of the first ingest in ms, its report as JSON, …}

local time = redis.call('TIME')
local reply = { time[1] * 1000 + math.floor(time[2] / 1000) }
local found = redis.call('ZRANGE', K.INGESTS, 0, -1, 'WITHSCORES')
for i = 1, #found, 2 do
  local report = redis.call('GET', K.INGEST .. found[i])
  if report then
    reply[#reply + 1] = tonumber(found[i + 1])
    reply[#reply + 1] = report
  end
end
return reply
