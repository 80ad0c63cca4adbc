-- charge.lua - the grouped sliding window of core/window.h, inside Redis
--
-- KEYS: one hash for each subject; one field of it is one counter.
-- ARGV[1] says what to do with the rest:
--   charge  all or none
--   force   count, whatever the max
--   peek    count nothing, say what is used
--     for each charge: index in KEYS, field, max, window in ms, window as
--     text, weight, "1" if it only observes. The answer: index of the first
--     that is full or 0, ms to wait for all or 0, ms to wait for that first
--     one or 0, the time in ms, used of each.
--   refund
--     for each refund: index in KEYS, field, weight, window in ms, when it
--     was charged. The answer: the time.
--   show    the answer: the time, then HGETALL of KEYS[1].
--   hosts   say that host ARGV[2] lives for ARGV[3] ms from now, 0: it
--           leaves. KEYS[1] is a sorted set of hosts by the time when they
--           are given up. The answer: the time, how many live, or -1.
--
-- A value is "used/max/window " for people, then for this script: a version
-- octet, the time of the newest group's first event, and the groups, oldest
-- first: time of the last event, count. Times are 48 bits of ms, counts 56
-- bits, so that no number is ever printed as a rounded one. "used" is as of
-- the last charge. What does not look like this starts anew.
--
-- No text of the caller's comes back in an error: a server of old could be
-- made to send a forged reply that way (CVE-2025-67733).

local SLOTS = 60
local GROUPS_MAX = 64
local COUNT_MAX = 9007199254740991
-- A clock that steps back further than this (ms) shifts the groups, so that
-- nobody waits for more than a window; a smaller step stands still.
local STEP_MAX = 1000
local START, START_SIZE = '>I6', 6
local GROUP, GROUP_SIZE = '>I6I7', 13

local pack, unpack_binary = struct.pack, struct.unpack
local floor, ceil = math.floor, math.ceil
local min, max_of = math.min, math.max
local format, sub = string.format, string.sub

local time = redis.call('TIME')
local now = time[1] * 1000 + floor(time[2] / 1000)

-- A counter: total, start, its own now, and the groups as they are stored
-- from octet `first` to before `newest`; the newest itself is last, count
-- (0: there is no group). `head` is false when there was no counter.
local function read(value)
	local used, at
	if value then
		used, at = string.match(value, '^(%d+)/%d+/%w+ \1()')
	end
	if at and #used <= 16 then
		local size = #value - at + 1 - START_SIZE
		if size > 0 and size % GROUP_SIZE == 0 and
		    size <= GROUPS_MAX * GROUP_SIZE then
			local newest = #value - GROUP_SIZE + 1
			local last, count = unpack_binary(GROUP, value, newest)
			return {head = value, total = used + 0,
			    start = unpack_binary(START, value, at),
			    now = max_of(now, last), groups = value,
			    first = at + START_SIZE, newest = newest,
			    last = last, count = count}
		end
	end
	return {head = false, total = 0, start = 0, now = now, groups = '',
	    first = 1, newest = 1, last = 0, count = 0}
end

local function write(counter, limit, window)
	local newest, start = '', pack(START, counter.start)
	if counter.count > 0 then
		newest = pack(GROUP, counter.last, counter.count)
	end
	return format('%.0f/%s/%s \1', counter.total, limit, window) .. start ..
	    sub(counter.groups, counter.first, counter.newest - 1) .. newest
end

-- Make the newest event happen now.
local function shift_back(counter)
	local by = counter.last - now
	local shifted = {}
	for at = counter.first, counter.newest - 1, GROUP_SIZE do
		local last, count = unpack_binary(GROUP, counter.groups, at)
		shifted[#shifted + 1] = pack(GROUP, max_of(last - by, 0), count)
	end
	counter.groups = table.concat(shifted)
	counter.first, counter.newest = 1, #counter.groups + 1
	counter.start = max_of(counter.start - by, 0)
	counter.last, counter.now, counter.shifted = now, now, true
end

local function expire(counter, window)
	while counter.first < counter.newest do
		local last, count =
		    unpack_binary(GROUP, counter.groups, counter.first)
		if counter.now - last < window then
			return
		end
		counter.total = counter.total - count
		counter.first = counter.first + GROUP_SIZE
	end
	if counter.count > 0 and counter.now - counter.last >= window then
		counter.count = 0
	end
	counter.total = counter.count
end

-- How long until `weight` more would pass.
local function wait(counter, window, limit, weight)
	if weight > limit then
		return window
	end
	local excess = counter.total + weight - limit
	for at = counter.first, counter.newest - 1, GROUP_SIZE do
		local last, count = unpack_binary(GROUP, counter.groups, at)
		excess = excess - count
		if excess <= 0 then
			return last + window - counter.now
		end
	end
	return counter.last + window - counter.now
end

-- Put the newest group with the older ones.
local function close_newest(counter)
	local groups = sub(counter.groups, counter.first, counter.newest - 1)
	if #groups >= (GROUPS_MAX - 1) * GROUP_SIZE then
		-- only after a window was made longer: join the two oldest
		local _, count = unpack_binary(GROUP, groups, 1)
		local last, more = unpack_binary(GROUP, groups, 1 + GROUP_SIZE)
		groups = pack(GROUP, last, count + more) ..
		    sub(groups, 1 + 2 * GROUP_SIZE)
	end
	counter.groups = groups .. pack(GROUP, counter.last, counter.count)
	counter.first, counter.newest = 1, #counter.groups + 1
	counter.count = 0
end

local function add(counter, window, weight)
	if counter.count > 0 and
	    counter.now - counter.start >= ceil(window / SLOTS) then
		close_newest(counter)
	end
	if counter.count == 0 then
		counter.start = counter.now
	end
	counter.last = counter.now
	counter.count = min(counter.count + weight, COUNT_MAX)
	counter.total = min(counter.total + weight, COUNT_MAX)
end

-- From the group of that time, the first whose last event is not before it.
local function refund(counter, when, weight)
	if counter.count == 0 or when > counter.last then
		return
	end
	local at, last, count = counter.newest, counter.last, counter.count
	while at > counter.first do
		local older, more =
		    unpack_binary(GROUP, counter.groups, at - GROUP_SIZE)
		if older < when then
			break
		end
		at, last, count = at - GROUP_SIZE, older, more
	end
	local less = min(weight, count)
	counter.total = max_of(counter.total - less, 0)
	local group = ''
	if count > less then
		group = pack(GROUP, last, count - less)
	end
	local groups = sub(counter.groups, counter.first, at - 1) .. group
	if at < counter.newest then
		groups = groups ..
		    sub(counter.groups, at + GROUP_SIZE, counter.newest - 1) ..
		    pack(GROUP, counter.last, counter.count)
	elseif count <= less then
		counter.start = 0	-- of the group before: not known
	end
	counter.groups, counter.first = groups, 1
	counter.newest = #groups - GROUP_SIZE + 1
	if counter.newest < 1 then
		counter.newest, counter.count = 1, 0
		return
	end
	counter.last, counter.count =
	    unpack_binary(GROUP, groups, counter.newest)
end

-- One HMGET for each subject: subjects[k].counters[field].
local function load(step)
	local subjects = {}
	for k = 1, #KEYS do
		subjects[k] = {fields = {}, counters = {}}
	end
	for i = 2, #ARGV, step do
		local subject = subjects[tonumber(ARGV[i])]
		local field = ARGV[i + 1]
		if not subject.counters[field] then
			subject.counters[field] = true
			subject.fields[#subject.fields + 1] = field
		end
	end
	for k, subject in ipairs(subjects) do
		local values =
		    redis.call('HMGET', KEYS[k], unpack(subject.fields))
		for i, field in ipairs(subject.fields) do
			local counter = read(values[i])
			if counter.last > now + STEP_MAX then
				shift_back(counter)
			end
			subject.counters[field] = counter
		end
	end
	return subjects
end

-- One HSET for each subject that changed, and a time to live that no longer
-- window of another limit is cut short by. It is made a little longer, so
-- that it need not be set again with every charge.
local function save(subjects)
	for k, subject in ipairs(subjects) do
		if subject.changes then
			redis.call('HSET', KEYS[k], unpack(subject.changes))
			local live = subject.live
			if redis.call('PTTL', KEYS[k]) < live then
				live = live + ceil(live / SLOTS) + STEP_MAX
				redis.call('PEXPIRE', KEYS[k],
				    format('%.0f', live))
			end
		end
	end
end

local function change(subject, field, value, live)
	subject.changes = subject.changes or {}
	subject.changes[#subject.changes + 1] = field
	subject.changes[#subject.changes + 1] = value
	subject.live = max_of(subject.live or 0, live)
end

local function charge(mode)
	local subjects = load(7)
	local order = {}
	local refused, retry, full = 0, 0, 0
	for i = 2, #ARGV, 7 do
		local subject = subjects[tonumber(ARGV[i])]
		local counter = subject.counters[ARGV[i + 1]]
		local limit = tonumber(ARGV[i + 2])
		local window = tonumber(ARGV[i + 3])
		local weight = tonumber(ARGV[i + 5])
		if not counter.pending then
			expire(counter, window)
			counter.pending = 0
		end
		counter.pending = counter.pending + weight
		if mode ~= 'force' and ARGV[i + 6] ~= '1' and
		    counter.total + counter.pending > limit then
			local ms =
			    wait(counter, window, limit, counter.pending)
			if refused == 0 then
				refused, full = (i + 5) / 7, ms
			end
			retry = max_of(retry, ms)
		end
		order[#order + 1] = counter
	end
	local counts = mode ~= 'peek' and refused == 0
	for i = 2, #ARGV, 7 do
		local subject = subjects[tonumber(ARGV[i])]
		local counter = subject.counters[ARGV[i + 1]]
		local window = tonumber(ARGV[i + 3])
		local adds = counts and counter.pending > 0
		if (adds or counter.shifted) and not counter.written then
			counter.written = true
			if adds then
				add(counter, window, counter.pending)
			end
			change(subject, ARGV[i + 1],
			    write(counter, ARGV[i + 2], ARGV[i + 4]),
			    window + counter.now - now)
		end
	end
	save(subjects)
	local answer = {refused, retry, full, now}
	for i, counter in ipairs(order) do
		answer[i + 4] = counter.total
	end
	return answer
end

local function give_back()
	local subjects = load(5)
	for i = 2, #ARGV, 5 do
		local subject = subjects[tonumber(ARGV[i])]
		local counter = subject.counters[ARGV[i + 1]]
		local weight = tonumber(ARGV[i + 2])
		local window = tonumber(ARGV[i + 3])
		local when = tonumber(ARGV[i + 4])
		if counter.head and counter.now - when < window then
			expire(counter, window)
			local before = counter.total
			refund(counter, when, weight)
			counter.changed = counter.changed or
			    counter.total ~= before
			counter.live = window + counter.now - now
		end
	end
	for k, subject in ipairs(subjects) do
		for field, counter in pairs(subject.counters) do
			if counter.changed then
				local limit, text = string.match(counter.head,
				    '^%d+/(%d+)/(%w+)')
				change(subject, field,
				    write(counter, limit, text), counter.live)
			end
		end
	end
	save(subjects)
	return {now}
end

-- Not being allowed to do this is no reason to fail.
local function hosts()
	local live = tonumber(ARGV[3])
	local done
	if live > 0 then
		done = redis.pcall('ZADD', KEYS[1], format('%.0f', now + live),
		    ARGV[2])
	else
		done = redis.pcall('ZREM', KEYS[1], ARGV[2])
	end
	if type(done) == 'table' and done.err then
		return {now, -1}
	end
	done = redis.pcall('ZREMRANGEBYSCORE', KEYS[1], '-inf',
	    format('%.0f', now))
	local count = redis.pcall('ZCARD', KEYS[1])
	if type(done) == 'table' or type(count) == 'table' then
		return {now, -1}
	end
	if live > 0 then
		redis.call('PEXPIRE', KEYS[1], format('%.0f', live))
	end
	return {now, count}
end

if ARGV[1] == 'hosts' then
	return hosts()
elseif ARGV[1] == 'refund' then
	return give_back()
elseif ARGV[1] == 'show' then
	local answer = redis.call('HGETALL', KEYS[1])
	table.insert(answer, 1, now)
	return answer
end
return charge(ARGV[1])
