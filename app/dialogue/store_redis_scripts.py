"""What Redis does for the sessions in one step each: its scripts, in Lua.

    session   hash   one dialogue: version, status, body
    live      hash   session id -> [stage, category, evidence], of every live dialogue
    seen      zset   session id -> when it was last gone on with, of every live dialogue
    visits    zset   visit and product -> when the page was opened
    done      string the answer of a script that has run

The time is Redis's own, so that machines whose clocks differ time out alike; a test says its own. A script
whose answer was lost on the way is sent once more with the same `done`, and answers without doing it again.
One that comes when its sender waits no more does nothing.
"""

from __future__ import annotations

REMEMBERED_MS = 30_000

_AROUND = """
local done, visits, seen, live, session = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local now, timeout, keep = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local until_when, given = tonumber(ARGV[4]), {unpack(ARGV, 5)}
if not now then
  local time = redis.call('TIME')
  now = time[1] + time[2] / 1000000
end
local longest = math.ceil(timeout * 1000) + keep

local function last(milliseconds, ...)
  for _, key in ipairs({...}) do redis.call('PEXPIRE', key, milliseconds) end
end

-- What ends a session goes first: it frees memory, and after it a Redis that is full takes the rest too.
local function forget(id)
  local known = redis.call('HGET', live, id)
  redis.call('ZREM', seen, id)
  redis.call('HDEL', live, id)
  return known and cjson.decode(known)[1]
end

local function abandon(id, key)
  local stage = forget(id)
  if redis.call('EXISTS', key) == 1 then
    redis.call('HSET', key, 'status', 'abandoned')
    redis.call('HINCRBY', key, 'version', 1)
    last(keep, key)
  end
  return stage
end

local function work()
%s
end

local answer = redis.call('GET', done)
if answer then return answer end
if until_when and now > until_when then return cjson.encode({now = now, late = true}) end
answer = cjson.encode({now = now, answer = work()})
redis.call('SET', done, answer, 'PX', %d)
return answer
"""


def _whole(work: str) -> str:
    return _AROUND % (work.strip("\n"), REMEMBERED_MS)


# visit -> true
OPEN_VISIT = _whole("""
  redis.call('ZADD', visits, now, given[1])
  last(longest, visits)
  return true
""")

# visit, id, body, summary -> whether the visit was live
BEGIN = _whole("""
  local visit, id, body, summary = given[1], given[2], given[3], given[4]
  redis.call('HSET', session, 'version', 0, 'status', 'live', 'body', body)
  redis.call('ZADD', seen, now, id)
  redis.call('HSET', live, id, summary)
  last(longest, session, seen, live)
  local opened = tonumber(redis.call('ZSCORE', visits, visit) or '-inf')
  return opened >= now - timeout and redis.call('ZREM', visits, visit) == 1
""")

# version before, id, status, body, summary -> whether it was kept
SAVE = _whole("""
  local before, id, status, body, summary = given[1], given[2], given[3], given[4], given[5]
  local found = redis.call('HMGET', session, 'version', 'status')
  if found[1] ~= before or found[2] ~= 'live' then return false end
  if status ~= 'live' then forget(id) end
  redis.call('HSET', session, 'version', before + 1, 'status', status, 'body', body)
  if status == 'live' then
    redis.call('ZADD', seen, now, id)
    redis.call('HSET', live, id, summary)
    last(longest, session, seen, live)
  else
    last(keep, session)
  end
  return true
""")

# id -> its stage, or false where it is not live
ABANDON = _whole("""
  if redis.call('HGET', session, 'status') ~= 'live' then return false end
  return abandon(given[1], session)
""")

# what a session's key begins with -> {sessions: [[id, stage], ...], visits: how many}
EXPIRE = _whole("""
  local before = string.format('(%.17g', now - timeout)
  local ended = {}
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', seen, '-inf', before)) do
    ended[#ended + 1] = {id, abandon(id, given[1] .. id)}
  end
  return {sessions = ended, visits = redis.call('ZREMRANGEBYSCORE', visits, '-inf', before)}
""")

# -> [ids not timed out, flat pairs of id and summary]; it writes nothing
LIVE = """
local now, timeout = tonumber(ARGV[1]), tonumber(ARGV[2])
if not now then
  local time = redis.call('TIME')
  now = time[1] + time[2] / 1000000
end
local since = string.format('%.17g', now - timeout)
return {redis.call('ZRANGEBYSCORE', KEYS[1], since, '+inf'), redis.call('HGETALL', KEYS[2])}
"""
