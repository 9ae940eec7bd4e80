/**
 * The Lua scripts that change the outbox's records in Redis: each runs whole or not at all.
 *
 * Under the key prefix: `event:<id>` and `delivery:<id>` are the records, and `content:<id>` what a delivery sends
 * instead of its event's body; `all`, `type:<type>`, `endpoint:<id>` and
 * `state:<state>` list deliveries by age for searching; `first:<endpoint>` and `again:<endpoint>` hold what is pending
 * by due time, `due` the endpoints by the time their next delivery is due; `delivering:<endpoint>` and `busy` say what
 * is claimed; `finished` lists events with nothing left to do. `queue:…` belongs to BullMQ.
 */

const records = `
local prefix = KEYS[1] .. ':'
local call = redis.call

local function deliveryKey(id) return prefix .. 'delivery:' .. id end
local function contentKey(id) return prefix .. 'content:' .. id end
local function eventKey(id) return prefix .. 'event:' .. id end
local function lockKey(queue, id) return prefix .. 'queue:' .. queue .. ':' .. id .. ':lock' end

local function noteDue(endpoint)
  local earliest = false
  for _, kind in ipairs({'first', 'again'}) do
    local head = call('ZRANGE', prefix .. kind .. ':' .. endpoint, 0, 0, 'WITHSCORES')
    if head[2] and (not earliest or tonumber(head[2]) < tonumber(earliest)) then earliest = head[2] end
  end
  if earliest then call('ZADD', prefix .. 'due', earliest, endpoint) else call('ZREM', prefix .. 'due', endpoint) end
end

local function isFinished(state) return state == 'delivered' or state == 'dead' end

local function leave(id, state, endpoint, member)
  call('ZREM', prefix .. 'state:' .. state, member)
  if state == 'pending' then
    call('ZREM', prefix .. 'first:' .. endpoint, id)
    call('ZREM', prefix .. 'again:' .. endpoint, id)
  elseif state == 'delivering' then
    call('SREM', prefix .. 'delivering:' .. endpoint, id)
    if call('SCARD', prefix .. 'delivering:' .. endpoint) == 0 then call('SREM', prefix .. 'busy', endpoint) end
  elseif state == 'dead' then
    call('HINCRBY', prefix .. 'dead', endpoint, -1)
  end
end

-- Moves a delivery into a state, with every list that tells of it.
local function enter(id, state, dueAt)
  local key = deliveryKey(id)
  local found = call('HMGET', key, 'state', 'endpointId', 'member', 'eventId', 'attempt', 'replays', 'createdAt')
  local old, endpoint, member, event = found[1], found[2], found[3], found[4]
  if old then leave(id, old, endpoint, member) end
  call('HSET', key, 'state', state, 'dueAt', dueAt)
  call('ZADD', prefix .. 'state:' .. state, 0, member)
  if state == 'pending' then
    local again = tonumber(found[5]) > 1 or tonumber(found[6]) > 0
    call('ZADD', prefix .. (again and 'again:' or 'first:') .. endpoint, dueAt, id)
  elseif state == 'delivering' then
    call('SADD', prefix .. 'delivering:' .. endpoint, id)
    call('SADD', prefix .. 'busy', endpoint)
  elseif state == 'dead' then
    call('HINCRBY', prefix .. 'dead', endpoint, 1)
  end
  if state == 'pending' or old == 'pending' then noteDue(endpoint) end
  if isFinished(state) and not isFinished(old) then
    if call('HINCRBY', eventKey(event), 'open', -1) == 0 then
      call('ZADD', prefix .. 'finished', found[7], event)
    end
  elseif isFinished(old) and not isFinished(state) then
    call('HINCRBY', eventKey(event), 'open', 1)
    call('ZREM', prefix .. 'finished', event)
  end
end
`;

/** Stores events with their deliveries. Answers 1 for each that is new, or that this same call stored before. */
const put = `
local at = 1
local function take() at = at + 1; return ARGV[at - 1] end
local call_id, count, answers = take(), tonumber(take()), {}
for position = 1, count do
  local event, mark = take(), call_id .. ':' .. position
  local key, fields = eventKey(event), {'put', mark}
  local age, type = take(), take()
  local createdAt = take()
  fields[#fields + 1] = 'type'; fields[#fields + 1] = type
  fields[#fields + 1] = 'createdAt'; fields[#fields + 1] = createdAt
  for _ = 1, tonumber(take()) do fields[#fields + 1] = take(); fields[#fields + 1] = take() end
  local known = call('HGET', key, 'put')
  answers[position] = (not known or known == mark) and 1 or 0
  if not known then call('HSET', key, unpack(fields)) end
  local open, ids = 0, {}
  for _ = 1, tonumber(take()) do
    local id, endpoint, dueAt = take(), take(), take()
    local headers, content = take(), take()
    if not known and call('EXISTS', deliveryKey(id)) == 0 then
      local member = age .. id
      call('HSET', deliveryKey(id), 'eventId', event, 'eventType', type, 'endpointId', endpoint, 'member', member,
        'createdAt', createdAt, 'attempt', 1, 'replays', 0)
      call('ZADD', prefix .. 'all', 0, member)
      call('ZADD', prefix .. 'type:' .. type, 0, member)
      call('ZADD', prefix .. 'endpoint:' .. endpoint, 0, member)
      call('SADD', prefix .. 'endpoints', endpoint)
      if headers ~= '' then call('HSET', contentKey(id), 'headers', headers, 'body', content) end
      enter(id, 'pending', dueAt)
      open = open + 1
      ids[open] = id
    end
  end
  if not known then
    call('HSET', key, 'open', open, 'deliveries', cjson.encode(ids))
    if open == 0 then
      call('ZADD', prefix .. 'finished', createdAt, event)
      call('INCR', prefix .. 'nowhere')
    end
  end
end
return answers
`;

/**
 * Looks up what the drawn tickets stand for and claims it. Answers for each: \`void\` where nothing is to be done,
 * \`later\` and the due time, or \`claim\` and what an attempt needs.
 */
const take = `
local now, answers = tonumber(ARGV[1]), {}
for at = 2, #ARGV, 3 do
  local queue, id, lease = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  local key = deliveryKey(id)
  local found = call('HMGET', key, 'state', 'dueAt', 'lease', 'queue', 'eventId', 'attempt', 'replays', 'traceId', 'spanId', 'batch')
  local state, dueAt = found[1], found[2]
  local held = state == 'delivering' and call('GET', lockKey(found[4], id)) == found[3]
  if not state or isFinished(state) or held then
    answers[#answers + 1] = {'void'}
  elseif state == 'pending' and tonumber(dueAt) > now then
    answers[#answers + 1] = {'later', dueAt}
  else
    enter(id, 'delivering', dueAt)
    call('HSET', key, 'lease', lease, 'queue', queue)
    local event = call('HMGET', eventKey(found[5]), 'type', 'source', 'createdAt', 'body', 'traceparent', 'tracestate', 'origin')
    local content = call('HMGET', contentKey(id), 'headers', 'body')
    answers[#answers + 1] = {'claim', dueAt, found[5], found[6], found[7], found[8], found[9], found[10],
      content[1], content[2], unpack(event, 1, 7)}
  end
end
return answers
`;

/** Ends a lease. Answers 0 where it ended before. */
const settle = `
local id, lease, kind, dueAt, hasReason, reason, batch, attempt, traceId, spanId = unpack(ARGV)
local key = deliveryKey(id)
local found = call('HMGET', key, 'state', 'lease')
if found[1] ~= 'delivering' or found[2] ~= lease then return 0 end
if attempt ~= '' then
  call('HSET', key, 'attempt:' .. call('HINCRBY', key, 'attempts', 1), attempt)
  if traceId ~= '' and spanId ~= '' then call('HSET', key, 'traceId', traceId, 'spanId', spanId) end
end
if hasReason == '1' then call('HSET', key, 'reason', reason)
elseif kind ~= 'release' then call('HDEL', key, 'reason') end
if kind == 'retry' then call('HINCRBY', key, 'attempt', 1) end
if batch ~= '' then call('HSET', key, 'batch', batch)
elseif kind ~= 'release' then call('HDEL', key, 'batch') end
if kind == 'retry' or kind == 'release' then enter(id, 'pending', dueAt) else enter(id, kind, dueAt) end
return 1
`;

/** Makes pending what an endpoint's dead claimers held: those whose lock ran out. */
const recover = `
local endpoint, recovered = ARGV[1], 0
for _, id in ipairs(call('SMEMBERS', prefix .. 'delivering:' .. endpoint)) do
  local found = call('HMGET', deliveryKey(id), 'lease', 'queue', 'dueAt')
  if call('GET', lockKey(found[2], id)) ~= found[1] then
    enter(id, 'pending', found[3])
    recovered = recovered + 1
  end
end
return recovered
`;

/** Answers kind, id and due time of what is due and longest so, but has no ticket in BullMQ's queue. */
const ticketless = `
local endpoint, now, limit, answers = ARGV[1], ARGV[2], ARGV[3], {}
for at, kind in ipairs({'first', 'again'}) do
  local due = call('ZRANGEBYSCORE', prefix .. kind .. ':' .. endpoint, '-inf', now, 'WITHSCORES', 'LIMIT', 0, limit)
  for i = 1, #due, 2 do
    if call('EXISTS', prefix .. 'queue:' .. ARGV[3 + at] .. ':' .. due[i]) == 0 then
      for _, value in ipairs({kind, due[i], due[i + 1]}) do answers[#answers + 1] = value end
    end
  end
end
return answers
`;

/** Makes up to a limit of an endpoint's pending deliveries dead; answers kind and id of each. */
const bury = `
local endpoint, reason, now, limit, answers = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), {}
for _, kind in ipairs({'first', 'again'}) do
  for _, id in ipairs(call('ZRANGE', prefix .. kind .. ':' .. endpoint, 0, limit - 1)) do
    call('HSET', deliveryKey(id), 'reason', reason)
    enter(id, 'dead', now)
    answers[#answers + 1] = kind
    answers[#answers + 1] = id
  end
end
return answers
`;

/** Makes finished deliveries pending again. Answers for each 1, or 0 where it was not finished. */
const replay = `
local now, answers = ARGV[1], {}
for at = 2, #ARGV do
  local id = ARGV[at]
  local key = deliveryKey(id)
  if isFinished(call('HGET', key, 'state')) then
    call('HSET', key, 'attempt', 1)
    call('HINCRBY', key, 'replays', 1)
    call('HDEL', key, 'reason')
    enter(id, 'pending', now)
    answers[#answers + 1] = 1
  else
    answers[#answers + 1] = 0
  end
end
return answers
`;

/** Answers pending, delivering, dead and the earliest due time of each endpoint. */
const count = `
local answers = {}
for at, endpoint in ipairs(ARGV) do
  answers[at] = {
    call('ZCARD', prefix .. 'first:' .. endpoint) + call('ZCARD', prefix .. 'again:' .. endpoint),
    call('SCARD', prefix .. 'delivering:' .. endpoint),
    tonumber(call('HGET', prefix .. 'dead', endpoint) or 0),
    call('ZSCORE', prefix .. 'due', endpoint),
  }
end
return answers
`;

/** Forgets the oldest finished events. Answers how many deliveries, and whether there may be more. */
const prune = `
local before, keep, batch = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local left = call('ZCARD', prefix .. 'state:delivered') + call('ZCARD', prefix .. 'state:dead')
  + tonumber(call('GET', prefix .. 'nowhere') or 0)
local oldest, forgotten = call('ZRANGE', prefix .. 'finished', 0, batch - 1, 'WITHSCORES'), 0
for at = 1, #oldest, 2 do
  local event = oldest[at]
  if not (before and tonumber(oldest[at + 1]) < before) and not (keep and left > keep) then return {forgotten, 0} end
  local ids = cjson.decode(call('HGET', eventKey(event), 'deliveries'))
  for _, id in ipairs(ids) do
    local found = call('HMGET', deliveryKey(id), 'state', 'endpointId', 'member', 'eventType')
    local endpoint, member = found[2], found[3]
    leave(id, found[1], endpoint, member)
    call('ZREM', prefix .. 'all', member)
    call('ZREM', prefix .. 'type:' .. found[4], member)
    call('ZREM', prefix .. 'endpoint:' .. endpoint, member)
    if call('EXISTS', prefix .. 'endpoint:' .. endpoint) == 0 then
      call('SREM', prefix .. 'endpoints', endpoint)
      call('HDEL', prefix .. 'dead', endpoint)
    end
    call('DEL', deliveryKey(id), contentKey(id))
  end
  if #ids == 0 then call('DECR', prefix .. 'nowhere') end
  left = left - math.max(1, #ids)
  forgotten = forgotten + #ids
  call('ZREM', prefix .. 'finished', event)
  call('DEL', eventKey(event))
end
return {forgotten, #oldest == 2 * batch and 1 or 0}
`;

const bodies = {
  outboxPut: put,
  outboxTake: take,
  outboxSettle: settle,
  outboxRecover: recover,
  outboxTicketless: ticketless,
  outboxBury: bury,
  outboxReplay: replay,
  outboxCount: count,
  outboxPrune: prune,
};

export type ScriptName = keyof typeof bodies;

/** In the form of ioredis's `scripts` option; the one key of each is the prefix. */
export const scripts: Record<string, { lua: string; numberOfKeys: number }> = Object.fromEntries(
  Object.entries(bodies).map(([name, body]) => [name, { lua: records + body, numberOfKeys: 1 }]),
);
