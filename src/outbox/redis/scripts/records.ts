/** What every script begins with: the keys, and how a delivery moves from state to state in all the lists that have it. */

export const records = `
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

-- Tells whether a record vanished, by eviction or by hand. Takes it out of the lists that would bring it up again and again.
local function isGone(id, endpoint)
  if call('EXISTS', deliveryKey(id)) == 1 then return false end
  leave(id, 'pending', endpoint, id)
  leave(id, 'delivering', endpoint, id)
  noteDue(endpoint)
  return true
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
