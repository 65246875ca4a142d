-- Says whether there is room for a job, before its upload is read. ARGV: a JSON object of the owner and the
-- limits, the bytes of its images. Returns {outcome, retry after in seconds}; the outcome is one of
-- room, full_owner, full_turns, full_depth, full_age, full_wait, full_images.

local request, now = cjson.decode(ARGV[1]), now_ms()
local parks = redis.call('LLEN', K.PARKED_OF .. request.client) > 0
local outcome = owner_is_full(request, now) and 'full_owner'
  or parks and turns_are_full(request, now) and 'full_turns'
  or what_is_full(request, tonumber(ARGV[2]), now, parks) or 'room'
return { outcome, retry_after_s() }
