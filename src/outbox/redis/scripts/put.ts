/** The script that stores events with their deliveries. */

/** Stores events with their deliveries. Returns 1 for each that is new, or that this same call stored before. */
export const put = `
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
