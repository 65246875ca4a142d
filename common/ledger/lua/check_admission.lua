-- Checks whether a job would be accepted, before its upload is read. ARGV: a JSON object with the owner, the
-- client and the limits, then the total size of the job's images in bytes. Returns {outcome, Retry-After in
-- seconds}; the outcome is one of room, full_owner, full_turns, full_depth, full_age, full_wait, full_images.

local request, now = cjson.decode(ARGV[1]), now_ms()
local is_parked = parked_of(request.client) > 0
local outcome = owner_is_full(request, now) and 'full_owner'
  or is_parked and turns_are_full(request, now) and 'full_turns'
  or overload_reason(request, tonumber(ARGV[2]), now, is_parked) or 'room'
return { outcome, retry_after_s() }
