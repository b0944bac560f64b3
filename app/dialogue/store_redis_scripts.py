"""What Redis does for the sessions in one step each: its scripts, in Lua.

    session   hash   one dialogue: version, status, body
    live      hash   session id -> [stage, category, evidence], of every live dialogue
    seen      zset   session id -> when it was last gone on with, of every live dialogue
    evidence  zset   session id -> when it first had evidence, of every live dialogue that has some
    totals    hash   what these add up to: live -> dialogues; n:CATEGORY -> those that have evidence,
                     p:CATEGORY -> its pieces. Where `live` has another number an older version has
                     written there, and all is counted again
    visits    zset   visit and product -> when the page was opened
    starts    string of a client, how often it has started something within a minute
    done      string the answer of a script that has run

The time is Redis's own, so that machines whose clocks differ time out alike; a test says its own. A script
whose answer was lost on the way is sent once more with the same `done`, and answers without doing it again.
One that comes when its sender waits no more does nothing.
"""

from __future__ import annotations

REMEMBERED_MS = 30_000
# A time-out is returned to its caller alone: without the answer, nobody would count it.
EXPIRED_REMEMBERED_MS = 3_600_000

_AROUND = """
local done, visits, seen, live, session = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local evidence, totals = KEYS[6], KEYS[7]
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

local function count(summary, by)
  local _, category, pieces = unpack(cjson.decode(summary))
  if pieces == cjson.null then return false end
  redis.call('HINCRBY', totals, 'n:' .. category, by)
  redis.call('HINCRBY', totals, 'p:' .. category, string.format('%%d', by * pieces))
  return true
end

local function remember(id, summary)
  local known = redis.call('HGET', live, id)
  if known then count(known, -1) else redis.call('HINCRBY', totals, 'live', 1) end
  redis.call('HSET', live, id, summary)
  redis.call('ZADD', seen, now, id)
  if count(summary, 1) then redis.call('ZADD', evidence, 'NX', now, id) end
  last(longest, session, seen, live, evidence, totals)
end

-- What ends a session goes first: it frees memory, and after it a Redis that is full takes the rest too.
local function forget(id)
  local known = redis.call('HGET', live, id)
  redis.call('ZREM', seen, id)
  redis.call('HDEL', live, id)
  redis.call('ZREM', evidence, id)
  if not known then return false end
  redis.call('HINCRBY', totals, 'live', -1)
  count(known, -1)
  return cjson.decode(known)[1]
end

local function abandon(id, key)
  local stage = forget(id)
  local body = redis.call('HGET', key, 'body')
  if body then
    redis.call('HSET', key, 'status', 'abandoned')
    redis.call('HINCRBY', key, 'version', 1)
    last(keep, key)
  end
  return stage or body and cjson.decode(body).stage
end

local function work()
%s
end

local answer = redis.call('GET', done)
if answer then return answer end
if until_when and now > until_when then return cjson.encode({now = now, late = true}) end
local outcome, nothing_done = work()
answer = cjson.encode({now = now, answer = outcome})
if not nothing_done then redis.call('SET', done, answer, 'PX', %d) end
return answer
"""


def _whole(work: str, remembered_ms: int = REMEMBERED_MS) -> str:
    return _AROUND % (work.strip("\n"), remembered_ms)


# visit -> true
OPEN_VISIT = _whole("""
  redis.call('ZADD', visits, now, given[1])
  last(longest, visits)
  return true
""")

# visit, id, body, summary, most live -> whether the visit was live; "full" where no more may be begun
BEGIN = _whole("""
  local visit, id, body, summary, most = given[1], given[2], given[3], given[4], tonumber(given[5])
  if redis.call('ZCOUNT', seen, string.format('%.17g', now - timeout), '+inf') >= most then return 'full' end
  redis.call('HSET', session, 'version', 0, 'status', 'live', 'body', body)
  remember(id, summary)
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
  if status == 'live' then remember(id, summary) else last(keep, session) end
  return true
""")

# id -> its stage, or false where it is not live
ABANDON = _whole("""
  if redis.call('HGET', session, 'status') ~= 'live' then return false end
  return abandon(given[1], session)
""")

# what a session's key begins with, how many at most -> {sessions: [[id, stage], ...], visits: how many}
EXPIRE = _whole(
    """
  local before, most = string.format('(%.17g', now - timeout), tonumber(given[2])
  local ended = {}
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', seen, '-inf', before, 'LIMIT', 0, most)) do
    local stage = abandon(id, given[1] .. id)
    if stage then ended[#ended + 1] = {id, stage} end
  end
  local left = math.min(redis.call('ZCOUNT', visits, '-inf', before), most)
  if left > 0 then redis.call('ZREMRANGEBYRANK', visits, 0, left - 1) end
  return {sessions = ended, visits = left}, #ended + left == 0
""",
    EXPIRED_REMEMBERED_MS,
)

# how much, of how many milliseconds a new count is -> the count
TALLY = _whole("""
  local amount = redis.call('INCRBY', session, given[1])
  if amount == tonumber(given[1]) then redis.call('PEXPIRE', session, given[2]) end
  return amount
""")

# how many at most -> [flat pairs of id and summary, what all add up to]
LIVE = """
local live, evidence, totals = KEYS[1], KEYS[2], KEYS[3]

local function add(some)
  if #some > 0 then redis.call('ZADD', evidence, unpack(some)) end
end

local function count_anew()
  redis.call('DEL', evidence, totals)
  local all, sums, some = redis.call('HGETALL', live), {}, {}
  for at = 1, #all, 2 do
    local _, category, pieces = unpack(cjson.decode(all[at + 1]))
    if pieces ~= cjson.null then
      local sum = sums[category] or {0, 0}
      sums[category] = {sum[1] + 1, sum[2] + pieces}
      some[#some + 1] = 0
      some[#some + 1] = all[at]
      if #some == 2000 then add(some); some = {} end
    end
  end
  add(some)
  redis.call('HSET', totals, 'live', #all / 2)
  for category, sum in pairs(sums) do
    redis.call('HSET', totals, 'n:' .. category, sum[1], 'p:' .. category, sum[2])
  end
  local left = redis.call('PTTL', live)
  if left > 0 then
    redis.call('PEXPIRE', evidence, left)
    redis.call('PEXPIRE', totals, left)
  end
end

if redis.call('HLEN', live) ~= tonumber(redis.call('HGET', totals, 'live') or 0) then count_anew() end
local some = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', evidence, '-inf', '+inf', 'LIMIT', 0, ARGV[1])) do
  local summary = redis.call('HGET', live, id)
  if summary then
    some[#some + 1] = id
    some[#some + 1] = summary
  end
end
return {some, redis.call('HGETALL', totals)}
"""
