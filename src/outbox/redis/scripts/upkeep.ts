/** The scripts that have nothing to do with claims: burying, pulling back, replaying, counting and pruning. */

/** Makes up to a limit of an endpoint's pending deliveries dead. Returns kind and id of each. */
export const bury = `
local endpoint, reason, now, limit, answers = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), {}
for _, kind in ipairs({'first', 'again'}) do
  for _, id in ipairs(call('ZRANGE', prefix .. kind .. ':' .. endpoint, 0, limit - 1)) do
    if not isGone(id, endpoint) then
      call('HSET', deliveryKey(id), 'reason', reason)
      enter(id, 'dead', now)
      answers[#answers + 1] = kind
      answers[#answers + 1] = id
    end
  end
end
return answers
`;

/** Makes due earlier up to a limit of what waits beyond a time. Returns kind and id of each. */
export const pullBack = `
local endpoint, beyond, upTo, dueAt, limit, answers = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], {}
for _, kind in ipairs({'first', 'again'}) do
  for _, id in ipairs(call('ZRANGEBYSCORE', prefix .. kind .. ':' .. endpoint, '(' .. beyond, upTo, 'LIMIT', 0, limit)) do
    if isGone(id, endpoint) then
      -- Nothing is left to be pulled back.
    elseif kind == 'again' or tonumber(call('HGET', deliveryKey(id), 'createdAt')) > tonumber(beyond) then
      enter(id, 'pending', dueAt)
      answers[#answers + 1] = kind
      answers[#answers + 1] = id
    end
  end
end
return answers
`;

/** Makes finished deliveries pending again. Returns for each 1, or 0 where it was not finished. */
export const replay = `
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

/** Returns pending, delivering, dead and the earliest due time of each endpoint. */
export const count = `
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

/** Forgets the oldest finished events. Returns how many deliveries, and whether there may be more. */
export const prune = `
local before, keep, batch = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local left = call('ZCARD', prefix .. 'state:delivered') + call('ZCARD', prefix .. 'state:dead')
  + tonumber(call('GET', prefix .. 'nowhere') or 0)
local oldest, forgotten = call('ZRANGE', prefix .. 'finished', 0, batch - 1, 'WITHSCORES'), 0
for at = 1, #oldest, 2 do
  local event = oldest[at]
  if not (before and tonumber(oldest[at + 1]) < before) and not (keep and left > keep) then return {forgotten, 0} end
  local listed = call('HGET', eventKey(event), 'deliveries')
  local ids = listed and cjson.decode(listed) or {}
  for _, id in ipairs(ids) do
    local found = call('HMGET', deliveryKey(id), 'state', 'endpointId', 'member', 'eventType')
    local endpoint, member = found[2], found[3]
    if found[1] then
      leave(id, found[1], endpoint, member)
      call('ZREM', prefix .. 'all', member)
      call('ZREM', prefix .. 'type:' .. found[4], member)
      call('ZREM', prefix .. 'endpoint:' .. endpoint, member)
      if call('EXISTS', prefix .. 'endpoint:' .. endpoint) == 0 then
        call('SREM', prefix .. 'endpoints', endpoint)
        call('HDEL', prefix .. 'dead', endpoint)
      end
    end
    call('DEL', deliveryKey(id), contentKey(id))
  end
  if listed and #ids == 0 then call('DECR', prefix .. 'nowhere') end
  left = left - math.max(1, #ids)
  forgotten = forgotten + #ids
  call('ZREM', prefix .. 'finished', event)
  call('DEL', eventKey(event))
end
return {forgotten, #oldest == 2 * batch and 1 or 0}
`;
