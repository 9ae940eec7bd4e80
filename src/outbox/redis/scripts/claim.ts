/** The scripts by which workers claim, settle, and recover what dead ones held. */

/**
 * Looks up what the drawn tickets stand for and claims it. Returns for each: \`void\` where nothing is to be done,
 * \`later\` and the due time, or \`claim\` and what an attempt needs.
 */
export const take = `
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

/** Ends a lease. Returns 0 where it ended before. */
export const settle = `
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

/** Makes pending what an endpoint's dead claimers held: those whose lock ran out. Returns how many records are gone. */
export const recover = `
local endpoint, gone = ARGV[1], 0
for _, id in ipairs(call('SMEMBERS', prefix .. 'delivering:' .. endpoint)) do
  if isGone(id, endpoint) then
    gone = gone + 1
  else
    local found = call('HMGET', deliveryKey(id), 'lease', 'queue', 'dueAt')
    if call('GET', lockKey(found[2], id)) ~= found[1] then enter(id, 'pending', found[3]) end
  end
end
return gone
`;

/**
 * Returns how many records are gone, and kind, id and due time of what is due and longest so, but has no ticket in
 * BullMQ's queue.
 */
export const ticketless = `
local endpoint, now, limit, answers, gone = ARGV[1], ARGV[2], ARGV[3], {}, 0
for at, kind in ipairs({'first', 'again'}) do
  local due = call('ZRANGEBYSCORE', prefix .. kind .. ':' .. endpoint, '-inf', now, 'WITHSCORES', 'LIMIT', 0, limit)
  for i = 1, #due, 2 do
    if isGone(due[i], endpoint) then
      gone = gone + 1
    elseif call('EXISTS', prefix .. 'queue:' .. ARGV[3 + at] .. ':' .. due[i]) == 0 then
      for _, value in ipairs({kind, due[i], due[i + 1]}) do answers[#answers + 1] = value end
    end
  end
end
table.insert(answers, 1, gone)
return answers
`;
